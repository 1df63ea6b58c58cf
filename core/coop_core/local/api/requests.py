"""What a request asks for, beyond its path: query and representation. No decisions on objects here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl

from coop_core.cluster import conversions, selectors
from coop_core.cluster.selectors import BadSelector, FieldSelector, LabelSelector
from coop_core.local.api.statuses import Refused, bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from coop_core.cluster.definitions import Served
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.cluster.requests import Target
    from coop_core.local.tokens import Identity

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

    Protobuf, YAML and CBOR are never answered; every client that prefers them lists JSON as well.
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
