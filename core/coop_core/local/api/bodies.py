"""What a request carries: its body, read within limits, and decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from coop_core import yamls
from coop_core.cluster import protobuf
from coop_core.errors import CoopError
from coop_core.local.api.statuses import Refused, bad_request

if TYPE_CHECKING:
    from aiohttp import web

    from coop_core.cluster.kinds import Raw
    from coop_core.local.api.requests import Call

JSON = "application/json"
YAML = "application/yaml"
LIMIT_BYTES = 3 * 1024 * 1024


async def read_body(http: web.BaseRequest) -> bytes:
    """The body, at most 3 MiB of it. Raises Refused (413, 415)."""
    too_large = Refused(413, "RequestEntityTooLarge", f"Request entity too large: limit is {LIMIT_BYTES}", {})
    if http.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused(415, "UnsupportedMediaType", "request bodies must come without Content-Encoding", {})
    if (http.content_length or 0) > LIMIT_BYTES:
        raise too_large
    chunks = bytearray()
    async for chunk in http.content.iter_any():
        chunks += chunk
        if len(chunks) > LIMIT_BYTES:
            raise too_large
    return bytes(chunks)


def media_type(http: web.BaseRequest) -> str:
    """The body's type without parameters; JSON when the request names none."""
    return http.headers.get("Content-Type", "application/json").partition(";")[0].strip().lower()


def decoded(body: bytes, *, may_be_yaml: bool = False) -> Any:
    """A JSON body; or, where that is allowed, a YAML one. Raises Refused (400)."""
    if may_be_yaml and not body.lstrip().startswith(b"{"):
        try:
            return yamls.load(body, "the body")
        except CoopError as error:
            raise bad_request(f"{error.what}: {error.why}") from error
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        message = f"the object provided is unrecognized (must be of type application/json): {error}"
        raise bad_request(message) from error


def understood(http: web.BaseRequest, body: bytes, message: str | None) -> Any:
    """A body in whichever form the request says it has. Raises Refused (400, 415).

    message: what it is called in protobuf, if it can be that at all.
    """
    media = media_type(http)
    if media in (JSON, YAML):
        return decoded(body, may_be_yaml=media == YAML)
    if message is None or not protobuf.knows(message):
        raise unknown_format(media, [JSON, YAML])
    if media != protobuf.MEDIA_TYPE:
        raise unknown_format(media, [JSON, YAML, protobuf.MEDIA_TYPE])
    try:
        return protobuf.read(body, message)
    except protobuf.Malformed as error:
        kind = message.rpartition(".")[2]
        raise bad_request(f"the object provided is unrecognized (must be of type {kind}): {error}") from error


def unknown_format(media: str, accepted: list[str]) -> Refused:
    message = (
        f"the body of the request was in an unknown format ({media[:64]}) - accepted media types include: "
        f"{', '.join(accepted)}"
    )
    return Refused(415, "UnsupportedMediaType", message, {})


async def read_object(call: Call) -> Raw:
    """The body of a create or an update: an object of the path's kind, in the path's namespace."""
    body = await read_body(call.http)
    return placed(call, understood(call.http, body, protobuf.name_of(call.kind)))


def placed(call: Call, body: Any) -> Raw:
    """`body` with kind, version and namespace of the path; Refused when it claims others."""
    if not isinstance(body, dict) or not isinstance(body.get("metadata") or {}, dict):
        raise bad_request(f"the request body must be a {call.kind.name} object")
    kind, api_version = body.get("kind", call.kind.name), body.get("apiVersion", call.kind.api_version)
    if (kind, api_version) != (call.kind.name, call.kind.api_version):
        raise bad_request(
            f"{str(kind)[:64]} in version {str(api_version)[:64]!r} cannot be handled as a {call.kind.name}: "
            f"converting ({str(api_version)[:64]}).{str(kind)[:64]} to ({call.kind.api_version}).{call.kind.name}: "
            "unknown conversion"
        )
    metadata = dict(body.get("metadata") or {})
    if call.kind.namespaced:
        claimed = metadata.get("namespace") or call.target.namespace
        if claimed != call.target.namespace:
            raise bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        metadata["namespace"] = call.target.namespace
    if call.target.name:
        claimed = metadata.get("name") or call.target.name
        if claimed != call.target.name:
            shown = str(claimed)[:64]
            message = f"the name of the object ({shown}) does not match the name on the URL ({call.target.name})"
            raise bad_request(message)
        metadata["name"] = call.target.name
    return {**body, "kind": call.kind.name, "apiVersion": call.kind.api_version, "metadata": metadata}
