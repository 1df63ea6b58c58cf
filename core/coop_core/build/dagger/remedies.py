"""What helps against what an engine or a registry says. Pure: rows of patterns, of which the first match wins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.build.dagger import dockerfile

if TYPE_CHECKING:
    from collections.abc import Sequence

_Rows = tuple[tuple[str, str], ...]

_DISK: _Rows = (
    (
        "no space left on device|disk quota exceeded",
        "free disk space where Dagger's engine runs, e.g. by: dagger core engine local-cache prune",
    ),
)

_REGISTRY: _Rows = (
    *_DISK,
    (
        "server gave HTTP response to HTTPS client",
        'it speaks plain HTTP: put "registries": {"$HOST": {"http": true}} into ~/.config/dagger/engine.json,'
        " then remove Dagger's engine container, which reads it when it is made",
    ),
    (
        "x509|certificate",
        'put its certificate into ~/.config/dagger/engine.json, under "registries", "$HOST", "ca", then remove'
        " Dagger's engine container: it reads that file when it is made",
    ),
    (
        r"\b40[13]\b|unauthorized|denied|forbidden|authentication",
        "docker login $HOST; or set COOP_REGISTRY_USERNAME and COOP_REGISTRY_PASSWORD",
    ),
    (
        r"no such host|connection refused|timeout|unreachable|connection reset|\bEOF\b|\b50[0-9]\b",
        "check that $HOST answers from where Dagger's engine runs; inside it, localhost is the engine itself",
    ),
)

_BUILD: _Rows = (
    *_DISK,
    ("secret .* is required", "name it in coop.yaml, e.g. build: {secrets: {token: {env: TOKEN}}}"),
    (
        "target stage .* could not be found",
        "correct build.target in coop.yaml, or name a stage so: FROM … AS runtime",
    ),
    (
        "no match for platform",
        "build for one that the base image has, in coop.yaml: build: {platform: linux/amd64}",
    ),
    (
        "toomanyrequests|rate limit",
        "docker login, which allows more downloads; or $MIRROR",
    ),
    (
        "no such host|i/o timeout|handshake timeout|connection refused|unreachable",
        "check the network where Dagger's engine runs; or $MIRROR",
    ),
    (
        "resolve image|resolve source metadata|access denied|manifest unknown|authorization failed",
        "check the base image's name, and docker login where it is private; or $MIRROR",
    ),
)


@dataclass(frozen=True, slots=True)
class _Construct:
    """Something a Dockerfile can say and Dagger does not do. told: how it says so. mark: how it is written."""

    told: str
    mark: str
    remedy: str


_CONSTRUCTS = (
    _Construct(
        "syntax frontend", r"#\s*syntax\s*=",
        "remove its #syntax line: Dagger knows Docker's own syntax and no other",
    ),
    _Construct(
        "ssh", r"RUN .*--mount=\S*type=ssh",
        "coop hands no SSH agent to a build: take a token from build.secrets in coop.yaml and HTTPS instead",
    ),
    _Construct(
        "checksum", "ADD .*--checksum=", "check it where it is downloaded: RUN curl -fsSLO … && sha256sum --check …"
    ),
    _Construct("uid/gid", "ADD .*--chown=", "ADD it without --chown, and chown it in a RUN after that"),
    _Construct("binary data", "(COPY|ADD) .*<<", "put what stands there into a file of its own, and COPY that"),
)  # fmt: skip

_IS_UNSUPPORTED = re.compile("LLB to Dagger ID|llbtodagger|hard-cutover", re.IGNORECASE)


def for_registry(told: str, host: str) -> str:
    return (_first(_REGISTRY, told) or "check [registry] in the settings").replace("$HOST", host)


def for_build(told: str, *, name: str) -> str:
    """name: of the Dockerfile; "" where there is none, and the base image is coop's or the settings'."""
    settings = '[dagger] images = {python = "mirror.example.org/python:3.13-slim"}'
    where = f"in the FROM of {name}" if name else f"in the settings, {settings}"
    return _first(_BUILD, told).replace("$MIRROR", f"name a mirror {where}")


def for_disk(told: str) -> str:
    return _first(_DISK, told)


def for_unsupported(told: str, source: str) -> tuple[int | None, str] | None:
    """Where a Dockerfile holds what Dagger does not do, as far as that can be said, and what to write instead.

    None when it is not that. told: Dagger's whole message.
    """
    if not _IS_UNSUPPORTED.search(told):
        return None
    for one in _CONSTRUCTS:
        if one.told in told:
            return dockerfile.line_with(source, one.mark), one.remedy
    return None, "write it without that; docs/dagger.md names what Dagger does not do"


def _first(rows: Sequence[tuple[str, str]], told: str) -> str:
    return next((remedy for pattern, remedy in rows if re.search(pattern, told, re.IGNORECASE)), "")
