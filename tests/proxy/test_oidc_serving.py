"""The proxy with an OIDC issuer behind it: keys that come and go, and what viewers notice of it."""

from __future__ import annotations

import asyncio
import logging
import shutil
from contextlib import aclosing
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

from coop_core.proxy.answers import Refusal
from coop_core.proxy.oidc_keys import DOCUMENT_LIMIT_BYTES, FRESH_S, PAUSE_S, STALE_LIMIT_S
from coop_core.proxy.server import ProxyServer
from tests.proxy.issuer import DISCOVERY, KEYS, LIFETIME_S, Issuer, public, started, trusting
from tests.proxy.serving import PROXY, WHOLE_SECOND_S, SetClock, furnish, pass_time, until
from tests.proxy.test_kubectl import CONFIG

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from coop_core.proxy.oidc import SignedTokens
    from tests.kube.serving import Api
    from tests.proxy.serving import Viewer

PODS = "/api/v1/namespaces/dev-ada/pods"


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


@pytest.fixture
async def proxy(api: Api, clock: SetClock, tokens: SignedTokens) -> AsyncIterator[ProxyServer]:
    furnish(api)
    tls = api.certificate.server_context()
    server = ProxyServer(api.access(PROXY), clock=clock, tls=tls, vouching=tokens)
    await server.start()
    yield server
    await server.close()


async def test_an_expired_token_ends_its_open_watch_within_five_seconds(
    ada: Viewer, issuer: Issuer, proxy: ProxyServer, clock: SetClock
) -> None:
    ada.token = issuer.token()
    async with asyncio.timeout(20), aclosing(ada.events(f"{PODS}?watch=true")) as events:
        await anext(events)
        await pass_time(proxy, clock, LIFETIME_S - 1)
        assert (await ada.ask(PODS))[0] == 200
        await pass_time(proxy, clock, 6)
        assert [event async for event in events] == []
    assert (await ada.ask(PODS))[0] == 401


async def test_the_platforms_own_tokens_do_not_count_beside_an_issuer(
    ada: Viewer, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert (await ada.ask(PODS))[0] == 401
    ada.token = issuer.token()
    assert (await ada.ask(PODS))[0] == 200
    assert (await ada.ask(PODS.replace("ada", "bob")))[0] == 403
    assert not any(part in caplog.text for part in ada.token.split("."))


async def test_a_new_key_is_fetched_and_a_withdrawn_one_forgotten(
    issuer: Issuer, tokens: SignedTokens, clock: SetClock
) -> None:
    assert await tokens.identify(issuer.token()) is not None
    issuer.publish(public("next"))
    clock.move(PAUSE_S)
    assert await tokens.identify(issuer.token("next")) is not None
    assert await tokens.identify(issuer.token()) is None


async def test_made_up_keys_cause_one_fetch_for_all(issuer: Issuer, tokens: SignedTokens, clock: SetClock) -> None:
    flood = [issuer.token(header={"kid": f"made-up-{number}"}) for number in range(50)]
    assert set(await asyncio.gather(*map(tokens.identify, flood))) == {None}
    assert set(await asyncio.gather(*map(tokens.identify, flood))) == {None}
    assert issuer.asked == [DISCOVERY, KEYS]
    clock.move(PAUSE_S)
    assert set(await asyncio.gather(*map(tokens.identify, flood))) == {None}
    assert issuer.asked == [DISCOVERY, KEYS] * 2


async def test_nobody_is_let_in_while_keys_were_never_had_and_everybody_soon_after(
    ada: Viewer, issuer: Issuer, clock: SetClock
) -> None:
    ada.token = issuer.token()
    issuer.status = 500
    assert (await ada.ask(PODS))[0] == 503
    issuer.status = 200
    clock.move(PAUSE_S)
    assert (await ada.ask(PODS))[0] == 200


async def test_known_keys_go_on_while_the_issuer_is_down_but_not_for_ever(
    issuer: Issuer, tokens: SignedTokens, clock: SetClock
) -> None:
    token = issuer.token(exp=WHOLE_SECOND_S + 2 * STALE_LIMIT_S)
    assert await tokens.identify(token) is not None
    issuer.status = 503
    clock.move(FRESH_S)
    assert await tokens.identify(token) is not None

    async def was_asked_again() -> bool:
        return len(issuer.asked) == 3

    await until(was_asked_again)
    clock.move(PAUSE_S)
    with pytest.raises(Refusal) as refused:
        await tokens.identify(issuer.token("next"))
    assert refused.value.code == 503
    assert await tokens.identify(token) is not None
    clock.move(STALE_LIMIT_S)
    with pytest.raises(Refusal):
        await tokens.identify(token)


@pytest.mark.parametrize("path", [DISCOVERY, KEYS])
@pytest.mark.parametrize("body", [b"x" * (DOCUMENT_LIMIT_BYTES + 1), b"", b"[]", b"{", b"[" * 100_000, b"{}"])
async def test_documents_that_are_huge_or_nonsense_let_nobody_in(
    issuer: Issuer, tokens: SignedTokens, path: str, body: bytes
) -> None:
    issuer.bodies[path] = body
    with pytest.raises(Refusal) as refused:
        await tokens.identify(issuer.token())
    assert refused.value.code == 503


async def test_a_discovery_document_of_another_issuer_or_without_tls_lets_nobody_in(
    issuer: Issuer, tokens: SignedTokens, clock: SetClock
) -> None:
    good = {"issuer": issuer.url, "jwks_uri": issuer.url + KEYS}
    for wrong in (
        {**good, "issuer": f"{issuer.url}/"},
        {**good, "jwks_uri": issuer.url.replace("https", "http") + KEYS},
        {**good, "jwks_uri": "file:///etc/passwd"},
        {**good, "jwks_uri": 5},
    ):
        issuer.say(DISCOVERY, wrong)
        with pytest.raises(Refusal):
            await tokens.identify(issuer.token())
        clock.move(PAUSE_S)
    issuer.say(DISCOVERY, good)
    assert await tokens.identify(issuer.token()) is not None


async def test_a_redirect_is_not_followed(issuer: Issuer, tokens: SignedTokens) -> None:
    issuer.status, issuer.headers = 302, {"Location": f"{issuer.url}{KEYS}"}
    with pytest.raises(Refusal):
        await tokens.identify(issuer.token())
    assert issuer.asked == [DISCOVERY]


async def test_every_answer_carries_the_time(ada: Viewer, issuer: Issuer, clock: SetClock) -> None:
    ada.token = issuer.token()
    headers = {"Authorization": f"Bearer {ada.token}"}
    for path, token in ((PODS, headers), (f"{PODS}?watch=true", headers), (PODS, {}), ("/healthz", {})):
        async with ada.session.get(f"{ada.url}{path}", headers=token, ssl=ada.tls) as answer:
            assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == clock.now_s()


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")
async def test_kubectl_reads_with_a_token_of_the_issuer(
    api: Api, issuer: Issuer, proxy: ProxyServer, tmp_path: Path
) -> None:
    config = tmp_path / "kubeconfig"
    token = issuer.token()
    config.write_text(CONFIG.format(port=proxy.port, ca=api.certificate.ca_file, token=token))
    process = await asyncio.create_subprocess_exec(
        "kubectl", "get", "pods", "--no-headers",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={"KUBECONFIG": str(config), "HOME": str(tmp_path), "PATH": "/usr/local/bin:/usr/bin:/bin"},
    )  # fmt: skip
    async with asyncio.timeout(20):
        output, _ = await process.communicate()
    assert (process.returncode, output.split()[:1]) == (0, [b"web"]), output
