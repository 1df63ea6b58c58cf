"""The three reviews by which clients ask who they are and what they may: answered from the policy, never passed on.

Pure. The platform's own answer would be about the proxy's rights, or about rights that the proxy does not grant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from coop_core.cluster import kinds, protobuf, reviews
from coop_core.proxy.answers import Refusal
from coop_core.proxy.policy import READ_VERBS, READABLE, Allowed, Asked

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.reviews import AccessQuestion
    from coop_core.proxy.identity import User
    from coop_core.proxy.policy import Policy

_ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
_WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"

PATHS = {_ACCESS: "selfsubjectaccessreviews", _RULES: "selfsubjectrulesreviews", _WHO: "selfsubjectreviews"}

_OPEN_PATHS = ("/api", "/apis", "/version", "/healthz", "/readyz", "/livez")
_GROUPS = ("system:authenticated",)


def answer(path: str, body: bytes, content_type: str, user: User, policy: Policy) -> Raw:
    """The review with its answer. Raises Refusal for a body that is none."""
    review = _decoded(body, content_type, reviews.MESSAGES[PATHS[path]])
    try:
        if path == _ACCESS:
            return _access(reviews.access_question(review), user, policy)
        if path == _RULES:
            return _rules(reviews.rules_namespace(review), user, policy)
    except reviews.BadReview as error:
        raise Refusal(400, str(error)) from error
    return reviews.self_answer(user.name, _GROUPS)


def _decoded(body: bytes, content_type: str, message: str) -> Any:
    """JSON or, as newer Go clients send it, protobuf."""
    try:
        match content_type:
            case "application/json":
                return msgspec.json.decode(body)
            case protobuf.MEDIA_TYPE:
                return protobuf.read(body, message)
            case _:
                raise Refusal(415, "a review must be JSON or protobuf")
    except protobuf.Malformed as error:
        raise Refusal(400, f"the body is no protobuf of a review: {error}") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refusal(400, "the body is not JSON") from error


def _access(question: AccessQuestion, user: User, policy: Policy) -> Raw:
    if question.path:
        is_open = question.verb == "get" and question.path.rstrip("/") in _OPEN_PATHS
        return reviews.access_answer(question, is_allowed=is_open)
    asked = Asked(
        question.verb, question.group, question.resource, question.subresource, question.namespace, question.name
    )
    return reviews.access_answer(question, is_allowed=isinstance(policy.decide(user.slug, _usual(asked)), Allowed))


def _usual(asked: Asked) -> Asked:
    """kubectl gives its current namespace with cluster-scoped kinds as well; it means nothing there."""
    if (asked.group, asked.resource) == (kinds.NAMESPACE.group, kinds.NAMESPACE.plural):
        return Asked(asked.verb, asked.group, asked.resource, asked.subresource, "", asked.name)
    return asked


def _rules(namespace: str, user: User, policy: Policy) -> Raw:
    rules: list[Raw] = [
        {"verbs": ["create"], "apiGroups": [path.split("/")[2]], "resources": [name]}
        for path, name in PATHS.items()
    ]
    for readable in READABLE:
        kind = readable.kind
        asked = _usual(Asked("list", kind.group, kind.plural, "", namespace))
        if not isinstance(policy.decide(user.slug, asked), Allowed):
            continue
        rules.append({"verbs": list(READ_VERBS), "apiGroups": [kind.group], "resources": [kind.plural]})
        rules += [
            {"verbs": ["get"], "apiGroups": [kind.group], "resources": [f"{kind.plural}/{subresource}"]}
            for subresource in readable.subresources
        ]
    return reviews.rules_answer(rules, [{"verbs": ["get"], "nonResourceURLs": list(_OPEN_PATHS)}])
