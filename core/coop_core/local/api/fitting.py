"""Whether what a client wrote fits its kind: fields nobody knows, values of the wrong type, fields left out.

Built-in kinds are judged by the models of the `kubernetes` client, so that whatever this server says, that client
can read. Custom kinds are judged by their own schema, in `Objects`; here, only their unknown fields are told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from coop_core.cluster import kept
from coop_core.cluster.schemas import mistakes, pruned
from coop_core.local import models
from coop_core.local.api.statuses import Refused, bad_request
from coop_core.local.objects import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.catalog import Catalog

FieldValidation = Literal["Strict", "Warn", "Ignore"]
_SHOWN_WARNINGS = 20
_LONGEST_WARNING = 200


@dataclass(frozen=True, slots=True)
class Fitted:
    """A body without the fields that its kind does not have, and what to tell the client of that."""

    body: Raw
    warnings: tuple[str, ...] = ()

    @property
    def headers(self) -> tuple[str, ...]:
        """The warnings as Warning headers have them: kubectl prints each."""
        return tuple(f'299 - "{_quoted(warning)}"' for warning in self.warnings[:_SHOWN_WARNINGS])


def _quoted(warning: str) -> str:
    plain = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in warning)
    return plain[:_LONGEST_WARNING].replace("\\", "\\\\").replace('"', '\\"')


def fit(catalog: Catalog, kind: Kind, body: Raw, query: Mapping[str, str]) -> Fitted:
    """Raises Refused (400) for a value of the wrong type and, if the client wants that, for an unknown field."""
    mode = _mode(query)
    custom = catalog.custom(kind)
    schema = custom.schema if custom else models.schema_of(kind)
    if schema is None:
        return Fitted(body)
    try:
        kept_body, unknown = pruned(schema, body, resolve=models.resolve, drops_null=True)
        wrong = [] if custom else _wrong_types(schema, kept_body)
    except RecursionError:
        raise bad_request("the object is nested too deeply") from None
    if wrong:
        raise bad_request(f"{_unhandled(kind)}: {wrong[0]}")
    problems = tuple(f'unknown field "{path}"' for path in unknown)
    if problems and mode == "Strict":
        raise bad_request(f"{_unhandled(kind)}: strict decoding error: {', '.join(problems)}")
    return Fitted(kept_body, problems if mode == "Warn" else ())


def refuse_incomplete(kind: Kind, body: Raw) -> None:
    """Raises Invalid when a field is missing that every client counts on. body: with its defaults."""
    schema = models.schema_of(kind)
    if schema is None:
        return
    missing = tuple(
        cause for cause in mistakes(schema, body, resolve=models.resolve) if cause.reason == "FieldValueRequired"
    )
    if missing:
        raise Invalid(missing)


def with_advice(fitted: Fitted, kind: Kind) -> Fitted:
    """Warned, too, that nobody here does anything with a new object of such a kind."""
    advice = kept.warning(kind)
    return replace(fitted, warnings=(*fitted.warnings, advice)) if advice else fitted


def _wrong_types(schema: Raw, body: Any) -> list[str]:
    return [
        f"$.{cause.message.split(': ', 2)[2]}"
        for cause in mistakes(schema, body, resolve=models.resolve)
        if cause.reason == "FieldValueTypeInvalid"
    ]


def _unhandled(kind: Kind) -> str:
    return f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}'


def _mode(query: Mapping[str, str]) -> FieldValidation:
    match query.get("fieldValidation", ""):
        case "Strict":
            return "Strict"
        case "" | "Warn":
            return "Warn"
        case "Ignore":
            return "Ignore"
        case other:
            message = (
                f'fieldValidation: Unsupported value: "{other[:64]}": supported values: "Ignore", "Strict", "Warn"'
            )
            cause = {"reason": "FieldValueNotSupported", "message": message, "field": "fieldValidation"}
            raise Refused(422, "Invalid", message, {"causes": [cause]})
