"""Every attempt in `attempts/`, with a recorder behind the proxy: whatever that hears was let through."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from coop_core.clock import SystemClock
from coop_core.cluster import kinds
from coop_core.kube.configuration import Access
from coop_core.kube.identities import FixedToken
from coop_core.proxy.policy import Allowed, Asked, Denied, Policy
from coop_core.proxy.server import ProxyServer
from tests.proxy.attempts import FILTERED, REFUSED
from tests.proxy.attempts.writing import PODS, get, request
from tests.proxy.conftest import REFUSED_ATTEMPTS
from tests.proxy.recorder import BOBS, CANARY, OWN, Recorder
from tests.proxy.serving import SetClock, exchange, pass_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    listening = Recorder()
    runner = web.ServerRunner(web.Server(listening.serve, max_line_size=20_000), shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    listening.port = int(runner.addresses[0][1])
    yield listening
    listening.closing.set()
    await runner.cleanup()


@pytest.fixture
async def attacked(recorder: Recorder) -> AsyncIterator[ProxyServer]:
    """In plain HTTP, where nothing stands between an attacker's bytes and the parser. Its time runs fast."""
    clock = SetClock()
    server = ProxyServer(Access(f"http://127.0.0.1:{recorder.port}", FixedToken(OWN)), clock=clock)
    await server.start()

    async def run_time() -> None:
        while True:
            await asyncio.sleep(0.02)
            await pass_time(server, clock, 0.5)

    running = asyncio.create_task(run_time())
    yield server
    running.cancel()
    await server.close()


@pytest.mark.parametrize("kind", REFUSED)
async def test_every_attempt_is_refused_and_nothing_of_it_arrives(
    kind: str, attacked: ProxyServer, recorder: Recorder
) -> None:
    answers = await _answers(attacked, REFUSED[kind])
    assert recorder.heard == []
    for name, answer in answers.items():
        assert re.match(rb"HTTP/1.1 4[0-9][0-9] |\Z", answer), (name, answer[:300])
        assert len(re.findall(rb"HTTP/1.1 [0-9]{3} ", answer)) <= 1, name
        _assert_tells_nothing(name, answer)
        REFUSED_ATTEMPTS[kind] += 1


@pytest.mark.parametrize("kind", FILTERED)
async def test_every_allowed_question_is_answered_without_what_is_hidden(
    kind: str, attacked: ProxyServer, recorder: Recorder
) -> None:
    answers = await _answers(attacked, FILTERED[kind])
    recorder.assert_harmless()
    for name, answer in answers.items():
        assert re.match(rb"HTTP/1.1 (200|404|400) ", answer), (name, answer[:300])
        _assert_tells_nothing(name, answer)
        assert b"managedFields" not in answer, name
        REFUSED_ATTEMPTS[kind] += 1


def test_there_are_enough_attempts() -> None:
    assert sum(map(len, REFUSED.values())) >= 300
    assert sum(map(len, FILTERED.values())) >= 100


async def _answers(attacked: ProxyServer, attempts: dict[str, bytes]) -> dict[str, bytes]:
    """Of attempts made at once, each over its own connection."""
    answers = await asyncio.gather(*(exchange(attacked.port, None, attempt) for attempt in attempts.values()))
    return dict(zip(attempts, answers, strict=True))


def _assert_tells_nothing(name: str, answer: bytes) -> None:
    for hidden in (OWN, CANARY, BOBS, "Set-Cookie", "dev-bob-web"):
        # The name that was asked for comes back in the refusal, as it would if there were no such thing.
        asked_for = hidden == "dev-bob-web" and b'"dev-bob-web\\" not found' in answer
        assert asked_for or hidden.encode() not in answer, (name, hidden)


@dataclass(frozen=True)
class Permissive(Policy):
    """An operator's worst mistake."""

    def decide(self, user: str, asked: Asked) -> Allowed | Denied:
        return Allowed(kinds.POD)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_no_policy_lets_a_write_pass(method: str, recorder: Recorder) -> None:
    access = Access(f"http://127.0.0.1:{recorder.port}", FixedToken(OWN))
    server = ProxyServer(access, clock=SystemClock(), policy=Permissive)
    await server.start()
    for path in (PODS, f"{PODS}/web", f"{PODS}/web/exec"):
        answer = await exchange(server.port, None, request(f"{method} {path} HTTP/1.1"))
        assert answer.startswith(b"HTTP/1.1 403"), answer
    assert recorder.heard == []
    await server.close()


