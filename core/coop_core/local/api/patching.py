"""PATCH: which kind of patch a body is, and the object it makes of the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coop_core.cluster import jsonpatch, patches
from coop_core.cluster.jsonpatch import ExpectationFailed
from coop_core.cluster.patches import BadPatch
from coop_core.local.api.bodies import decoded, media_type, read_body, unknown_format
from coop_core.local.api.statuses import Refused, bad_request

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.api.requests import Call

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


def has_strategic_merge(kind: Kind) -> bool:
    """Only built-in kinds say which lists are merged; Argo CD's are none, though they are built in here."""
    return not kind.is_custom and kind.group != "argoproj.io"


def patch_types(kind: Kind) -> list[str]:
    """The media types of the patches that a kind takes."""
    known = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE, APPLY)
    return [one for one in known if one != STRATEGIC_MERGE or has_strategic_merge(kind)]


class Patch:
    """A patch as it was sent."""

    def __init__(self, media: str, body: Any) -> None:
        self.media = media
        self.body = body

    @property
    def is_apply(self) -> bool:
        return self.media == APPLY

    def applied_to(self, kind: Kind, current: Raw) -> Raw:
        """What the patch makes of `current`. Raises Refused when it does not fit."""
        try:
            if self.media == JSON_PATCH:
                return jsonpatch.json_patch(current, self.body)
            if self.media == MERGE_PATCH or (self.is_apply and not has_strategic_merge(kind)):
                return _object(patches.merge(current, self.body))
            return _object(patches.strategic_merge(current, self.body))
        except ExpectationFailed as error:
            raise Refused(
                422, "Invalid", f"the server rejected our request due to an error in our request: {error}"
            ) from error
        except BadPatch as error:
            raise bad_request(str(error)) from error


async def read_patch(call: Call) -> Patch:
    """Reads and checks the body of a PATCH. Raises Refused (400, 415)."""
    media = media_type(call.http)
    supported = patch_types(call.kind)
    if media not in supported:
        raise unknown_format(media, supported)
    if media == APPLY and not call.query.get("fieldManager"):
        raise bad_request(
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
        )
    body = decoded(await read_body(call.http), may_be_yaml=media == APPLY)
    if media != JSON_PATCH:
        _object(body)
    if media == APPLY and (body.get("metadata") or {}).get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    return Patch(media, body)


def _object(body: Any) -> Raw:
    if not isinstance(body, dict):
        raise bad_request("the patch must be a JSON object")
    return body
