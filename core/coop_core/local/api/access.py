"""Who a request comes from, and what they may do. Refuses by default.

Three kinds of callers: masters, who may everything; proxies, who read everything but secrets and check tokens;
everybody else, who may ask who they are and no more.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coop_core.cluster.kinds import SECRET
from coop_core.local.api import statuses
from coop_core.local.api.statuses import Refused
from coop_core.local.tokens import API_AUDIENCE, MASTERS, PROXIES

if TYPE_CHECKING:
    from aiohttp import web

    from coop_core.cluster.requests import Target
    from coop_core.local.tokens import Identity, Tokens

_LOCAL_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_READING = ("get", "list", "watch")
_SELF_REVIEWS = ("selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews")


def check_host(http: web.BaseRequest) -> None:
    """Refuses a request whose Host is not this machine: a web page that had its name point here sends such."""
    hosts = http.headers.getall("Host", [])
    if len(hosts) != 1 or not _LOCAL_HOST.fullmatch(hosts[0]):
        message = "this server answers to localhost, 127.0.0.1 and [::1] only"
        raise Refused(403, "Forbidden", message, {})


def authenticate(http: web.BaseRequest, tokens: Tokens) -> Identity:
    """Whose bearer token the request carries. Raises Refused (401), also for a token meant for another server."""
    given = http.headers.getall("Authorization", [])
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    identity = tokens.identify(token.strip()) if scheme.lower() == "bearer" else None
    if identity is None or API_AUDIENCE not in identity.audiences:
        raise statuses.unauthorized()
    if any(name.lower().startswith("impersonate-") for name in http.headers):
        message = f'User "{identity.user}" cannot impersonate: this server knows no impersonation'
        raise Refused(403, "Forbidden", message, {})
    return identity


def is_allowed(identity: Identity, verb: str, target: Target) -> bool:
    """Whether the identity may do this, for real or in answer to a review."""
    if MASTERS in identity.groups:
        return True
    if target.resource in _SELF_REVIEWS:
        return verb == "create"
    if PROXIES in identity.groups:
        if target.resource == "tokenreviews" and target.group == "authentication.k8s.io":
            return verb == "create"
        return verb in _READING and target.resource not in (SECRET.plural, "*")
    return False
