"""A service as it is written down: `coop.yaml` and `k8s/`, read from a snapshot or from disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.build import dockerignore
from coop_core.errors import CoopError, ExitCode
from coop_core.git import trees
from coop_core.manifests.rendering import Target, render
from coop_core.spec import extras, reading
from coop_devloop import ignoring

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from coop_core.git.repository import Repository
    from coop_core.spec.extras import Extra
    from coop_core.spec.service import ServiceSpec
    from coop_devloop.ignoring import Rules

NOTHING_BUILT = "coop.local/nothing-built@sha256:" + "0" * 64
"""Stands for the image where manifests are shown and nothing is built."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the service is and which resources come with it."""

    spec: ServiceSpec
    extras: tuple[Extra, ...]
    rules: Rules

    def manifests(self, target: Target, image: str) -> dict[str, bytes]:
        """File name to YAML, as it goes into the environment's branch."""
        return render(self.spec, target, image, self.extras)


def of_snapshot(repository: Repository, commit: str, prefix: str) -> Service:
    """The service in the folder `prefix` of a commit."""
    found = trees.some(repository, commit, prefix, (reading.FILE_NAME, extras.FOLDER, dockerignore.FILE_NAME))
    return _service(found, prefix)


def of_folder(folder: Path) -> Service:
    """The service as it is on disk right now."""
    paths = [folder / reading.FILE_NAME, folder / dockerignore.FILE_NAME, *(folder / extras.FOLDER).rglob("*")]
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if path.is_file()}
    return _service(found, "")


def _service(found: Mapping[str, bytes], prefix: str) -> Service:
    where = f"{prefix}/{reading.FILE_NAME}" if prefix else reading.FILE_NAME
    if reading.FILE_NAME not in found:
        raise CoopError(
            "cannot find the service",
            f"there is no {where} any more",
            f"git checkout -- {where}",
            ExitCode.CONFIG,
        )
    spec = reading.parse(found[reading.FILE_NAME], where)
    rules = ignoring.Rules(spec.ignore, found.get(dockerignore.FILE_NAME, b""))
    return Service(spec, extras.parse_extras(found), rules)
