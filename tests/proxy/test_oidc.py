"""Tokens of an OIDC issuer: which are believed, and which are not."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from coop_core.errors import CoopError
from coop_core.proxy.answers import Refusal
from coop_core.proxy.oidc import EXPIRY_LEEWAY_S, LEEWAY_S, Settings, SignedTokens
from tests.proxy.issuer import AUDIENCE, LIFETIME_S, PRIVATE, Issuer, public, started, trusting
from tests.proxy.serving import WHOLE_SECOND_S, SetClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.kube.serving import Api


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def issuer(api: Api) -> AsyncIterator[Issuer]:
    async for one in started(api.certificate.server_context()):
        yield one


@pytest.fixture
def tokens(issuer: Issuer, api: Api, clock: SetClock) -> SignedTokens:
    return trusting(issuer, api, clock)


def encoded(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("kid", "algorithm"),
    [
        *(("rsa", f"{family}{bits}") for family in ("RS", "PS") for bits in (256, 384, 512)),
        *(("p256", "ES256"), ("p384", "ES384"), ("ed", "EdDSA")),
    ],
)
async def test_a_good_token_says_who_comes_and_until_when(
    issuer: Issuer, tokens: SignedTokens, kid: str, algorithm: str
) -> None:
    found = await tokens.identify(issuer.token(kid, algorithm))
    assert found is not None
    assert (found.name, found.until_s) == ("ada", WHOLE_SECOND_S + LIFETIME_S + EXPIRY_LEEWAY_S)


async def test_an_audience_among_others_is_enough(issuer: Issuer, tokens: SignedTokens) -> None:
    assert await tokens.identify(issuer.token(aud=["other", AUDIENCE])) is not None


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "other"}, {"aud": ["other"]}, {"aud": []}, {"aud": None}, {"aud": AUDIENCE.upper()},
        {"aud": f"{AUDIENCE}x"}, {"iss": "https://login.example.com"}, {"iss": None},
        {"exp": None}, {"exp": WHOLE_SECOND_S - EXPIRY_LEEWAY_S}, {"exp": True}, {"exp": float("inf")},
        {"exp": float("nan")}, {"exp": 1e300}, {"exp": str(WHOLE_SECOND_S + 100)},
        {"nbf": WHOLE_SECOND_S + LEEWAY_S + 1}, {"nbf": "0"}, {"iat": WHOLE_SECOND_S + LEEWAY_S + 1},
        {"iat": float("nan")},
    ],
    ids=str,
)  # fmt: skip
async def test_a_token_for_others_or_another_time_is_refused(
    issuer: Issuer, tokens: SignedTokens, changed: dict[str, Any]
) -> None:
    assert await tokens.identify(issuer.token()) is not None
    assert await tokens.identify(issuer.token(**changed)) is None


async def test_an_issuer_that_only_begins_alike_is_refused(issuer: Issuer, tokens: SignedTokens) -> None:
    assert await tokens.identify(issuer.token()) is not None
    for other in (f"{issuer.url}/", f"{issuer.url}.example.com", issuer.url[:-1], issuer.url.upper()):
        assert await tokens.identify(issuer.token(iss=other)) is None


async def test_clocks_may_differ_a_little(issuer: Issuer, tokens: SignedTokens) -> None:
    ahead_s = WHOLE_SECOND_S + LEEWAY_S
    assert await tokens.identify(issuer.token(iat=ahead_s, nbf=ahead_s)) is not None
    assert await tokens.identify(issuer.token(exp=WHOLE_SECOND_S)) is not None


async def test_a_public_key_is_no_shared_secret(issuer: Issuer, tokens: SignedTokens) -> None:
    key = PRIVATE["rsa"].public_key()
    forms = (
        key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(public("rsa")).encode(),
    )
    assert await tokens.identify(issuer.token("rsa", "RS256")) is not None
    for form in forms:
        for algorithm in ("HS256", "HS384", "HS512"):
            parts = encoded({"alg": algorithm, "kid": "rsa", "typ": "JWT"}), encoded(issuer.claims())
            signing = jwt.get_algorithm_by_name(algorithm)
            # As an attacker would: the library refuses such keys, its algorithm does not.
            signature = signing.sign(".".join(parts).encode(), form)
            assert await tokens.identify(".".join((*parts, encoded(signature)))) is None


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, ["ES256"], {"a": 1}, 5, "ES512", "ES256K"])
async def test_a_token_of_no_allowed_algorithm_is_refused_signed_or_not(
    issuer: Issuer, tokens: SignedTokens, algorithm: Any
) -> None:
    _, claims, signature = issuer.token().split(".")
    head = encoded({"alg": algorithm, "kid": "p256"})
    for end in ("", signature):
        assert await tokens.identify(f"{head}.{claims}.{end}") is None
    assert issuer.asked == []


async def test_a_key_verifies_only_what_it_is_for(issuer: Issuer, tokens: SignedTokens) -> None:
    for kid, algorithm, named in (("p256", "ES256", "rsa"), ("rsa", "RS256", "p256"), ("p256", "ES256", "p384")):
        assert await tokens.identify(issuer.token(kid, algorithm, {"kid": named})) is None
        assert await tokens.identify(issuer.token(kid, algorithm)) is not None


async def test_an_algorithm_that_the_key_set_does_not_name_for_the_key_is_refused(
    issuer: Issuer, tokens: SignedTokens
) -> None:
    issuer.publish(public("rsa", alg="RS256"))
    assert await tokens.identify(issuer.token("rsa", "RS256")) is not None
    assert await tokens.identify(issuer.token("rsa", "PS256")) is None


@pytest.mark.parametrize(
    "jwk",
    [
        public("p256", use="enc"), public("p256", key_ops=["sign"]), public("p256", key_ops="verify"),
        public("p256", d="AAAA"), public("p256", kty="RSA"), public("p256", crv="P-384"), public("p256", x=5),
        public("p256", alg="ES384"), public("p256", alg="none"), {}, "key", None,
        {"kty": "oct", "kid": "p256", "k": "c2VjcmV0"},
    ],
    ids=lambda jwk: json.dumps(jwk)[:60],
)  # fmt: skip
async def test_keys_that_are_not_for_verifying_are_passed_over(
    issuer: Issuer, tokens: SignedTokens, jwk: Any
) -> None:
    issuer.publish(jwk, public("ed"))
    assert await tokens.identify(issuer.token("p256", "ES256")) is None
    assert await tokens.identify(issuer.token("ed", "EdDSA")) is not None


async def test_a_short_rsa_key_verifies_nothing(issuer: Issuer, tokens: SignedTokens) -> None:
    short = rsa.generate_private_key(65537, 1024)
    issuer.publish({**RSAAlgorithm.to_jwk(short.public_key(), as_dict=True), "kid": "short"})
    parts = encoded({"alg": "RS256", "kid": "short"}), encoded(issuer.claims())
    signature = jwt.get_algorithm_by_name("RS256").sign(".".join(parts).encode(), short)
    assert await tokens.identify(".".join((*parts, encoded(signature)))) is None


@pytest.mark.parametrize("more", [{"crit": ["b64"]}, {"crit": []}, {"b64": False}, {"crit": ["exp"], "exp": 1}])
async def test_a_header_that_wants_more_understood_is_refused(
    issuer: Issuer, tokens: SignedTokens, more: dict[str, Any]
) -> None:
    assert await tokens.identify(_signed(issuer, {"alg": "ES256", "kid": "p256"})) is not None
    assert await tokens.identify(_signed(issuer, {"alg": "ES256", "kid": "p256", **more})) is None


async def test_what_is_no_token_is_refused_without_asking_anybody(issuer: Issuer, tokens: SignedTokens) -> None:
    good = issuer.token()
    head, claims, signature = good.split(".")
    for bad in (
        "x", "..", "a.b.c", f"{head}.{claims}", f"{good}.{signature}",
        f"{encoded(b'[' * 5000)}.{claims}.{signature}",
        f"{encoded([])}.{claims}.{signature}", f"{encoded({'alg': 'ES256', 'kid': 5})}.{claims}.{signature}",
        issuer.token(filler="x" * 8000), "é.é.é",
    ):  # fmt: skip
        assert await tokens.identify(bad) is None
    assert issuer.asked == []
    for bad in (
        f"{head}.{encoded(issuer.claims(sub='bob'))}.{signature}",
        f"{head}.{claims}.",
        good[:-8] + "AAAAAAAA",
    ):
        assert await tokens.identify(bad) is None
    assert await tokens.identify(good) is not None


@pytest.mark.parametrize("name", ["system:admin", "system:serviceaccount:coop-users:ada", "", None, 5, ["ada"]])
async def test_nobody_is_taken_for_the_platforms_own(issuer: Issuer, api: Api, clock: SetClock, name: Any) -> None:
    tokens = trusting(issuer, api, clock, username_claim="login")
    with pytest.raises(Refusal, match="names no developer; tell the operator") as refused:
        await tokens.identify(issuer.token(login=name))
    assert refused.value.code == 403


async def test_names_and_groups_come_from_the_claims_that_are_set(
    issuer: Issuer, api: Api, clock: SetClock
) -> None:
    tokens = trusting(
        issuer, api, clock,
        username_claim="login", username_prefix="x-", groups_claim="teams", groups_prefix="coop:",
    )  # fmt: skip
    for teams in (["developers", "others"], "developers"):
        found = await tokens.identify(issuer.token(login="ada", teams=teams))
        assert found is not None
        assert found.name == "x-ada"
    for outside in ([], ["coop:developers"], "", None, {"developers": 1}, [["developers"]]):
        with pytest.raises(Refusal, match="not in the group coop:developers; ask the operator"):
            await tokens.identify(issuer.token(login="ada", teams=outside))


async def test_an_email_counts_when_the_issuer_has_verified_it(issuer: Issuer, api: Api, clock: SetClock) -> None:
    tokens = trusting(issuer, api, clock, username_claim="email")
    assert await tokens.identify(issuer.token(email="ada", email_verified=True)) is not None
    for verified in (None, False, "true", 1):
        with pytest.raises(Refusal, match="has not verified this e-mail address"):
            await tokens.identify(issuer.token(email="ada", email_verified=verified))


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.com", "http://10.0.0.1", "ftp://127.0.0.1", "login.example.com", "", "https://",
        "https://user:secret@login.example.com", "https://login.example.com/?a=b", "https://login.example.com/#a",
        "https://login.example.com:port", "http://127.0.0.1.example.com", "file:///etc/passwd", "https://[::1",
    ],
)  # fmt: skip
def test_an_issuer_without_tls_or_with_hidden_parts_is_not_trusted(url: str) -> None:
    with pytest.raises(CoopError) as failed:
        SignedTokens(Settings(url, AUDIENCE), SetClock())
    assert "as its discovery document writes it" in failed.value.remedy
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize(
    "url", ["https://login.example.com/realms/a", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost"]
)
def test_an_issuer_with_tls_or_on_this_machine_may_be_trusted(url: str) -> None:
    SignedTokens(Settings(url, AUDIENCE), SetClock())


def _signed(issuer: Issuer, header: dict[str, Any], **changed: Any) -> str:
    """With any header and claims, as the library would not do it."""
    parts = encoded(header), encoded(issuer.claims(**changed))
    signature = jwt.get_algorithm_by_name("ES256").sign(".".join(parts).encode(), PRIVATE["p256"])
    return ".".join((*parts, encoded(signature)))
