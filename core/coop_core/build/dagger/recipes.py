"""How an image is made, decided from what lies in the service's folder. Nothing here talks to Dagger."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coop_core.build import local
from coop_core.build.dagger import dockerfile
from coop_core.errors import CoopError, ExitCode
from coop_core.manifests.workload import command
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coop_core.git.objects import Entry, Objects
    from coop_core.spec.building import BuildSpec
    from coop_core.spec.service import ServiceSpec

VERSION = 1

BASE_IMAGES = {
    "python": "docker.io/library/python:3.13.7-slim-bookworm",
    "node": "docker.io/library/node:22.19.0-bookworm-slim",
    "static": "docker.io/library/busybox:1.37.0-glibc",
}
"""What a program without a Dockerfile stands on; the settings replace them, e.g. by a mirror's or by digest."""

NOBODY = "65534"
PROGRAM = "/app"

_TEXT_LIMIT_BYTES = 1024 * 1024
_CACHE = "/var/cache/coop"
"""Where a volume that outlives builds is mounted while packages are installed."""
_PIP = ("python", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--root-user-action=ignore",
        "--cache-dir", _CACHE)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ByDockerfile:
    """name: its path. source: its text. exclude: what `.dockerignore` keeps from being sent."""

    name: str
    source: str
    build: BuildSpec
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ByLanguage:
    """A container on a base image. asked: files that say which packages, in `asked_at` when `install` runs there.

    finish: run in the program's folder once it is there. cache: (key, folder) that outlives builds.
    """

    base: str
    command: tuple[str, ...] = ()
    platform: str = ""
    asked_at: str = PROGRAM
    asked: tuple[tuple[str, bytes], ...] = ()
    install: tuple[str, ...] = ()
    finish: tuple[tuple[str, ...], ...] = ()
    cache: tuple[str, str] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()


Recipe = ByDockerfile | ByLanguage


def choose(objects: Objects, entries: Sequence[Entry], spec: ServiceSpec, images: Mapping[str, str]) -> Recipe:
    """The recipe for a program. images: the base images of the settings, by language."""
    files = {entry.path: entry for entry in entries}
    name = spec.build.dockerfile or dockerfile.DEFAULT
    if name in files:
        ignore = next((path for path in (f"{name}.dockerignore", ".dockerignore") if path in files), "")
        sent = dockerfile.ignored(_text(objects, files, ignore), (name, *filter(None, [ignore])))
        return ByDockerfile(name, _text(objects, files, name), spec.build, tuple(sent))
    _check_no_dockerfile(spec)
    exclude = tuple(dockerfile.ignored(_text(objects, files, ".dockerignore")))
    language = local.language(entries)
    base = images.get(language) or BASE_IMAGES.get(language, "")
    common = ByLanguage(base, platform=spec.build.platform, exclude=exclude)
    if language == "static" and not spec.run:
        serve = f'exec httpd -f -p "$PORT" -h {PROGRAM}/{local.site(entries) or ""}'
        return replace(common, command=("/bin/sh", "-c", serve))
    if language == "python" and spec.run:
        asked = local.packages(objects, entries).files
        return replace(
            common, command=tuple(command(spec.run)), asked_at="/usr/local/share/coop", asked=asked,
            install=(*_PIP, "--requirement", "requirements.txt") if asked else (),
            cache=("coop-pip", _CACHE), env={"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
    if language == "node":
        return _node(objects, files, spec, common)
    raise _unclear(spec, "nothing says how it starts" if base else "coop does not know its language")


def key(recipe: Recipe, entries: Sequence[Entry], address: str) -> str:
    """Names the image before it is built: 64 hex digits of all that goes into it. address: where it is pushed."""
    if isinstance(recipe, ByDockerfile):
        build = recipe.build
        sources = {name: [source.env, source.command] for name, source in build.secrets.items()}
        about: list[object] = [recipe.name, build.target, dict(build.args), sources, build.platform]
    else:
        about = [recipe.base, recipe.command, recipe.platform]
    lines = [
        json.dumps([VERSION, address, *about], sort_keys=True),
        *(f"{e.mode} {e.id} {e.path}" for e in entries),
    ]
    return hashlib.sha256("\0".join(lines).encode(errors="surrogateescape")).hexdigest()


def _node(objects: Objects, files: Mapping[str, Entry], spec: ServiceSpec, common: ByLanguage) -> ByLanguage:
    try:
        scripts = json.loads(_text(objects, files, "package.json")).get("scripts") or {}
    except (ValueError, AttributeError) as error:
        raise CoopError(
            f"cannot build {spec.name}", "package.json is no JSON object", "correct package.json", ExitCode.CONFIG
        ) from error
    if not spec.run and not (isinstance(scripts, dict) and "start" in scripts):
        raise _unclear(spec, "package.json has no start script")
    other = next((path for path in ("yarn.lock", "pnpm-lock.yaml", "bun.lockb") if path in files), "")
    if other and "package-lock.json" not in files:
        raise _unclear(spec, f"it is locked by {other}, and coop installs with npm")
    described = [path for path in ("package.json", "package-lock.json", ".npmrc") if path in files]
    install = (
        "npm",
        "ci" if "package-lock.json" in files else "install",
        "--no-audit",
        "--no-fund",
        "--cache",
        _CACHE,
    )
    has_build = isinstance(scripts, dict) and "build" in scripts
    return replace(
        common,
        command=tuple(command(spec.run)) if spec.run else ("npm", "start"),
        asked=tuple((path, _text(objects, files, path).encode()) for path in described),
        # A build script needs what only development needs; it goes afterwards.
        install=install if has_build else (*install, "--omit=dev"),
        finish=(("npm", "run", "build"), ("npm", "prune", "--omit=dev")) if has_build else (),
        cache=("coop-npm", _CACHE),
    )


def _text(objects: Objects, files: Mapping[str, Entry], path: str) -> str:
    found = objects.read(files[path].id, _TEXT_LIMIT_BYTES) if path in files else None
    return found.body.decode(errors="replace") if found else ""


def _check_no_dockerfile(spec: ServiceSpec) -> None:
    build = spec.build
    if build.dockerfile:
        raise CoopError(
            f"cannot build {spec.name}", f"there is no {one_line(build.dockerfile, 120)} in the service's folder",
            "correct build.dockerfile in coop.yaml, or commit the file", ExitCode.CONFIG,
        )  # fmt: skip
    for name in ("target", "args", "secrets"):
        if getattr(build, name):
            raise CoopError(
                f"cannot build {spec.name}", f"coop.yaml has build.{name}, and there is no Dockerfile for it",
                f"add a Dockerfile, or remove build.{name}", ExitCode.CONFIG,
            )  # fmt: skip


def _unclear(spec: ServiceSpec, why: str) -> CoopError:
    return CoopError(
        f"cannot build {spec.name}", why,
        "write how it starts in coop.yaml, e.g. run: python -m hello, or add a Dockerfile", ExitCode.CONFIG,
    )  # fmt: skip
