"""Where images go: their names, what a registry answers, and who we are there."""

from __future__ import annotations

import base64
import binascii
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coop_core.build.dagger import programs
from coop_core.errors import CoopError, ExitCode
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCKER_HUB = "docker.io"
USERNAME = "COOP_REGISTRY_USERNAME"
PASSWORD = "COOP_REGISTRY_PASSWORD"

_HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")
_HELPER_LIMIT_S = 30
_HELPER = re.compile(r"[A-Za-z0-9_.-]+")
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_ADDRESS = re.compile(rf"[A-Za-z0-9.-]+(?::[0-9]{{1,5}})?(?:/{_PART})*")
_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})$")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are at a registry."""

    username: str
    secret: str

    def __repr__(self) -> str:
        return f"Credentials({self.username!r})"


@dataclass(frozen=True, slots=True)
class Registry:
    """address: `<host>[:port][/path]`, where images are pushed to. pulled_as: what the cluster calls it."""

    address: str
    pulled_as: str

    @property
    def host(self) -> str:
        """Docker Hub where the first part is no host, as Docker reads it."""
        first = self.address.partition("/")[0]
        is_host = "." in first or ":" in first or first == "localhost"
        return first if is_host else DOCKER_HUB

    def target(self, service: str, tag: str) -> str:
        return f"{self.address}/{service}:{tag}"

    def reference(self, service: str, published: str) -> str:
        """The image by digest, as the cluster pulls it. published: Dagger's answer, `<name>[:tag]@<digest>`."""
        match = _DIGEST.search(published.strip())
        if not match:
            raise CoopError(
                "cannot publish the image", f"the answer names no digest: {one_line(published, 120)!r}",
                "check that the registry speaks the OCI distribution protocol",
            )  # fmt: skip
        return f"{self.pulled_as}/{service}@{match[1]}"


def registry(address: str, pulled_as: str | None) -> Registry:
    """A checked registry; both are written by a person."""
    for written in filter(None, (address, pulled_as)):
        if not _ADDRESS.fullmatch(written):
            raise CoopError(
                "cannot use the registry", f"{one_line(written, 120)!r} is no registry's address",
                'write it like [registry] address = "ghcr.io/acme", without https:// and without a tag',
                ExitCode.CONFIG,
            )  # fmt: skip
    return Registry(address, pulled_as or address)


async def credentials(host: str, environ: Mapping[str, str]) -> Credentials | None:
    """From the environment, else from Docker's configuration and its credential helpers.

    None when there are none, or of a kind that only Docker's own client understands: the session reads that
    configuration too, and does what it can.
    """
    if environ.get(USERNAME) and environ.get(PASSWORD):
        return Credentials(environ[USERNAME], environ[PASSWORD])
    config = _docker_config(environ)
    keys = _HUB_KEYS if host == DOCKER_HUB else (host, f"https://{host}", f"https://{host}/")
    helpers, auths = _mapping(config.get("credHelpers")), _mapping(config.get("auths"))
    for key in keys:
        if isinstance(helpers.get(key), str):
            return await _ask(helpers[key], key, environ)
    for key in keys:
        if found := _written(_mapping(auths.get(key))):
            return found
    store = config.get("credsStore")
    return await _ask(store, keys[0], environ) if isinstance(store, str) and store else None


def _docker_config(environ: Mapping[str, str]) -> Mapping[str, object]:
    folder = environ.get("DOCKER_CONFIG") or str(Path(environ.get("HOME") or Path.home()) / ".docker")
    path = Path(folder) / "config.json"
    try:
        return _mapping(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CoopError(
            "cannot read the registry's credentials",
            f"{path} is not readable as JSON",
            f"correct {path}, or remove it",
        ) from error


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _written(entry: Mapping[str, object]) -> Credentials | None:
    username, secret, auth = entry.get("username"), entry.get("password"), entry.get("auth")
    if isinstance(auth, str) and auth:
        try:
            username, _, secret = base64.b64decode(auth, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
    if isinstance(username, str) and isinstance(secret, str) and username and secret:
        return Credentials(username, secret.rstrip("\0"))
    return None


async def _ask(helper: object, key: str, environ: Mapping[str, str]) -> Credentials | None:
    """What `docker-credential-<helper>` knows; it is asked each time, because what it gives may expire."""
    name = f"docker-credential-{helper}"
    program = shutil.which(name, path=environ.get("PATH")) if _HELPER.fullmatch(str(helper)) else None
    if program is None:
        raise CoopError(
            "cannot ask for the registry's credentials", f"{one_line(name, 80)} is not on PATH",
            f"install it, or set {USERNAME} and {PASSWORD}",
        )  # fmt: skip
    try:
        code, out = await programs.output([program, "get"], environ, stdin=key.encode(), limit_s=_HELPER_LIMIT_S)
        found = _mapping(json.loads(out)) if code == 0 else {}
    except (OSError, ValueError, TimeoutError):
        found = {}
    username, secret = found.get("Username"), found.get("Secret")
    if not isinstance(username, str) or not isinstance(secret, str) or not secret or username == "<token>":
        return None
    return Credentials(username, secret)