async def test_what_is_there_and_what_is_not_are_refused_in_the_same_words(attacked: ProxyServer) -> None:
    for there, absent in (
        ("/api/v1/namespaces/dev-bob/pods/web", "/api/v1/namespaces/dev-xyz/pods/abc"),
        ("/api/v1/namespaces/dev-bob", "/api/v1/namespaces/dev-xyz"),
        ("/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/dev-bob-web",
         "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/dev-xyz-abc"),
        ("/api/v1/namespaces/dev-bob/pods/web/log", "/api/v1/namespaces/dev-xyz/pods/abc/log"),
    ):  # fmt: skip
        first, second = [await exchange(attacked.port, None, get(path)) for path in (there, absent)]
        assert first.replace(b"bob", b"xyz").replace(b"web", b"abc") == second, there


async def test_a_log_arrives_rebuilt_and_without_what_the_client_added(
    attacked: ProxyServer, recorder: Recorder
) -> None:
    asked = get(
        f"{PODS}/web/log?tailLines=5&insecureSkipTLSVerifyBackend=true&pretty=true&follow=true&x=y",
        "X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4", "Cookie: a=b", "TE: trailers", "Connection: close",
        "Accept: application/json, */*", "Accept-Encoding: gzip", "Proxy-Authorization: Basic eA==",
        "Kubectl-Command: kubectl logs", "User-Agent: kubectl",
    )  # fmt: skip
    answer = await exchange(attacked.port, None, asked)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"a line\n" in answer
    (heard,) = recorder.heard
    recorder.assert_harmless()
    assert heard.raw_path == f"{PODS}/web/log?follow=true&tailLines=5"
    assert "kubectl" not in heard.headers["User-Agent"]


@pytest.fixture
def answers_with() -> Callable[[web.Response], Awaitable[bytes]]:
    """What a client gets when the platform answers everything but token reviews with one response."""

    async def ask(response: web.Response) -> bytes:
        recorder = Recorder()

        async def instead(http: web.BaseRequest) -> web.StreamResponse:
            return await recorder.serve(http) if http.path.endswith("/tokenreviews") else response

        runner = web.ServerRunner(web.Server(instead), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        access = Access(f"http://127.0.0.1:{runner.addresses[0][1]}", FixedToken(OWN))
        server = ProxyServer(access, clock=SystemClock())
        await server.start()
        answer = await exchange(server.port, None, get(PODS, "Connection: close"))
        await server.close()
        await runner.cleanup()
        return answer

    return ask


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(
            lambda: web.Response(status=302, headers={"Location": "https://evil.example.org/"}), id="redirect"
        ),
        pytest.param(lambda: web.json_response({"kind": "SecretList", "items": [{"data": CANARY}]}), id="secrets"),
        pytest.param(
            lambda: web.json_response({"kind": "PodList", "metadata": {}, "items": [CANARY]}), id="no object"
        ),
        pytest.param(
            lambda: web.json_response(
                {
                    "kind": "PodList",
                    "metadata": {"resourceVersion": "1"},
                    "items": [
                        {
                            "kind": "Secret",
                            "metadata": {"name": CANARY, "namespace": "dev-ada", "resourceVersion": "1"},
                        }
                    ],
                }
            ),
            id="another kind inside",
        ),
        pytest.param(lambda: web.json_response([CANARY]), id="a list"),
        pytest.param(
            lambda: web.Response(
                body=b"k8s\x00" + CANARY.encode(), content_type="application/vnd.kubernetes.protobuf"
            ),
            id="protobuf",
        ),
        pytest.param(lambda: web.Response(status=500, text=f"<html>{CANARY}</html>"), id="error page"),
        pytest.param(lambda: web.Response(status=203, text=CANARY), id="odd success"),
        pytest.param(lambda: web.Response(status=401, text=CANARY), id="unauthorized"),
        pytest.param(lambda: web.json_response({"kind": "Status", "message": CANARY}, status=403), id="forbidden"),
    ],
)
async def test_a_platform_that_answers_something_else_is_not_believed(
    response: Callable[[], web.Response], answers_with: Callable[[web.Response], Awaitable[bytes]]
) -> None:
    answer = await answers_with(response())
    assert re.match(rb"HTTP/1.1 50[23] ", answer), answer
    assert CANARY.encode() not in answer
    assert b"Location" not in answer
