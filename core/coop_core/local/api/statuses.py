"""Refusals as Kubernetes words them: a `Status` body for every error.

Sources of the wording: apimachinery's api/errors and apiserver's responsewriters. kubectl prints these messages
verbatim, so they are what users see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from coop_core.local.objects import AlreadyExists, Conflict, Invalid, Malformed, NamespaceEnding, NotFound

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.cluster.requests import Target, Verb
    from coop_core.local.tokens import Identity


class Refused(Exception):
    """The request is answered by a Status of failure."""

    def __init__(self, code: int, reason: str, message: str, details: Raw | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status: Raw = failure(code, reason, message, details)


def failure(code: int, reason: str, message: str, details: Raw | None = None) -> Raw:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        # kubectl looks into details without asking whether there are any.
        "details": details or {},
        "code": code,
    }


def response(refused: Refused) -> web.Response:
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache, private"}
    retry_after_s = refused.status["details"].get("retryAfterSeconds")
    if retry_after_s:
        headers["Retry-After"] = str(retry_after_s)
    if refused.code == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="kubernetes"'
    body = msgspec.json.encode(refused.status) + b"\n"
    return web.Response(status=refused.code, body=body, content_type="application/json", headers=headers)


def from_objects(error: Exception, kind: Kind, name: str) -> Refused:
    """The Status for what `Objects` refused."""
    details: Raw = {"name": name, "group": kind.group, "kind": kind.plural}
    resource = f"{kind.plural}.{kind.group}" if kind.group else kind.plural
    match error:
        case NotFound():
            return Refused(404, "NotFound", f'{resource} "{name}" not found', details)
        case AlreadyExists():
            return Refused(409, "AlreadyExists", f'{resource} "{name}" already exists', details)
        case NamespaceEnding():
            causes = [{"reason": "NamespaceTerminating", "message": str(error), "field": "metadata.namespace"}]
            message = f'{resource} "{name}" is forbidden: {error}'
            return Refused(403, "Forbidden", message, {**details, "causes": causes})
        case Conflict():
            message = f'Operation cannot be fulfilled on {resource} "{name}": {error}'
            return Refused(409, "Conflict", message, details)
        case Invalid(causes=causes):
            whole = f"{kind.name}.{kind.group}" if kind.group else kind.name
            shown = [f"{cause.field}: {cause.message}" for cause in causes]
            listed = shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"
            fields = [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
            details = {"name": name, "group": kind.group, "kind": kind.name, "causes": fields}
            return Refused(422, "Invalid", f'{whole} "{name}" is invalid: {listed}', details)
        case Malformed():
            return bad_request(str(error))
        case _:
            raise error


def bad_request(message: str) -> Refused:
    return Refused(400, "BadRequest", message)


def no_such_path() -> Refused:
    return Refused(404, "NotFound", "the server could not find the requested resource", {})


def no_way_in() -> Refused:
    """To what would open a shell, a tunnel or another container in a pod."""
    message = "the local platform has no way into a pod: it is a process on this machine, with its logs and its URL"
    return Refused(404, "NotFound", message, {})


def unauthorized() -> Refused:
    return Refused(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> Refused:
    message = "the server does not allow this method on the requested resource"
    return Refused(405, "MethodNotAllowed", message, {})


def forbidden(identity: Identity, verb: Verb, target: Target) -> Refused:
    where = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
    resource = f"{target.resource}.{target.group}" if target.group else target.resource
    named = f' "{target.name}"' if target.name else ""
    message = (
        f'{resource}{named} is forbidden: User "{identity.user}" cannot {verb} resource "{target.described}" '
        f'in API group "{target.group}" {where}'
    )
    details = {"name": target.name, "group": target.group, "kind": target.resource}
    return Refused(403, "Forbidden", message, details)


def expired(revision: int, oldest: int) -> Raw:
    """What a watch is told, in its stream, when its revision is no longer kept."""
    return failure(410, "Expired", f"too old resource version: {revision} ({oldest})")


def refuse_future(asked: int | None, current: int) -> None:
    """Raises Refused when a client remembers a revision that this store never had."""
    if asked is None or asked <= current:
        return
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    message = f"Too large resource version: {asked}, current: {current}"
    raise Refused(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})


def not_found(kind: Kind, name: str) -> Refused:
    return from_objects(NotFound(), kind, name)
