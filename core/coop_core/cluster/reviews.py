"""The reviews that clients post to learn who they are and what they may: what one asks, and what it is answered.

Source: Kubernetes authorization/v1 and authentication/v1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

MESSAGES = {
    "selfsubjectreviews": "authentication/v1.SelfSubjectReview",
    "selfsubjectaccessreviews": "authorization/v1.SelfSubjectAccessReview",
    "selfsubjectrulesreviews": "authorization/v1.SelfSubjectRulesReview",
    "tokenreviews": "authentication/v1.TokenReview",
}
"""What each resource takes, as `protobuf` calls it."""


class BadReview(Exception):
    """The body is no review."""


@dataclass(frozen=True, slots=True)
class AccessQuestion:
    """What a SelfSubjectAccessReview asks. Either about a resource or, when `path` is given, about a path."""

    namespace: str = ""
    verb: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    path: str = ""


def access_question(review: Any) -> AccessQuestion:
    """Reads a SelfSubjectAccessReview. Raises BadReview."""
    spec = spec_of(review)
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if isinstance(resource, dict):
        return AccessQuestion(**{name: _text(resource, name) for name in _RESOURCE_FIELDS})
    if isinstance(path, dict):
        return AccessQuestion(path=_text(path, "path"), verb=_text(path, "verb"))
    raise BadReview("exactly one of nonResourceAttributes or resourceAttributes must be specified")


def rules_namespace(review: Any) -> str:
    """Reads the namespace of a SelfSubjectRulesReview. Raises BadReview."""
    return _text(spec_of(review), "namespace")


def spec_of(review: Any) -> Raw:
    """What a review asks, whichever it is. Raises BadReview."""
    spec = review.get("spec") if isinstance(review, dict) else None
    if not isinstance(spec, dict):
        raise BadReview("spec is required")
    return spec


def access_answer(question: AccessQuestion, *, is_allowed: bool, reason: str = "") -> Raw:
    """A SelfSubjectAccessReview with its answer."""
    if question.path:
        spec: Raw = {"nonResourceAttributes": {"path": question.path, "verb": question.verb}}
    else:
        given = {name: getattr(question, name) for name in _RESOURCE_FIELDS}
        spec = {"resourceAttributes": {name: value for name, value in given.items() if value}}
    status = {"allowed": is_allowed, **({"reason": reason} if reason else {})}
    return _answer("authorization.k8s.io/v1", "SelfSubjectAccessReview", spec, status)


def rules_answer(resource_rules: list[Raw], non_resource_rules: list[Raw]) -> Raw:
    """A SelfSubjectRulesReview with its answer; `incomplete` is false: what is not listed is not allowed."""
    status = {
        "resourceRules": resource_rules,
        "nonResourceRules": non_resource_rules,
        "incomplete": False,
    }
    return _answer("authorization.k8s.io/v1", "SelfSubjectRulesReview", {}, status)


def self_answer(user: str, groups: tuple[str, ...]) -> Raw:
    """A SelfSubjectReview with its answer."""
    status = {"userInfo": {"username": user, "groups": list(groups)}}
    return _answer("authentication.k8s.io/v1", "SelfSubjectReview", None, status)


def _answer(api_version: str, kind: str, spec: Raw | None, status: Raw) -> Raw:
    answered = {"kind": kind, "apiVersion": api_version, "metadata": {"creationTimestamp": None}}
    return {**answered, **({} if spec is None else {"spec": spec}), "status": status}


_RESOURCE_FIELDS = ("namespace", "verb", "group", "version", "resource", "subresource", "name")


def _text(fields: Raw, name: str) -> str:
    value = fields.get(name) or ""
    if not isinstance(value, str):
        raise BadReview(f"{name} must be a string")
    return value
