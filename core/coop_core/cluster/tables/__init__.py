"""Objects as rows: the columns that `kubectl get` shows, with the cells the real server would send.

Objects of kinds that have a shape must have passed `shapes.misfit`; any field may be absent.
Source: Kubernetes pkg/printers/internalversion/printers.go; Argo CD's application-crd.yaml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster.tables import basics, network, plain, workloads
from coop_core.cluster.tables.parts import Cells, age_of, name_of
from coop_core.cluster.tables.parts import columns as _columns

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.cluster.tables.parts import Columns

__all__ = ["cells", "columns"]


def columns(kind: Kind) -> list[Raw]:
    """A Table's columnDefinitions."""
    return _TABLES.get(kind, _PLAIN)[0]


def cells(kind: Kind, body: Raw, now_s: float) -> Cells:
    """One row's cells, in the order of `columns`."""
    return _TABLES.get(kind, _PLAIN)[1](body, now_s)


def _plain(body: Raw, now_s: float) -> Cells:
    return [name_of(body), age_of(body, now_s)]


_PLAIN: Columns = (_columns("Name,Age"), _plain)
_TABLES: dict[Kind, Columns] = workloads.TABLES | network.TABLES | basics.TABLES | plain.TABLES
