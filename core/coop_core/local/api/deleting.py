"""DELETE, of one object and of many: options, preconditions, and what becomes of dependents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from coop_core.cluster.conversions import outward
from coop_core.local.api.bodies import read_body, understood
from coop_core.local.api.representing import answer_json
from coop_core.local.api.requests import is_dry_run, selection, whole_number
from coop_core.local.api.statuses import Refused, bad_request
from coop_core.local.objects import default_grace_s

if TYPE_CHECKING:
    from aiohttp import web

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.api.requests import Call
    from coop_core.local.objects import Objects

Propagation = Literal["Background", "Foreground", "Orphan"]
_FINALIZERS: dict[Propagation, tuple[str, ...]] = {
    "Background": (),
    "Foreground": ("foregroundDeletion",),
    "Orphan": ("orphan",),
}
"""What keeps an object until the garbage collector has dealt with its dependents."""


class _Preconditions(msgspec.Struct, rename="camel"):
    uid: str | None = None
    resource_version: str | None = None


class _DeleteOptions(msgspec.Struct, rename="camel"):
    """The body of a DELETE."""

    grace_period_seconds: int | None = None
    propagation_policy: Propagation | None = None
    orphan_dependents: bool | None = None
    preconditions: _Preconditions | None = None
    dry_run: list[str] | None = None


@dataclass(frozen=True, slots=True)
class _Wish:
    grace_s: int | None
    propagation: Propagation
    preconditions: _Preconditions
    is_dry_run: bool


async def delete(objects: Objects, call: Call) -> web.Response:
    """Answers the object when it lingers (finalizers, a pod's grace), a Status of success when it is gone."""
    wish = await _wish(call)
    current = objects.get(call.stored, call.namespace, call.target.name)
    _check_preconditions(call, current, wish.preconditions)
    left = _delete(objects, call.stored, current, wish)
    if left is not None:
        return answer_json(outward(call.kind, left))
    metadata = current["metadata"]
    details = {
        "name": metadata["name"],
        "group": call.kind.group,
        "kind": call.kind.plural,
        "uid": metadata["uid"],
    }
    success = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    return answer_json(success)


async def delete_collection(objects: Objects, call: Call) -> web.Response:
    """Deletes all that the selectors choose, and answers with the list of it."""
    wish = await _wish(call)
    selected = selection(call)
    if selected.namespace is None and call.kind.namespaced:
        raise Refused(405, "MethodNotAllowed", "deletecollection needs a namespace", {})
    chosen = [body for body in objects.select(call.stored, selected.namespace) if selected.matches(body)]
    for body in chosen:
        _delete(objects, call.stored, body, wish)
    revision = {"resourceVersion": str(objects.store.revision)}
    listed = {"kind": f"{call.kind.name}List", "apiVersion": call.kind.api_version, "metadata": revision}
    return answer_json({**listed, "items": [outward(call.kind, body) for body in chosen]})


async def _wish(call: Call) -> _Wish:
    """Reads DeleteOptions; the body goes before the query."""
    raw = await read_body(call.http)
    try:
        given = understood(call.http, raw, "meta/v1.DeleteOptions") if raw.strip() else {}
        body = msgspec.convert(given, _DeleteOptions)
    except msgspec.ValidationError as error:
        raise bad_request(f'DeleteOptions in version "v1" cannot be handled: {error}') from error
    grace_s = body.grace_period_seconds
    if grace_s is None:
        grace_s = whole_number(call.query, "gracePeriodSeconds")
    return _Wish(
        grace_s=None if grace_s is None else max(0, grace_s),
        propagation=_propagation(call, body),
        preconditions=body.preconditions or _Preconditions(),
        is_dry_run=is_dry_run({"dryRun": (body.dry_run or [""])[0]}) or is_dry_run(call.query),
    )


def _propagation(call: Call, body: _DeleteOptions) -> Propagation:
    if body.orphan_dependents is not None and body.propagation_policy is not None:
        raise bad_request("orphanDependents and propagationPolicy cannot both be given")
    if body.orphan_dependents:
        return "Orphan"
    match body.propagation_policy or call.query.get("propagationPolicy", ""):
        case "" | "Background":
            return "Background"
        case "Foreground":
            return "Foreground"
        case "Orphan":
            return "Orphan"
        case other:
            raise bad_request(f'invalid propagationPolicy: "{other[:64]}"')


def _check_preconditions(call: Call, current: Raw, wanted: _Preconditions) -> None:
    metadata = current["metadata"]
    for field, claimed, actual in (
        ("UID", wanted.uid, metadata["uid"]),
        ("ResourceVersion", wanted.resource_version, metadata["resourceVersion"]),
    ):
        if claimed is not None and claimed != actual:
            message = (
                f'Operation cannot be fulfilled on {call.kind.plural} "{metadata["name"]}": Precondition failed: '
                f"{field} in precondition: {claimed[:64]}, {field} in object meta: {actual}"
            )
            details = {"name": metadata["name"], "group": call.kind.group, "kind": call.kind.plural}
            raise Refused(409, "Conflict", message, details)


def _delete(objects: Objects, kind: Kind, body: Raw, wish: _Wish) -> Raw | None:
    """Deletes one object; what lingers is returned."""
    metadata = body["metadata"]
    if wish.is_dry_run:
        return body
    grace_s = default_grace_s(kind, body)
    if grace_s and wish.grace_s is not None:
        grace_s = wish.grace_s
    namespace = metadata.get("namespace", "")
    finalizers = _FINALIZERS[wish.propagation]
    objects.delete(kind, namespace, metadata["name"], grace_s=grace_s, finalizers=finalizers)
    return objects.find(kind, namespace, metadata["name"])
