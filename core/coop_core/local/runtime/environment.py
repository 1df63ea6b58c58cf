"""What a container is given: its variables and its command, as Kubernetes spells them, for a process here.

Pure but for the look-ups handed in.
"""

from __future__ import annotations

import base64
import json
import os
import re
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.cluster import kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from coop_core.cluster.kinds import Kind, Raw

    Find = Callable[[Kind, str, str], Raw | None]

_BASE = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME")
"""What a process inherits from the platform; all else would make a service depend on who started the platform."""
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)")
_KEYED_FIELD = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


class BadConfig(Exception):
    """The container asks for something that is not there: Kubernetes' CreateContainerConfigError."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the runtime adds to every container."""

    path_first: str | None
    """A folder of programs that belongs to the image."""
    links: Mapping[str, str]
    """Where other Services are; what the manifest says overrides these alone."""
    forced: Mapping[str, str]
    """These override what the manifest says."""


def variables(pod: Raw, container: Raw, given: Given, find: Find) -> dict[str, str]:
    """The whole environment of a container. Raises BadConfig."""
    env = {**_base(given.path_first), **given.links}
    namespace = pod["metadata"]["namespace"]
    for source in container.get("envFrom") or []:
        env |= _whole(source, namespace, find)
    for entry in container.get("env") or []:
        name = entry["name"]
        if name in given.forced:
            value: str | None = given.forced[name]
        elif entry.get("valueFrom"):
            value = _referred(pod, entry["valueFrom"], find)
        else:
            value = expanded(str(entry.get("value") or ""), env)
        if value is not None:
            env[name] = value
    return {**env, **given.forced}


def command(container: Raw, env: Mapping[str, str], default: Sequence[str]) -> list[str]:
    """The command line. default: the image's own. Raises BadConfig when there is none at all."""
    given = [*(container.get("command") or []), *(container.get("args") or [])]
    argv = [expanded(part, env) for part in given or default]
    if not argv:
        raise BadConfig("no command given: set `run` in coop.yaml")
    return argv


def expanded(text: str, env: Mapping[str, str]) -> str:
    """`text` with $(NAME) replaced; unknown names stay as they are, $$ is a plain $."""
    return _REFERENCE.sub(
        lambda found: "$" if found[0] == "$$" else env.get(found[1], found[0]),
        text,
    )


def _base(path_first: str | None) -> dict[str, str]:
    env = {name: os.environ[name] for name in _BASE if name in os.environ}
    path = env.get("PATH", _DEFAULT_PATH)
    env["PATH"] = f"{path_first}{os.pathsep}{path}" if path_first else path
    env["TMPDIR"] = tempfile.gettempdir()
    # A program's output goes to a file, where Python would keep it back by the block and a crash would lose it.
    env["PYTHONUNBUFFERED"] = "1"
    return env


def _whole(source: Raw, namespace: str, find: Find) -> dict[str, str]:
    prefix = source.get("prefix") or ""
    for field, kind in (("configMapRef", kinds.CONFIG_MAP), ("secretRef", kinds.SECRET)):
        reference = source.get(field)
        if reference:
            found = find(kind, namespace, reference.get("name", ""))
            if found is None:
                if reference.get("optional"):
                    return {}
                raise BadConfig(f'{kind.singular} "{reference.get("name", "")}" not found')
            return {prefix + key: value for key, value in _values(kind, found)}
    return {}


def _referred(pod: Raw, source: Raw, find: Find) -> str | None:
    for field, kind in (("configMapKeyRef", kinds.CONFIG_MAP), ("secretKeyRef", kinds.SECRET)):
        reference = source.get(field)
        if reference:
            return _key_of(kind, pod["metadata"]["namespace"], reference, find)
    if source.get("fieldRef"):
        return field_value(pod, source["fieldRef"].get("fieldPath", ""))
    raise BadConfig(f"valueFrom {'/'.join(sorted(source))} is not supported on the local platform")


def _key_of(kind: Kind, namespace: str, reference: Raw, find: Find) -> str | None:
    name, key = reference.get("name", ""), reference.get("key", "")
    found = find(kind, namespace, name)
    value = None if found is None else dict(_values(kind, found)).get(key)
    if value is not None or reference.get("optional"):
        return value
    if found is None:
        raise BadConfig(f'{kind.singular} "{name}" not found')
    raise BadConfig(f"couldn't find key {key} in {kind.name} {namespace}/{name}")


def content(kind: Kind, body: Raw) -> Iterator[tuple[str, bytes]]:
    """The entries of a ConfigMap or Secret."""
    for key, value in (body.get("data") or {}).items():
        yield key, base64.b64decode(value) if kind is kinds.SECRET else value.encode()
    for key, value in (body.get("binaryData") or {}).items():
        yield key, base64.b64decode(value)
    # Plain text in a Secret that was written in process; the API turns it into data.
    for key, value in (body.get("stringData") or {}).items():
        yield key, value.encode()


def _values(kind: Kind, body: Raw) -> Iterator[tuple[str, str]]:
    for key, value in content(kind, body):
        if key not in (body.get("binaryData") or {}):
            yield key, value.decode("utf-8", "replace")


def field_value(pod: Raw, path: str) -> str:
    """What a fieldRef names; all labels or annotations as lines. Raises BadConfig."""
    if path in ("metadata.labels", "metadata.annotations"):
        every = pod["metadata"].get(path.partition(".")[2]) or {}
        return "".join(f"{key}={json.dumps(value)}\n" for key, value in sorted(every.items()))
    keyed = _KEYED_FIELD.fullmatch(path)
    if keyed:
        return str((pod["metadata"].get(keyed[1]) or {}).get(keyed[2], ""))
    fields = {
        "metadata.name": pod["metadata"]["name"],
        "metadata.namespace": pod["metadata"]["namespace"],
        "metadata.uid": pod["metadata"]["uid"],
        "spec.nodeName": pod["spec"].get("nodeName", ""),
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", "default"),
        "status.podIP": "127.0.0.1",
        "status.podIPs": "127.0.0.1",
        "status.hostIP": "127.0.0.1",
        "status.hostIPs": "127.0.0.1",
    }
    if path not in fields:
        raise BadConfig(f"fieldRef {path} is not supported")
    return str(fields[path])
