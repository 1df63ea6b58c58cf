"""The Ingress controller: says where the router answers, without which an Ingress is Progressing for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster import kinds
from coop_core.local.controllers.loop import Controller, Key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.kinds import Kind, Raw

_ADDRESS = {"loadBalancer": {"ingress": [{"hostname": "localhost"}]}}


class AddressController(Controller):
    """Gives Ingresses, and Services of type LoadBalancer, the one address that the platform has."""

    name = "addresses"
    watches = (kinds.INGRESS, kinds.SERVICE)

    def keys(self, kind: Kind, body: Raw) -> Iterable[Key]:
        yield (kind.plural, body["metadata"]["namespace"], body["metadata"]["name"])

    async def reconcile(self, key: Key) -> float | None:
        kind = kinds.INGRESS if key[0] == kinds.INGRESS.plural else kinds.SERVICE
        body = self.objects.find(kind, key[1], key[2])
        if body is None:
            return None
        if kind is kinds.INGRESS or body["spec"].get("type") == "LoadBalancer":
            status = {**(body.get("status") or {}), **_ADDRESS}
            self.objects.update_status(kind, {**body, "status": status})
        return None
