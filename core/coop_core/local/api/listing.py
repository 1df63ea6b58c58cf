"""Lists: which objects, of which moment, and which part of them.

A list in parts is of one moment: what changed since then is undone from the store's log. The token for the next
part says the moment and the last object; once the log no longer reaches back, it is expired.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from coop_core.local.api import statuses
from coop_core.local.api.requests import selection, whole_number
from coop_core.local.api.statuses import Refused, bad_request
from coop_core.local.store import Expired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Raw
    from coop_core.local.api.requests import Call, Selection
    from coop_core.local.store import Store, Stored

_NOW = -1
"""In a token: go on with what is there now; some of it may be seen twice or not at all."""
_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
    "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
    "modified, or deleted between the time the first chunk was returned and now may show up in the list."
)


class _Token(msgspec.Struct, array_like=True):
    revision: int
    namespace: str
    name: str

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Page:
    """A list, or a part of one. rest: the metadata that tells of what comes after it."""

    found: list[Stored]
    revision: int
    rest: Raw


def page(store: Store, call: Call) -> Page:
    """What a list asks for. Raises Refused."""
    statuses.refuse_future(whole_number(call.query, "resourceVersion"), store.revision)
    token, exactly = _options(call)
    selected, limit = selection(call), whole_number(call.query, "limit") or 0
    if call.query.get("resourceVersion") == "0" and token is None:
        limit = 0  # the real server answers such a list from a cache, in one piece
    revision = exactly or (token.revision if token and token.revision != _NOW else store.revision)
    try:
        chosen = list(_chosen(store, selected, revision, token))
    except Expired:
        if token is None:
            raise Refused(410, "Expired", f"The provided resource version is too old: {revision}") from None
        refused = Refused(410, "Expired", _TOO_OLD)
        refused.status["metadata"] = {"continue": str(_Token(_NOW, token.namespace, token.name))}
        raise refused from None
    if not limit or len(chosen) <= limit:
        return Page(chosen, revision, {})
    metadata = chosen[limit - 1].object["metadata"]
    following = _Token(revision, metadata.get("namespace", ""), metadata["name"])
    rest: Raw = {"continue": str(following)}
    if selected.is_everything:
        rest["remainingItemCount"] = len(chosen) - limit
    return Page(chosen[:limit], revision, rest)


def _chosen(store: Store, selected: Selection, revision: int, token: _Token | None) -> Iterator[Stored]:
    kind, namespace = selected.kind, selected.namespace
    if revision == store.revision:
        found = store.stored(kind, namespace)
    else:
        found = store.stored_at(kind, namespace, revision)
    if token is not None:
        seen = (token.namespace, token.name)
        found = (
            one
            for one in found
            if (one.object["metadata"].get("namespace", ""), one.object["metadata"]["name"]) > seen
        )
    return found if selected.is_everything else (one for one in found if selected.matches(one.object))


def _options(call: Call) -> tuple[_Token | None, int | None]:
    """Where to go on, and at which revision exactly."""
    query = call.query
    if "sendInitialEvents" in query:
        message = "sendInitialEvents is forbidden for list"
        cause = {"reason": "FieldValueForbidden", "message": message, "field": "sendInitialEvents"}
        raise Refused(422, "Invalid", message, {"causes": [cause]})
    match, revision = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    if query.get("continue"):
        if match:
            raise bad_request("resourceVersionMatch is forbidden when continue is provided")
        if revision not in ("", "0"):
            raise bad_request("specifying resource version is not allowed when using continue")
        return _token(query["continue"]), None
    if not match:
        return None, None
    if match not in ("Exact", "NotOlderThan"):
        raise bad_request('resourceVersionMatch: supported values: "Exact", "NotOlderThan"')
    if not revision:
        raise bad_request("resourceVersionMatch is forbidden unless resourceVersion is provided")
    if match == "Exact" and revision == "0":
        raise bad_request('resourceVersionMatch "Exact" is forbidden for resourceVersion "0"')
    return None, int(revision) if match == "Exact" else None


def _token(text: str) -> _Token:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=_Token)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise bad_request("continue key is not valid") from None
