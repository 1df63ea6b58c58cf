"""Manifests from Git: the commit that an Application's branch names, and what lies in its folder.

Git may block for long, so every call of it runs in a thread. What was read is kept until the commit is another.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.errors import CoopError
from coop_core.local.controllers.applications import manifests

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.git.mirror import Mirror
    from coop_core.local.catalog import Catalog
    from coop_core.local.controllers.applications.manifests import Targets
    from coop_core.local.controllers.loop import Key

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """All that the outcome of reading depends on."""

    application: str
    namespace: str
    url: str
    path: str
    is_recursive: bool
    revision: str
    definitions: int
    """The state of the CustomResourceDefinitions, which say what kinds there are."""


class Reader:
    """Raises CoopError for whatever keeps Git, or a manifest, from being read."""

    def __init__(self, mirror: Mirror, catalog: Catalog) -> None:
        self._mirror = mirror
        self._catalog = catalog
        self._known: dict[Key, tuple[_Wanted, Targets]] = {}

    def forget(self, key: Key) -> None:
        self._known.pop(key, None)

    async def resolve(self, application: Raw) -> str:
        """The commit to be at: what a manual operation asks for, else what the branch names now."""
        source = application["spec"]["source"]
        asked = ((application.get("operation") or {}).get("sync") or {}).get("revision")
        return await asyncio.to_thread(
            self._resolve, source["repoURL"], asked or source.get("targetRevision") or "HEAD"
        )

    async def read(self, key: Key, application: Raw, revision: str) -> Targets:
        """What the Application's folder holds at a commit."""
        spec = application["spec"]
        source = spec["source"]
        wanted = _Wanted(
            application=application["metadata"]["name"],
            namespace=(spec.get("destination") or {}).get("namespace") or "default",
            url=source["repoURL"],
            path=(source.get("path") or "").strip("./"),
            is_recursive=bool((source.get("directory") or {}).get("recurse")),
            revision=revision,
            definitions=self._catalog.revision,
        )
        known = self._known.get(key)
        if known is None or known[0] != wanted:
            known = (wanted, await asyncio.to_thread(self._load, wanted))
            self._known[key] = known
        return known[1]

    def _resolve(self, url: str, ref: str) -> str:
        if _COMMIT.fullmatch(ref):
            return ref
        is_full = ref.startswith("refs/") or ref == "HEAD"
        for candidate in (ref,) if is_full else (f"refs/heads/{ref}", f"refs/tags/{ref}"):
            found = self._mirror.resolve(url, candidate)
            if found:
                return found
        raise CoopError("cannot find the revision", f"{ref} is not in the repository", f"push {ref} again")

    def _load(self, wanted: _Wanted) -> Targets:
        files = self._mirror.files(wanted.url, wanted.revision, wanted.path)
        if not files and wanted.path:
            why = f"{wanted.path}: app path does not exist"
            raise CoopError("cannot read the manifests", why, f"add {wanted.path}, or delete the application")
        if not wanted.is_recursive:
            files = {name: content for name, content in files.items() if "/" not in name}
        place = manifests.Place(wanted.application, wanted.namespace, self._catalog.named)
        return manifests.read(files, place, wanted.revision)
