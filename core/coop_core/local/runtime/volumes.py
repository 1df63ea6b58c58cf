"""The volumes of a pod, as directories with the content that Kubernetes would mount.

There are no mounts here: a program finds a volume's directory in $COOP_VOLUME_<NAME>, not at its mountPath. The
content is that of the moment when the pod starts. Everything read from a manifest is hostile.
"""

from __future__ import annotations

import shutil
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from coop_core.cluster import kinds
from coop_core.local.runtime.environment import BadConfig, content, field_value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.runtime.environment import Find

SUPPORTED = ("emptyDir", "configMap", "secret", "downwardAPI", "projected")
_DEFAULT_MODE = 0o644


def mounted(spec: Raw) -> dict[str, tuple[Raw, list[str]]]:
    """The volumes that containers mount, by name: the volume, and where they want it."""
    found: dict[str, tuple[Raw, list[str]]] = {}
    volumes = {str(one.get("name")): one for one in spec.get("volumes") or []}
    for container in (*(spec.get("initContainers") or []), *(spec.get("containers") or [])):
        for mount in container.get("volumeMounts") or []:
            name, path = str(mount.get("name")), str(mount.get("mountPath"))
            if name in volumes:
                found.setdefault(name, (volumes[name], []))[1].append(path)
    return found


def variable(name: str) -> str:
    """The variable that holds a volume's directory."""
    return "COOP_VOLUME_" + "".join(char if char.isalnum() else "_" for char in name).upper()


def is_supported(volume: Raw) -> bool:
    return any(volume.get(kind) is not None for kind in SUPPORTED)


def is_in_place(volume: Raw, paths: list[str]) -> bool:
    """Whether a volume needs no mount: a path of this machine, wanted where it is."""
    path = (volume.get("hostPath") or {}).get("path")
    return path is not None and all(one.rstrip("/") == str(path).rstrip("/") for one in paths)


def lay_out(pod: Raw, folder: Path, find: Find) -> dict[str, str]:
    """Makes the directories that are not there yet; their variables. Raises BadConfig, OSError.

    folder: the pod's own.
    """
    found = {}
    for name, (volume, _) in mounted(pod["spec"]).items():
        if not is_supported(volume):
            continue
        target = folder / "volumes" / variable(name).lower()
        found[variable(name)] = str(target)
        if target.is_dir():
            continue
        # Made beside and moved: a crash leaves no half of a volume.
        partial = target.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True, mode=0o700)
        for path, data, mode in _files(pod, volume, find):
            file = partial.joinpath(*_inside(path))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            file.chmod(mode & 0o777)
        partial.rename(target)
    return found


def _files(pod: Raw, volume: Raw, find: Find) -> Iterator[tuple[str, bytes, int]]:
    """(path, content, mode) of each file of a volume."""
    if volume.get("projected") is not None:
        projected = volume["projected"]
        for source in projected.get("sources") or []:
            yield from _from(pod, source, _mode(projected, _DEFAULT_MODE), find)
    else:
        yield from _from(pod, volume, _DEFAULT_MODE, find)


def _from(pod: Raw, source: Raw, mode: int, find: Find) -> Iterator[tuple[str, bytes, int]]:
    namespace = pod["metadata"]["namespace"]
    for field, kind, name_field in (
        ("configMap", kinds.CONFIG_MAP, "name"),
        ("secret", kinds.SECRET, "secretName" if "secretName" in (source.get("secret") or {}) else "name"),
    ):
        given = source.get(field)
        if given is not None:
            yield from _of_object(
                kind, namespace, str(given.get(name_field) or ""), given, _mode(given, mode), find
            )
    given = source.get("downwardAPI")
    if given is not None:
        for item in given.get("items") or []:
            path = str((item.get("fieldRef") or {}).get("fieldPath") or "")
            yield str(item.get("path")), field_value(pod, path).encode(), _mode(item, _mode(given, mode), "mode")


def _of_object(
    kind: Kind, namespace: str, name: str, given: Raw, mode: int, find: Find
) -> Iterator[tuple[str, bytes, int]]:
    found = find(kind, namespace, name)
    if found is None:
        if given.get("optional"):
            return
        raise BadConfig(f'{kind.singular} "{name}" not found')
    data = dict(content(kind, found))
    items = given.get("items")
    if items is None:
        yield from ((key, value, mode) for key, value in data.items())
        return
    for item in items:
        key = str(item.get("key"))
        if key in data:
            yield str(item.get("path")), data[key], _mode(item, mode, "mode")
        elif not given.get("optional"):
            raise BadConfig(f"references non-existent {kind.singular} key: {key}")


def _mode(given: Raw, default: int, field: str = "defaultMode") -> int:
    wished = given.get(field)
    return wished if isinstance(wished, int) else default


def _inside(path: str) -> tuple[str, ...]:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise BadConfig(f"invalid path in a volume: {path[:80]!r} must be relative and stay inside")
    return parts
