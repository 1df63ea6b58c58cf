"""Collections and objects: what each verb does to them over HTTP.

What a write means is decided by `Objects`; here are the parts of Kubernetes that only exist on the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster.conversions import inward, outward
from coop_core.cluster.kinds import NAMESPACE, POD
from coop_core.local.api import deleting, fitting, listing, managing, scaling, statuses
from coop_core.local.api.bodies import placed, read_object
from coop_core.local.api.discovery import subresources
from coop_core.local.api.patching import Patch, read_patch
from coop_core.local.api.representing import Representation, answer
from coop_core.local.api.requests import form, include, is_dry_run, whole_number
from coop_core.local.objects import AlreadyExists, Conflict, Invalid, Malformed, NotFound

if TYPE_CHECKING:
    from aiohttp import web

    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.requests import Verb
    from coop_core.local.api.fitting import Fitted
    from coop_core.local.api.requests import Call
    from coop_core.local.api.watching import Watches
    from coop_core.local.objects import Objects

_WAYS_IN = ("attach", "ephemeralcontainers", "exec", "portforward")
_REFUSALS = (AlreadyExists, Conflict, Invalid, Malformed, NotFound)


class ResourceHandlers:
    """Serves every kind's collections, objects, and the subresources status, scale and finalize."""

    def __init__(self, objects: Objects, watches: Watches) -> None:
        self._objects = objects
        self._watches = watches

    async def serve(self, call: Call, verb: Verb) -> web.StreamResponse:
        _check_subresource(call, verb)
        try:
            match verb:
                case "get":
                    return self._get(call)
                case "list":
                    return self._list(call)
                case "watch":
                    return await self._watches.serve(call, self._representation(call))
                case "create":
                    return await self._create(call)
                case "update":
                    return await self._update(call)
                case "patch":
                    return await self._patch(call)
                case "delete":
                    return await deleting.delete(self._objects, call)
                case "deletecollection":
                    return await deleting.delete_collection(self._objects, call)
        except _REFUSALS as error:
            raise statuses.from_objects(error, call.kind, call.target.name) from error

    def _representation(self, call: Call) -> Representation:
        wanted = form(call.http.headers.get("Accept", ""))
        return Representation(call.kind, wanted, include(call.query), self._objects.clock, call.custom)

    def _get(self, call: Call) -> web.Response:
        statuses.refuse_future(whole_number(call.query, "resourceVersion"), self._objects.store.revision)
        found = self._objects.get(call.stored, call.namespace, call.target.name)
        if call.target.subresource == "scale":
            return answer(scaling.encoded(call, found))
        return answer(self._representation(call).one(found))

    def _list(self, call: Call) -> web.Response:
        representation = self._representation(call)
        found = listing.page(self._objects.store, call)
        return answer(representation.many(found.found, found.revision, found.rest))

    async def _create(self, call: Call) -> web.Response:
        if call.target.subresource:
            raise statuses.method_not_allowed()
        representation = self._representation(call)
        body = await read_object(call)
        # A status is written by whoever runs the object, never by whoever creates it.
        if call.kind.has_status:
            body.pop("status", None)
        fitted = fitting.with_advice(self._fitted(call, body), call.stored)
        name = body["metadata"].get("name") or body["metadata"].get("generateName") or ""
        try:
            stored = self._created(call, fitted.body)
        except _REFUSALS as error:
            raise statuses.from_objects(error, call.kind, name) from error
        return answer(representation.one(stored), 201, warnings=fitted.headers)

    def _fitted(self, call: Call, body: Raw) -> Fitted:
        return fitting.fit(self._objects.catalog, call.kind, body, call.query)

    def _created(self, call: Call, body: Raw) -> Raw:
        self._refuse_missing_namespace(call)
        kind, body = call.stored, inward(call.kind, body)
        would_be = self._objects.admitted(kind, body)
        fitting.refuse_incomplete(kind, would_be)
        if not body["metadata"].get("managedFields"):
            body = _with_managers(body, managing.noted(call, {}, would_be, self._objects.clock))
        return self._objects.admitted(kind, body) if is_dry_run(call.query) else self._objects.create(kind, body)

    def _refuse_missing_namespace(self, call: Call) -> None:
        if call.kind.namespaced and self._objects.find(NAMESPACE, "", call.target.namespace) is None:
            raise statuses.not_found(NAMESPACE, call.target.namespace)

    async def _update(self, call: Call) -> web.Response:
        representation = self._representation(call)
        if call.target.subresource == "scale":
            return answer(await scaling.update(self._objects, call))
        fitted = self._fitted(call, await read_object(call))
        return answer(representation.one(self._written(call, fitted.body)), warnings=fitted.headers)

    def _written(self, call: Call, body: Raw, *, is_applied: bool = False) -> Raw:
        """Stores what an update or a patch made, or says what would be stored.

        is_applied: whether the owners of its fields are settled already.
        """
        objects, kind, body = self._objects, call.stored, inward(call.kind, body)
        if kind == NAMESPACE:
            body = self._namespace(call, body)
        is_status = call.target.subresource in ("status", "approval")
        would_be = objects.status_updated(kind, body) if is_status else objects.updated(kind, body)
        fitting.refuse_incomplete(kind, would_be)
        if not is_applied:
            current = objects.get(kind, call.namespace, call.target.name)
            body = _with_managers(body, managing.noted(call, current, would_be, objects.clock))
        if is_dry_run(call.query):
            return objects.status_updated(kind, body) if is_status else objects.updated(kind, body)
        return objects.update_status(kind, body) if is_status else objects.update(kind, body)

    def _namespace(self, call: Call, body: Raw) -> Raw:
        """What keeps a namespace alive changes through its subresource finalize, and nothing else does there."""
        current = self._objects.get(NAMESPACE, "", call.target.name)
        if call.target.subresource == "finalize":
            return {**current, "spec": body.get("spec") or {}}
        return {**body, "spec": current.get("spec") or {}}

    async def _patch(self, call: Call) -> web.Response:
        representation = self._representation(call)
        patch = await read_patch(call)
        if call.target.subresource == "scale":
            return answer(scaling.patch(self._objects, call, patch))
        current = self._objects.find(call.stored, call.namespace, call.target.name)
        if current is None:
            return self._applied_anew(call, patch, representation)
        current = outward(call.kind, current)
        if patch.is_apply:
            fitted = self._fitted(call, placed(call, patch.body))
            applied = managing.applied(call, current, fitted.body, self._objects.clock)
            written = self._written(call, applied, is_applied=True)
        else:
            fitted = self._fitted(call, placed(call, patch.applied_to(call.kind, current)))
            written = self._written(call, fitted.body)
        return answer(representation.one(written), warnings=fitted.headers)

    def _applied_anew(self, call: Call, patch: Patch, representation: Representation) -> web.Response:
        """Apply creates what is absent; every other patch needs something to change."""
        if not patch.is_apply or call.target.subresource:
            raise NotFound
        fitted = fitting.with_advice(self._fitted(call, placed(call, patch.body)), call.stored)
        applied = managing.applied(call, {}, fitted.body, self._objects.clock)
        return answer(representation.one(self._created(call, applied)), 201, warnings=fitted.headers)


def _with_managers(body: Raw, noted: Raw) -> Raw:
    metadata = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    managers = noted["metadata"].get("managedFields")
    return {**body, "metadata": {**metadata, **({"managedFields": managers} if managers else {})}}


def _check_subresource(call: Call, verb: Verb) -> None:
    """Raises Refused for a subresource that the kind does not have (404), or has not with this verb (405)."""
    if not call.target.subresource:
        needs_namespace = verb == "create" and call.kind.namespaced
        if (needs_namespace or call.target.name) and call.kind.namespaced and not call.target.namespace:
            raise statuses.method_not_allowed() if needs_namespace else statuses.no_such_path()
        return
    verbs = subresources(call.kind).get(call.target.subresource)
    if verbs is None:
        is_way_in = call.kind == POD and call.target.subresource in _WAYS_IN
        raise statuses.no_way_in() if is_way_in else statuses.no_such_path()
    if verb not in verbs:
        raise statuses.method_not_allowed()
