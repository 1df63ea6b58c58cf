"""Field ownership on the wire: who a request comes from, and what a conflict looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.clock import Clock, rfc3339
from coop_core.cluster.managed_fields import Manager
from coop_core.cluster.ownership import ApplyConflict
from coop_core.local.api.requests import is_true
from coop_core.local.api.statuses import Refused, bad_request
from coop_core.local.fields import fields_of

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.ownership import Fields
    from coop_core.local.api.requests import Call

_LONGEST_NAME = 128


def noted(call: Call, old: Raw, new: Raw, clock: Clock) -> Raw:
    """`new` with a note of what this request changed of `old`."""
    if call.kind != call.stored:
        return new  # in other words than it is stored in: nobody owns fields of that
    return _fields(call).updated(old, new, _manager(call, "Update"), time=rfc3339(clock.now_s()))


def applied(call: Call, live: Raw, config: Raw, clock: Clock) -> Raw:
    """What server-side apply makes of `live`, which is empty when there is nothing yet. Raises Refused (409)."""
    manager = _manager(call, "Apply")
    try:
        return _fields(call).applied(
            live, config, manager, force=is_true(call.query, "force"), time=rfc3339(clock.now_s())
        )
    except ApplyConflict as conflict:
        raise _refused(conflict) from conflict


def _fields(call: Call) -> Fields:
    return fields_of(call.kind, call.custom)


def _manager(call: Call, operation: str) -> Manager:
    name = call.query.get("fieldManager") or call.http.headers.get("User-Agent", "unknown").partition("/")[0]
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise bad_request(f"fieldManager must be printable and at most {_LONGEST_NAME} characters long")
    subresource = call.target.subresource if call.kind.has_status or call.target.subresource == "scale" else ""
    return Manager(name, operation, call.kind.api_version, subresource)


def _refused(conflict: ApplyConflict) -> Refused:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{clash.manager.name}" using {clash.manager.api_version}',
            "field": clash.shown,
        }
        for clash in conflict.clashes
    ]
    count = len(causes)
    shown = "\n".join(f"- {cause['field']}: {cause['message']}" for cause in causes)
    if count == 1:
        message = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        message = f"Apply failed with {count} conflicts:\n{shown}"
    return Refused(409, "Conflict", message, {"causes": causes})
