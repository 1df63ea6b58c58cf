"""Collections and objects: what each verb does to them over HTTP.

What a write means is decided by `Objects`; here are the parts of Kubernetes that only exist on the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster.conversions import inward, outward
from coop_core.cluster.kinds import NAMESPACE
from coop_core.local.api import deleting, fitting, scaling, statuses
from coop_core.local.api.discovery import subresources
from coop_core.local.api.patching import Patch, read_patch, with_manager
from coop_core.local.api.representing import Representation, answer
from coop_core.local.api.requests import (
    form,
    include,
    is_dry_run,
    placed,
    read_object,
    selection,
    whole_number,
)
from coop_core.local.api.statuses import Refused, bad_request
from coop_core.local.objects import AlreadyExists, Conflict, Invalid, Malformed, NotFound

if TYPE_CHECKING:
    from aiohttp import web

    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.requests import Verb
    from coop_core.local.api.fitting import Fitted
    from coop_core.local.api.requests import Call
    from coop_core.local.api.watching import Watches
    from coop_core.local.objects import Objects

_REFUSALS = (AlreadyExists, Conflict, Invalid, Malformed, NotFound)
PATCH_ATTEMPTS = 5


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
        store = self._objects.store
        statuses.refuse_future(whole_number(call.query, "resourceVersion"), store.revision)
        _check_list_options(call, store.revision)
        representation, selected = self._representation(call), selection(call)
        found = store.stored(call.stored, selected.namespace)
        chosen = found if selected.is_everything else (one for one in found if selected.matches(one.object))
        return answer(representation.many(chosen, store.revision))

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
        return would_be if is_dry_run(call.query) else self._objects.create(kind, body)

    def _refuse_missing_namespace(self, call: Call) -> None:
        if call.kind.namespaced and self._objects.find(NAMESPACE, "", call.target.namespace) is None:
            raise statuses.not_found(NAMESPACE, call.target.namespace)

    async def _update(self, call: Call) -> web.Response:
        representation = self._representation(call)
        if call.target.subresource == "scale":
            return answer(await scaling.update(self._objects, call))
        fitted = self._fitted(call, await read_object(call))
        return answer(representation.one(self._written(call, fitted.body)), warnings=fitted.headers)

    def _written(self, call: Call, body: Raw) -> Raw:
        """Stores what an update or a patch made, or says what would be stored."""
        objects, kind, body = self._objects, call.stored, inward(call.kind, body)
        if kind == NAMESPACE:
            body = self._namespace(call, body)
        is_status = call.target.subresource in ("status", "approval")
        would_be = objects.status_updated(kind, body) if is_status else objects.updated(kind, body)
        fitting.refuse_incomplete(kind, would_be)
        if is_dry_run(call.query):
            return would_be
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
        patched = placed(call, patch.applied_to(call.kind, current))
        if patch.is_apply and patched != current:
            patched = with_manager(patched, manager=patch.manager, operation="Apply", clock=self._objects.clock)
        fitted = self._fitted(call, patched)
        return answer(representation.one(self._written(call, fitted.body)), warnings=fitted.headers)

    def _applied_anew(self, call: Call, patch: Patch, representation: Representation) -> web.Response:
        """Apply creates what is absent; every other patch needs something to change."""
        if not patch.is_apply or call.target.subresource:
            raise NotFound
        body = placed(call, patch.applied_to(call.kind, {}))
        body = with_manager(body, manager=patch.manager, operation="Apply", clock=self._objects.clock)
        fitted = fitting.with_advice(self._fitted(call, body), call.stored)
        return answer(representation.one(self._created(call, fitted.body)), 201, warnings=fitted.headers)


def _check_subresource(call: Call, verb: Verb) -> None:
    """Raises Refused for a subresource that the kind does not have (404), or has not with this verb (405)."""
    if not call.target.subresource:
        needs_namespace = verb == "create" and call.kind.namespaced
        if (needs_namespace or call.target.name) and call.kind.namespaced and not call.target.namespace:
            raise statuses.method_not_allowed() if needs_namespace else statuses.no_such_path()
        return
    verbs = subresources(call.kind).get(call.target.subresource)
    if verbs is None:
        raise statuses.no_such_path()
    if verb not in verbs:
        raise statuses.method_not_allowed()


def _check_list_options(call: Call, current: int) -> None:
    """Everything is always answered at once, so a continue token can only be somebody else's."""
    query = call.query
    if query.get("continue"):
        raise bad_request("continue key is not valid: this server answers every list in one piece")
    if "sendInitialEvents" in query:
        message = "sendInitialEvents is forbidden for list"
        cause = {"reason": "FieldValueForbidden", "message": message, "field": "sendInitialEvents"}
        raise Refused(422, "Invalid", message, {"causes": [cause]})
    match, revision = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    if not match:
        return
    if match not in ("Exact", "NotOlderThan"):
        raise bad_request('resourceVersionMatch: supported values: "Exact", "NotOlderThan"')
    if not revision:
        raise bad_request("resourceVersionMatch is forbidden unless resourceVersion is provided")
    if match == "Exact" and revision == "0":
        raise bad_request('resourceVersionMatch "Exact" is forbidden for resourceVersion "0"')
    if match == "Exact" and int(revision) < current:
        raise Refused(410, "Expired", "The provided resource version is too old: only the newest state is kept")
