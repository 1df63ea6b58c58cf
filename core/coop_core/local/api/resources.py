"""Collections and objects: what each verb does to them over HTTP.

What a write means is decided by `Objects`; here are the parts of Kubernetes that only exist on the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster.kinds import NAMESPACE
from coop_core.local.api import deleting, scaling, statuses
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
        return Representation(call.kind, wanted, include(call.query), self._objects.clock)

    def _get(self, call: Call) -> web.Response:
        statuses.refuse_future(whole_number(call.query, "resourceVersion"), self._objects.store.revision)
        found = self._objects.get(call.kind, call.namespace, call.target.name)
        if call.target.subresource == "scale":
            return answer(scaling.encoded(call.kind, found))
        return answer(self._representation(call).one(found))

    def _list(self, call: Call) -> web.Response:
        store = self._objects.store
        statuses.refuse_future(whole_number(call.query, "resourceVersion"), store.revision)
        _check_list_options(call, store.revision)
        representation, selected = self._representation(call), selection(call)
        found = store.stored(call.kind, selected.namespace)
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
        name = body["metadata"].get("name") or body["metadata"].get("generateName") or ""
        try:
            self._refuse_missing_namespace(call)
            if is_dry_run(call.query):
                stored = self._objects.admitted(call.kind, body)
            else:
                stored = self._objects.create(call.kind, body)
        except _REFUSALS as error:
            raise statuses.from_objects(error, call.kind, name) from error
        return answer(representation.one(stored), 201)

    def _refuse_missing_namespace(self, call: Call) -> None:
        if call.kind.namespaced and self._objects.find(NAMESPACE, "", call.target.namespace) is None:
            raise statuses.not_found(NAMESPACE, call.target.namespace)

    async def _update(self, call: Call) -> web.Response:
        representation = self._representation(call)
        if call.target.subresource == "scale":
            return answer(await scaling.update(self._objects, call))
        body = await read_object(call)
        return answer(representation.one(self._written(call, body)))

    def _written(self, call: Call, body: Raw) -> Raw:
        """Stores what an update or a patch made, or says what would be stored."""
        objects, kind = self._objects, call.kind
        if kind == NAMESPACE:
            body = self._namespace(call, body)
        if call.target.subresource == "status":
            write = objects.status_updated if is_dry_run(call.query) else objects.update_status
        else:
            write = objects.updated if is_dry_run(call.query) else objects.update
        return write(kind, body)

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
        current = self._objects.find(call.kind, call.namespace, call.target.name)
        if current is None:
            return answer(representation.one(self._applied_anew(call, patch)), 201)
        patched = placed(call, patch.applied_to(call.kind, current))
        if patch.is_apply and patched != current:
            patched = with_manager(patched, manager=patch.manager, operation="Apply", clock=self._objects.clock)
        return answer(representation.one(self._written(call, patched)))

    def _applied_anew(self, call: Call, patch: Patch) -> Raw:
        """Apply creates what is absent; every other patch needs something to change."""
        if not patch.is_apply or call.target.subresource:
            raise NotFound
        self._refuse_missing_namespace(call)
        body = placed(call, patch.applied_to(call.kind, {}))
        body = with_manager(body, manager=patch.manager, operation="Apply", clock=self._objects.clock)
        if is_dry_run(call.query):
            return self._objects.admitted(call.kind, body)
        return self._objects.create(call.kind, body)


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
