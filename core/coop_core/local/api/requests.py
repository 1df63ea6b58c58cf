"""What a request asks for, beyond its path: query, representation, body. No decisions on objects here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl

import msgspec

from coop_core import yamls
from coop_core.cluster import conversions, selectors
from coop_core.cluster.selectors import BadSelector, FieldSelector, LabelSelector
from coop_core.errors import CoopError
from coop_core.local.api.statuses import Refused, bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from coop_core.cluster.definitions import Served
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.cluster.requests import Target
    from coop_core.local.tokens import Identity

JSON = "application/json"
YAML = "application/yaml"
BODY_LIMIT_BYTES = 3 * 1024 * 1024

Include = Literal["Object", "Metadata", "None"]


@dataclass(frozen=True, slots=True)
class Form:
    """The representation to answer in."""

    kind: Literal["object", "table", "metadata"] = "object"
    version: str = "v1"


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request for a resource."""

    http: web.BaseRequest
    identity: Identity
    target: Target
    kind: Kind
    """As the client names it; see `stored`."""
    query: Mapping[str, str] = field(default_factory=dict)
    custom: Served | None = None
    """What the definition of a custom kind says."""

    @property
    def stored(self) -> Kind:
        """The kind whose objects these are in the store."""
        return conversions.stored_as(self.kind)

    @property
    def namespace(self) -> str:
        return self.target.namespace if self.kind.namespaced else ""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a kind. namespace None: all of them."""

    kind: Kind
    namespace: str | None
    labels: LabelSelector
    fields: FieldSelector

    def matches(self, body: Raw) -> bool:
        return (
            (self.namespace is None or body["metadata"].get("namespace", "") == self.namespace)
            and self.labels.matches(body["metadata"].get("labels"))
            and self.fields.matches(body)
        )

    @property
    def is_everything(self) -> bool:
        """Whether the namespace alone decides."""
        return not self.labels.requirements and not self.fields.terms


def read_query(text: str) -> dict[str, str]:
    """The query's parameters; of one that comes several times, the first, as Go reads it.

    Raises Refused when a parameter that must not be ambiguous comes with two different values.
    """
    query: dict[str, str] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=100, errors="strict")
    except ValueError:
        raise bad_request("the query cannot be parsed") from None
    for name, value in pairs:
        if query.setdefault(name, value) != value and name in ("dryRun", "watch", "namespace", "name"):
            raise bad_request(f"query parameter {name} is given twice")
    return query


def is_true(query: Mapping[str, str], name: str) -> bool:
    """Kubernetes takes every value but "0" and "false" for yes, the empty one included."""
    return name in query and query[name].lower() not in ("0", "false")


def is_dry_run(query: Mapping[str, str]) -> bool:
    value = query.get("dryRun", "")
    if value not in ("", "All"):
        raise Refused(
            422,
            "Invalid",
            f' "" is invalid: dryRun: Unsupported value: "{value[:64]}": supported values: "All"'.strip(),
            {"causes": [{"reason": "FieldValueNotSupported", "message": "Unsupported value", "field": "dryRun"}]},
        )
    return value == "All"


def whole_number(query: Mapping[str, str], name: str) -> int | None:
    """None when absent or empty. Raises Refused unless it is a whole number from 0 on."""
    text = query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise bad_request(f"query parameter {name} must be a whole number")
    return int(text)


def selection(call: Call) -> Selection:
    """What a list, a watch or a deletecollection selects."""
    try:
        labels = selectors.parse_labels(call.query.get("labelSelector", ""))
        more = call.custom.fields if call.custom else ()
        fields = selectors.parse_fields(call.query.get("fieldSelector", ""), call.kind, more)
    except BadSelector as error:
        raise bad_request(str(error)) from error
    if call.target.name:
        fields = FieldSelector((*fields.terms, selectors.FieldTerm("metadata.name", call.target.name, True)))
    if not call.kind.namespaced:
        return Selection(call.stored, "", labels, fields)
    wanted = fields.value_of("metadata.namespace")
    return Selection(call.stored, call.target.namespace or wanted or None, labels, fields)


def form(accept: str) -> Form:
    """The first representation in an Accept header that this server has. Raises Refused (406) when there is none.

    Protobuf, YAML and CBOR are not spoken; every client that prefers them lists JSON as well.
    """
    if not accept.strip():
        return Form()
    for clause in accept.split(","):
        media, _, rest = clause.partition(";")
        parameters = dict(
            (part.partition("=")[0].strip(), part.partition("=")[2].strip()) for part in rest.split(";") if part
        )
        if media.strip().lower() not in ("application/json", "application/*", "*/*"):
            continue
        if parameters.get("q") in ("0", "0.0") or parameters.get("stream", "watch") != "watch":
            continue
        wanted = _form(parameters)
        if wanted is not None:
            return wanted
    raise Refused(
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json, application/json;stream=watch",
    )


def _form(parameters: Mapping[str, str]) -> Form | None:
    kind, group, version = (parameters.get(name, "") for name in ("as", "g", "v"))
    if not kind:
        return Form()
    if group != "meta.k8s.io":
        return None
    if kind == "Table" and version in ("v1", "v1beta1"):
        return Form("table", version)
    if kind in ("PartialObjectMetadata", "PartialObjectMetadataList") and version in ("v1", "v1beta1"):
        return Form("metadata", version)
    return None


def include(query: Mapping[str, str]) -> Include:
    """What a Table's rows carry."""
    match query.get("includeObject", ""):
        case "" | "Metadata":
            return "Metadata"
        case "Object":
            return "Object"
        case "None":
            return "None"
        case other:
            raise bad_request(f'unrecognized includeObject value: "{other[:64]}"')


async def read_body(http: web.BaseRequest) -> bytes:
    """The body, at most 3 MiB of it. Raises Refused (413, 415)."""
    too_large = Refused(413, "RequestEntityTooLarge", f"Request entity too large: limit is {BODY_LIMIT_BYTES}", {})
    if http.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused(415, "UnsupportedMediaType", "request bodies must come without Content-Encoding", {})
    if (http.content_length or 0) > BODY_LIMIT_BYTES:
        raise too_large
    chunks = bytearray()
    async for chunk in http.content.iter_any():
        chunks += chunk
        if len(chunks) > BODY_LIMIT_BYTES:
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


async def read_object(call: Call) -> Raw:
    """The body of a create or an update: an object of the path's kind, in the path's namespace."""
    media = media_type(call.http)
    if media not in (JSON, YAML):
        message = (
            f"the body of the request was in an unknown format ({media[:64]}) - accepted media types include: "
            f"{JSON}, {YAML}"
        )
        raise Refused(415, "UnsupportedMediaType", message, {})
    body = decoded(await read_body(call.http), may_be_yaml=media == YAML)
    return placed(call, body)


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
