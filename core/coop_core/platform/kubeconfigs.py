"""Writing kubeconfigs: the platform's own for agent and proxy, and the developer's that reads through the proxy."""

from __future__ import annotations

import base64
import os
import re
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

CONTEXT = "coop"


class _Dumper(yaml.SafeDumper):
    """Quotes y and n too: to PyYAML they are words, to the YAML of Kubernetes' tools they are booleans."""


_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^[yYnN]$"), list("yYnN"))


def text(*, server: str, ca: bytes, token: str, user: str, namespace: str) -> str:
    """A kubeconfig with one context, named "coop". It holds a token: treat it as a secret."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CONTEXT,
        "clusters": [
            {
                "name": CONTEXT,
                "cluster": {
                    "server": server,
                    "certificate-authority-data": base64.b64encode(ca).decode("ascii"),
                },
            }
        ],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": user, "namespace": namespace}}],
    }
    rendered: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False)
    return rendered


def write(path: Path, content: str) -> None:
    """Puts a kubeconfig in place whole, readable by its owner alone from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    os.replace(new, path)
