"""The reviews: whose token is this, who am I, what may I."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from coop_core.cluster import kinds, reviews
from coop_core.cluster.requests import Target
from coop_core.cluster.reviews import BadReview
from coop_core.local.api import access, statuses
from coop_core.local.api.bodies import read_body, understood
from coop_core.local.api.representing import answer_json
from coop_core.local.api.statuses import bad_request
from coop_core.local.tokens import API_AUDIENCE, AUTHENTICATED, MASTERS, PROXIES

if TYPE_CHECKING:
    from aiohttp import web

    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.requests import Verb
    from coop_core.local.tokens import Identity, Tokens

_READABLE = tuple(kind for kind in kinds.ALL if kind != kinds.SECRET)
_ALL_RULE = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
_ASK_RULE = {
    "verbs": ["create"],
    "apiGroups": ["authentication.k8s.io", "authorization.k8s.io"],
    "resources": ["selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews"],
}


class ReviewHandlers:
    """Serves POST on the review resources; nothing of them is ever stored."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def knows(self, target: Target) -> bool:
        return target.group in ("authentication.k8s.io", "authorization.k8s.io")

    async def serve(
        self, http: web.BaseRequest, identity: Identity, target: Target, verb: Verb
    ) -> web.StreamResponse:
        if target.version != "v1" or target.namespace or target.name:
            raise statuses.no_such_path()
        if verb != "create":
            raise statuses.method_not_allowed()
        message = reviews.MESSAGES.get(target.resource)
        if message is None:
            raise statuses.no_such_path()
        review = understood(http, await read_body(http), message)
        try:
            return answer_json(self._answer(identity, target.resource, review), 201)
        except BadReview as error:
            raise bad_request(str(error)) from error

    def _answer(self, identity: Identity, resource: str, review: Any) -> Raw:
        match resource:
            case "tokenreviews":
                return self._token_review(review)
            case "selfsubjectaccessreviews":
                question = reviews.access_question(review)
                is_allowed = _is_allowed(identity, question)
                return reviews.access_answer(question, is_allowed=is_allowed)
            case "selfsubjectrulesreviews":
                reviews.rules_namespace(review)
                return _rules(identity)
            case _:
                return reviews.self_answer(identity.user, (*identity.groups, AUTHENTICATED))

    def _token_review(self, review: Any) -> Raw:
        try:
            asked = msgspec.convert(reviews.spec_of(review), _TokenReviewSpec)
        except msgspec.ValidationError:
            raise bad_request("spec.token must be a string, spec.audiences a list of strings") from None
        identity = self._tokens.identify(asked.token)
        wanted = asked.audiences or [API_AUDIENCE]
        shared = [audience for audience in wanted if identity and audience in identity.audiences]
        answer: Raw = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}}
        # The token is not repeated in the answer: an answer may end in somebody's log.
        if identity is None or not shared:
            return {**answer, "spec": {}, "status": {"authenticated": False, "error": "invalid bearer token"}}
        user = {"username": identity.user, "groups": [*identity.groups, AUTHENTICATED]}
        status = {"authenticated": True, "user": user, "audiences": shared}
        return {**answer, "spec": {"audiences": wanted}, "status": status}


class _TokenReviewSpec(msgspec.Struct):
    token: str
    audiences: list[str] | None = None


def _is_allowed(identity: Identity, question: reviews.AccessQuestion) -> bool:
    if question.path:
        return question.verb == "get" or MASTERS in identity.groups
    target = Target(
        question.group,
        question.version,
        question.namespace,
        question.resource,
        question.subresource,
        question.name,
    )
    return access.is_allowed(identity, question.verb, target)


def _rules(identity: Identity) -> Raw:
    if MASTERS in identity.groups:
        return reviews.rules_answer([_ALL_RULE], [{"verbs": ["*"], "nonResourceURLs": ["*"]}])
    readable = [{"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/version"]}]
    if PROXIES in identity.groups:
        return reviews.rules_answer([_ASK_RULE, *map(_read_rule, _READABLE)], readable)
    return reviews.rules_answer([_ASK_RULE], readable)


def _read_rule(kind: kinds.Kind) -> Raw:
    resources = [kind.plural, *(["pods/log"] if kind == kinds.POD else ())]
    return {"verbs": ["get", "list", "watch"], "apiGroups": [kind.group], "resources": resources}
