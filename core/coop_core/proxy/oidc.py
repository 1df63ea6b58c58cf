"""Whose token a request carries, as an OIDC issuer signed it.

Nothing of a token is believed before its signature is found good, but for which key is to verify it. Tokens are
neither kept nor logged here.
"""

from __future__ import annotations

import math
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt

from coop_core.errors import CoopError, ExitCode
from coop_core.proxy.answers import Refusal
from coop_core.proxy.identity import Identified
from coop_core.proxy.oidc_keys import ALGORITHMS, IssuerKeys, Unusable

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.clock import Clock

DEVELOPERS = "coop:developers"
"""The group that a user must be in, where groups are looked at."""

TOKEN_LIMIT = 8000
LEEWAY_S = 10.0
"""How far the issuer's clock may be ahead of ours."""
EXPIRY_LEEWAY_S = 1.0
"""Smaller, as open streams are to end within 5 s of a token's end."""

_OPTIONS: Any = {
    "require": ["exp", "iss", "aud"],
    # Checked below, against the proxy's own clock.
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Whom to trust, and how names are made of claims; a prefix is put before what the claim says.

    groups_claim "": everybody whom the issuer gives a token for `audience` is a developer; otherwise those in the
    group `DEVELOPERS`. ca_file None: the system's certificate authorities.
    """

    issuer: str
    audience: str
    username_claim: str = "sub"
    username_prefix: str = ""
    groups_claim: str = ""
    groups_prefix: str = ""
    ca_file: Path | None = None


class SignedTokens:
    """The issuer vouches. Raises CoopError when the settings cannot be right."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        try:
            self._keys = IssuerKeys(settings.issuer, clock, _tls(settings.ca_file))
        except Unusable as error:
            raise CoopError(
                "cannot trust the OIDC issuer", str(error),
                "give --oidc-issuer as its discovery document writes it, e.g. https://login.example.com",
                ExitCode.CONFIG,
            ) from error  # fmt: skip

    async def close(self) -> None:
        await self._keys.close()

    async def identify(self, token: str) -> Identified | None:
        """Also raises Refusal (403) for an authentic bearer who is no developer."""
        if len(token) > TOKEN_LIMIT:
            return None
        try:
            header = jwt.get_unverified_header(token)
            algorithm, kid = header.get("alg"), header.get("kid")
            if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or "crit" in header or "b64" in header:
                return None
            key = await self._keys.key(kid, algorithm)
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                options=_OPTIONS,
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return None
        until_s = self._until_s(claims)
        return None if until_s is None else Identified(self._name(claims), until_s)

    def _until_s(self, claims: dict[str, Any]) -> float | None:
        """When the token ends; None when it has, or has not begun."""
        now_s = self._clock.now_s()
        ends_s = _seconds(claims["exp"], -math.inf) + EXPIRY_LEEWAY_S
        begins_s = max(_seconds(claims.get(name, now_s), math.inf) for name in ("nbf", "iat"))
        return ends_s if begins_s - LEEWAY_S <= now_s < ends_s else None

    def _name(self, claims: dict[str, Any]) -> str:
        settings = self._settings
        claimed = claims.get(settings.username_claim)
        name = f"{settings.username_prefix}{claimed}"
        if not isinstance(claimed, str) or not claimed or name.startswith("system:"):
            raise Refusal(403, f"the token's claim {settings.username_claim} names no developer; tell the operator")
        if settings.username_claim == "email" and claims.get("email_verified") is not True:
            raise Refusal(403, "the issuer has not verified this e-mail address; verify it, and log in again")
        if settings.groups_claim and DEVELOPERS not in self._groups(claims):
            raise Refusal(403, f"this account is not in the group {DEVELOPERS}; ask the operator to add it")
        return name

    def _groups(self, claims: dict[str, Any]) -> list[str]:
        claimed = claims.get(self._settings.groups_claim)
        named = claimed if isinstance(claimed, list) else [claimed]
        return [f"{self._settings.groups_prefix}{group}" for group in named if isinstance(group, str)]


def _seconds(claimed: Any, otherwise: float) -> float:
    """`otherwise` for what is no point in time."""
    if isinstance(claimed, bool) or not isinstance(claimed, int | float) or not -1e12 < claimed < 1e12:
        return otherwise
    return float(claimed)


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise CoopError(
            "cannot trust the OIDC issuer", f"{ca_file} holds no certificate",
            "give --oidc-ca a PEM file of certificate authorities", ExitCode.CONFIG,
        ) from error  # fmt: skip
