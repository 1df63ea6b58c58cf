"""The local builder's images on disk: `<64 hex>/rootfs` and, written last, `<64 hex>/image.json`.

Invariant: a folder that bears a digest's name is whole. It is staged beside and renamed into its place.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

REGISTRY = "coop.local"

_REFERENCE = re.compile(rf"{re.escape(REGISTRY)}/[a-z0-9][a-z0-9-]*@sha256:([0-9a-f]{{64}})")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ROOT = re.compile(r"(?<![^\s\"'(=])(?:file://)?(?:/[^\s/\"'(=]+)*/[0-9a-f]{64}/rootfs/")
"""Has no sign inside that may stand before it: a search from each of those would go over the same text again."""


class NotThere(Exception):
    """The image cannot be started here; the text says why, as a pod's waiting message."""


@dataclass(frozen=True, slots=True)
class StagedImage:
    """root: the program's working folder. bin_folder: goes first on PATH; None when the image brings none.
    command: how it starts when the container does not say; $(NAME) in it stands for a variable.
    """

    root: Path
    bin_folder: Path | None
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `image.json` says. environment: the key of the language environment, "" for none. command: as in
    `StagedImage`.
    """

    service: str
    environment: str
    command: tuple[str, ...] = ()


def in_source(line: str) -> str:
    """A line of a program's log, with files inside an image named as the service's folder has them.

    So that a traceback says "app.py" and not where an image lies, and terminals find the file.
    """
    return _ROOT.sub("", line) if "/rootfs/" in line else line


def reference(service: str, digest: str) -> str:
    """The name of an image: 64 hex digits behind the service."""
    return f"{REGISTRY}/{service}@sha256:{digest}"


class ImageStore:
    """folder: images by digest. environments: language environments by key."""

    def __init__(self, folder: Path, environments: Path) -> None:
        self._folder = folder
        self._environments = environments

    def locate(self, name: str) -> StagedImage:
        """Where an image lies, or NotThere. Costs two looks at the disk."""
        match = _REFERENCE.fullmatch(name)
        if not match:
            raise NotThere(f"{name[:200]!r} is not an image of the local builder")
        found = self._read(match[1])
        if found is None:
            raise NotThere(f"image {match[1][:12]} is not on this machine; deploy the service again")
        root = self._folder / match[1] / "rootfs"
        if not found.environment:
            return StagedImage(root, None, found.command)
        bin_folder = self._environments / found.environment / "bin"
        if not (bin_folder / "python").exists():
            raise NotThere(f"the language environment of image {match[1][:12]} is gone; deploy the service again")
        return StagedImage(root, bin_folder, found.command)

    def has(self, digest: str) -> bool:
        """Whether the image is there; it then counts as used now."""
        if self._read(digest) is None:
            return False
        os.utime(self._folder / digest / "image.json")
        return True

    def add(self, digest: str, manifest: Manifest, fill: Callable[[Path], None]) -> None:
        """Stages an image: `fill` writes the program into the folder it is given. Builders may race."""
        self._folder.mkdir(parents=True, exist_ok=True)
        staging = self._folder / f".{digest}.{secrets.token_hex(4)}"
        try:
            (staging / "rootfs").mkdir(parents=True)
            fill(staging / "rootfs")
            (staging / "image.json").write_text(json.dumps({"version": 1, **dataclasses.asdict(manifest)}))
            self._place(staging, self._folder / digest)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _place(self, staging: Path, final: Path) -> None:
        try:
            staging.rename(final)
        except OSError:
            if self._read(final.name) is None:  # half deleted by somebody: not one that won the race
                final.rename(staging.with_suffix(".old"))
                shutil.rmtree(staging.with_suffix(".old"), ignore_errors=True)
                staging.rename(final)

    def _read(self, digest: str) -> Manifest | None:
        try:
            found = json.loads((self._folder / digest / "image.json").read_bytes())
            command = tuple(str(word) for word in found.get("command", ()))
            return Manifest(str(found["service"]), str(found["environment"]), command)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def collect(self, keep: Collection[str], older_than_s: float) -> list[str]:
        """Deletes images that are not in `keep` (digests) and were not built or asked for within `older_than_s`,
        language environments that no image is left for, and what crashed builds left. Returns the digests.
        """
        oldest_s = time.time() - older_than_s
        gone = []
        for entry in self._entries(self._folder):
            is_image = bool(_DIGEST.fullmatch(entry.name))
            marker = entry / "image.json" if is_image and (entry / "image.json").exists() else entry
            if entry.name not in keep and self._remove_old(entry, marker, oldest_s):
                gone += [entry.name] if is_image else []
        manifests = [self._read(entry.name) for entry in self._entries(self._folder)]
        used = {manifest.environment for manifest in manifests if manifest}
        for entry in self._entries(self._environments):
            if entry.name not in used:
                self._remove_old(entry, entry, oldest_s)
        return gone

    @staticmethod
    def _entries(folder: Path) -> list[Path]:
        return [entry for entry in folder.iterdir() if entry.is_dir()] if folder.is_dir() else []

    @staticmethod
    def _remove_old(folder: Path, marker: Path, oldest_s: float) -> bool:
        """Whether it was removed: it was not touched since, and nobody else moved it meanwhile, as builders do."""
        going = folder.with_name(f".gone.{secrets.token_hex(4)}")
        try:
            if marker.stat().st_mtime >= oldest_s:
                return False
            folder.rename(going)  # out of the way first, so that nobody meets a half of it
        except FileNotFoundError:
            return False
        shutil.rmtree(going, ignore_errors=True)
        return True
