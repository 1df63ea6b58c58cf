"""A real OIDC issuer on loopback, over TLS, whose answers tests may change."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from coop_core.proxy.oidc import Settings, SignedTokens
from tests.proxy.serving import WHOLE_SECOND_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from ssl import SSLContext

    from coop_core.clock import Clock
    from tests.kube.serving import Api

AUDIENCE = "coop"
DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"
LIFETIME_S = 300

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

PRIVATE: dict[str, PrivateKey] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "ed": ed25519.Ed25519PrivateKey.generate(),
    "next": ec.generate_private_key(ec.SECP256R1()),
}
"""By kid. The issuer publishes all but "next"."""


def public(kid: str, **more: Any) -> dict[str, Any]:
    """The JWK of a key."""
    key = PRIVATE[kid].public_key()
    if isinstance(key, rsa.RSAPublicKey):
        jwk = RSAAlgorithm.to_jwk(key, as_dict=True)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        jwk = ECAlgorithm.to_jwk(key, as_dict=True)
    else:
        jwk = OKPAlgorithm.to_jwk(key, as_dict=True)
    return {"use": "sig", **jwk, "kid": kid, **more}


@dataclass
class Issuer:
    """url: what tokens say. asked: the paths that were asked for, in order. status: of every answer."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    status: int = 200
    bodies: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def publish(self, *keys: dict[str, Any]) -> None:
        self.say(KEYS, {"keys": keys})

    def say(self, path: str, document: Any) -> None:
        self.bodies[path] = json.dumps(document).encode()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        return web.Response(status=self.status, body=self.bodies.get(request.path, b"{}"), headers=self.headers)

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Good ones, changed; None takes one away."""
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "ada",
            "iat": WHOLE_SECOND_S,
            "exp": WHOLE_SECOND_S + LIFETIME_S,
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, kid: str = "p256", algorithm: str = "ES256", header: Any = None, **changed: Any) -> str:
        """Signed with that key."""
        return jwt.encode(
            self.claims(**changed), PRIVATE[kid], algorithm=algorithm, headers={"kid": kid, **(header or {})}
        )


async def started(tls: SSLContext) -> AsyncIterator[Issuer]:
    """Until it is advanced again."""
    issuer = Issuer()
    application = web.Application()
    application.router.add_get("/{path:.*}", issuer.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    issuer.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    issuer.say(DISCOVERY, {"issuer": issuer.url, "jwks_uri": issuer.url + KEYS})
    issuer.publish(*(public(kid) for kid in PRIVATE if kid != "next"))
    yield issuer
    await runner.cleanup()


def trusting(issuer: Issuer, api: Api, clock: Clock, **changed: Any) -> SignedTokens:
    """What a proxy that trusts this issuer asks."""
    settings = Settings(issuer.url, AUDIENCE, ca_file=api.certificate.ca_file, **changed)
    return SignedTokens(settings, clock)
