"""Where a program answers: its health path, and the port that its code names. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from coop_core.detection.findings import Finding, Weight, note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coop_core.detection.tree import Tree

PATH_IN_URL = re.compile(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?::\S+?)?(/[\w./-]*)")
"""As health checks of containers have it; the group is the path."""

_HEALTH = ("healthz", "readyz", "health", "ready", "livez", "live", "health/ready", "api/health", "_health", "ping")
_ROUTE = re.compile(rf"""["'`](/?)({"|".join(map(re.escape, _HEALTH))})(/?)["'`]""")
_DJANGO = re.compile(r"\bpath\(|\bre_path\(")
_FIXED = re.compile(r"""(?:\.listen\(|\bport\s*=\s*|ListenAndServe\(\s*"[^"]*:)(\d{2,5})\b""")


def health(tree: Tree) -> Iterator[Finding]:
    """The route that looks most like one for health; one is enough, so nobody is asked."""
    found: dict[str, tuple[str, str]] = {}
    for hit in tree.search(_ROUTE, tree.code()):
        # Django's routes begin without a slash; anywhere else, a word without one is just a word.
        if hit.match[1] or _DJANGO.search(hit.match.string):
            found.setdefault(hit.match[2], (f"/{hit.match[2]}{hit.match[3]}", hit.where))
    for name in _HEALTH:
        if name in found:
            path, where = found[name]
            yield Finding("health", path, f"{where} answers it", Weight.RECOGNISED)
            return


def fixed_port(tree: Tree) -> Iterator[Finding]:
    """A port in the code where nothing asks for $PORT: it is the port, and coop cannot give another one."""
    if any("PORT" in tree.text(path) for path in tree.code()):
        return
    for hit in tree.search(_FIXED, tree.code()):
        yield Finding("port", hit.match[1], f"{hit.where} listens on it", Weight.LIKELY)
        yield note(f"{hit.where} listens on {hit.match[1]} whatever happens: let it listen on $PORT instead")
        return


def on_port(run: Finding, ports: Iterable[str]) -> Finding:
    """A start command that listens on $PORT where it named one of `ports`."""
    if "'" in run.value:  # inside quotation marks, $PORT would stay as it is
        return run
    command = run.value
    for port in ports:
        command = re.sub(rf"(?<![\w.]){re.escape(port)}(?![\w.])", "$PORT", command)
    changed = ", with $PORT in the place of the number" if command != run.value else ""
    return replace(run, value=command, because=run.because + changed)
