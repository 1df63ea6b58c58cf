"""The kinds that the local platform has at this moment: built-in ones, and those that definitions made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster import definitions, kinds
from coop_core.cluster.conversions import VIEWS

if TYPE_CHECKING:
    from coop_core.cluster.definitions import Served
    from coop_core.cluster.kinds import Kind
    from coop_core.local.store import Store


class Catalog:
    """Reads definitions from the store, anew whenever one of them changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen = -1
        self._custom: dict[Kind, Served] = {}
        self._all: tuple[Kind, ...] = ()
        self._by_path: dict[tuple[str, str, str], Kind] = {}
        self._by_name: dict[tuple[str, str], Kind] = {}

    @property
    def all(self) -> tuple[Kind, ...]:
        """Every kind in every version that is served; the same tuple until a definition changes."""
        self._refresh()
        return self._all

    @property
    def stored(self) -> tuple[Kind, ...]:
        """Every kind once, in the version that it is stored in: for those who walk all objects."""
        self._refresh()
        return (*kinds.ALL, *{(kind.group, kind.plural): kind for kind in self._custom}.values())

    @property
    def revision(self) -> int:
        """When a definition changed last."""
        return self._store.changed_at(kinds.DEFINITION)

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        self._refresh()
        return self._by_path.get((group, version, plural))

    def named(self, api_version: str, name: str) -> Kind | None:
        """The kind that an object means by its own `apiVersion` and `kind`."""
        self._refresh()
        return self._by_name.get((api_version, name))

    def custom(self, kind: Kind) -> Served | None:
        """What the definition of a custom kind says; None for a built-in kind."""
        if not kind.is_custom:
            return None
        self._refresh()
        return self._custom.get(kind)

    def _refresh(self) -> None:
        revision = self.revision
        if revision == self._seen:
            return
        built_in = {(kind.group, kind.plural) for kind in kinds.ALL}
        found = [one for body in self._store.objects(kinds.DEFINITION) for one in definitions.served(body)]
        self._custom = {one.kind: one for one in found if (one.kind.group, one.kind.plural) not in built_in}
        self._all = (*kinds.ALL, *VIEWS, *self._custom)
        self._by_path = {(kind.group, kind.version, kind.plural): kind for kind in self._all}
        self._by_name = {(kind.api_version, kind.name): kind for kind in self._all}
        self._seen = revision
