"""The keys of an OIDC issuer: fetched, remembered, and fetched again when a token names one that is not known.

Discovery and key set are taken whole or not at all: over HTTPS, without redirects, within limits of size and time.
Tokens that name made-up keys cause one fetch in `PAUSE_S` at most. Known keys go on while the issuer is down.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt import PyJWTError
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from coop_core.proxy.answers import Refusal
from coop_core.text import one_line

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Sequence

    from coop_core.clock import Clock

log = logging.getLogger("coop.proxy")

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

FETCH_LIMIT_S = 5.0
PAUSE_S = 5.0
"""Between the end of one fetch and the next."""
FRESH_S = 600.0
"""Older keys are fetched anew while they still serve: the issuer may have withdrawn one."""
STALE_LIMIT_S = 24 * 3600.0
DOCUMENT_LIMIT_BYTES = 256 * 1024
KEYS_LIMIT = 100
RSA_BITS = range(2048, 8193)

_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_OF_CURVE = {"secp256r1": frozenset({"ES256"}), "secp384r1": frozenset({"ES384"})}
ALGORITHMS = _RSA.union(*_OF_CURVE.values(), {"EdDSA"})
"""Never "none", nor one whose key verifies and signs alike."""


class Unusable(Exception):
    """What the issuer said cannot be used, or its address cannot be."""


@dataclass(frozen=True, slots=True)
class Key:
    """algorithms: those that it may verify."""

    kid: str
    algorithms: frozenset[str]
    public: PublicKey


class IssuerKeys:
    """Raises Unusable at once when the issuer's address is none that can be trusted."""

    def __init__(self, issuer: str, clock: Clock, tls: ssl.SSLContext) -> None:
        check_address(issuer)
        self._issuer = issuer
        self._clock = clock
        self._tls = tls
        self._keys: tuple[Key, ...] = ()
        self._found_at_s = -math.inf
        self._asked_at_s = -math.inf
        self._is_answering = False
        self._asking: asyncio.Task[None] | None = None

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    async def key(self, kid: str | None, algorithm: str) -> PublicKey | None:
        """None when no key, or not exactly one, fits. Raises Refusal when the issuer had to be asked and failed."""
        age_s = self._clock.monotonic_s() - self._found_at_s
        if age_s >= STALE_LIMIT_S:
            self._keys = ()
        if not any(kid in (None, key.kid) for key in self._keys):
            await self._refreshed()
        elif age_s >= FRESH_S:
            self._refresh()
        fitting = [key for key in self._keys if kid in (None, key.kid) and algorithm in key.algorithms]
        return fitting[0].public if len(fitting) == 1 else None

    async def _refreshed(self) -> None:
        asking = self._refresh()
        if asking is not None:
            await asyncio.shield(asking)
        if not self._is_answering:
            raise Refusal(503, "the issuer of tokens cannot be asked for its keys now", retry_after_s=int(PAUSE_S))

    def _refresh(self) -> asyncio.Task[None] | None:
        """What is under way, if anything is or may be begun."""
        if self._asking is None and self._clock.monotonic_s() - self._asked_at_s >= PAUSE_S:
            self._asking = asyncio.create_task(self._ask())
        return self._asking

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(FETCH_LIMIT_S):
                self._keys = await self._fetch()
            self._found_at_s = self._clock.monotonic_s()
            self._is_answering = True
        except (Unusable, aiohttp.ClientError, OSError, ValueError) as error:  # a timeout is an OSError
            self._is_answering = False
            log.warning(
                "the keys of %s cannot be had: %s", self._issuer, one_line(str(error) or "no answer in time")
            )
        finally:
            self._asked_at_s = self._clock.monotonic_s()
            self._asking = None

    async def _fetch(self) -> tuple[Key, ...]:
        # Undecompressed: a small answer must not become a large one here.
        async with aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as session:
            about = await self._document(session, f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            if about.get("issuer") != self._issuer:
                raise Unusable("its discovery document names another issuer")
            address = about.get("jwks_uri")
            if not isinstance(address, str):
                raise Unusable("its discovery document has no jwks_uri")
            check_address(address, allows_query=True)
            if address.startswith("http:") and not self._issuer.startswith("http:"):
                raise Unusable("its jwks_uri is not https")
            key_set = (await self._document(session, address)).get("keys")
        if not isinstance(key_set, list) or len(key_set) > KEYS_LIMIT:
            raise Unusable(f"its key set is not a list of at most {KEYS_LIMIT} keys")
        return tuple(_usable(key_set))

    async def _document(self, session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with session.get(url, headers=headers, ssl=self._tls, allow_redirects=False) as response:
            if response.status != 200:
                raise Unusable(f"{url} answered {response.status}")
            try:
                await response.content.readexactly(DOCUMENT_LIMIT_BYTES + 1)
            except asyncio.IncompleteReadError as error:
                body = error.partial
            else:
                raise Unusable(f"{url} is larger than {DOCUMENT_LIMIT_BYTES} bytes")
        try:
            return msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError):
            raise Unusable(f"{url} is not a JSON object") from None


def check_address(url: str, *, allows_query: bool = False) -> None:
    """Raises Unusable unless it is https, or http on this machine alone, and nothing is hidden in it."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Unusable(f"{one_line(url)} is not a URL") from None
    if parts.username is not None or parts.fragment or (parts.query and not allows_query) or not parts.hostname:
        raise Unusable(f"{one_line(parts.hostname or url)}: the URL needs a host, and no user, query or fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise Unusable(f"{one_line(url)} is not https; plain http is for loopback addresses")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _usable(key_set: Sequence[Any]) -> Iterator[Key]:
    """Sets hold keys for other purposes too, and of kinds not known here: those are passed over."""
    for jwk in key_set:
        if not isinstance(jwk, dict) or "d" in jwk or jwk.get("use", "sig") != "sig":
            continue
        operations = jwk.get("key_ops", ["verify"])
        if not isinstance(operations, list) or "verify" not in operations:
            continue
        try:
            public = _public(jwk)
        except (PyJWTError, ValueError, TypeError):
            continue
        algorithms = _algorithms(public) if public is not None else frozenset()
        if "alg" in jwk:
            algorithms = frozenset(one for one in algorithms if one == jwk["alg"])
        if public is not None and algorithms:
            yield Key(str(jwk.get("kid", "")), algorithms, public)


def _public(jwk: dict[str, Any]) -> PublicKey | None:
    kty = jwk.get("kty")
    key: object = None
    if kty == "RSA":
        key = RSAAlgorithm.from_jwk(jwk)
    elif kty == "EC":
        key = ECAlgorithm.from_jwk(jwk)
    elif kty == "OKP":
        key = OKPAlgorithm.from_jwk(jwk)
    return key if isinstance(key, PublicKey) else None


def _algorithms(key: PublicKey) -> frozenset[str]:
    if isinstance(key, rsa.RSAPublicKey):
        return _RSA if key.key_size in RSA_BITS else frozenset()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _OF_CURVE.get(key.curve.name, frozenset())
    return frozenset({"EdDSA"})
