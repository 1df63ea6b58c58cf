"""Attempts to get more out of the proxy than it grants, byte for byte as an attacker would send them.

Behind the proxy stands a recorder instead of a platform: whatever it hears was let through. Each attempt names the
status that may come back; all of them share one promise: the recorder hears reads that the policy allows, in
canonical form, under the proxy's own identity, and nothing else.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import pytest
from aiohttp import web

from coop_core.clock import SystemClock
from coop_core.kube.configuration import Access, FixedToken
from coop_core.proxy.server import ProxyServer
from tests.proxy.serving import exchange

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.kube.serving import Api

TOKEN = "adas-token"
PODS = "/api/v1/namespaces/dev-ada/pods"
APPLICATIONS = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

CANONICAL = re.compile(
    r"/version|/api/v1/namespaces(/(main|coop-ci|dev-ada))?"
    r"|/api/v1/namespaces/(main|coop-ci|dev-ada)/(pods|services|events)(/[a-z0-9.-]+)?"
    r"|/api/v1/namespaces/(main|coop-ci|dev-ada)/pods/[a-z0-9.-]+/log"
    r"|/apis/apps/v1/namespaces/(main|coop-ci|dev-ada)/(deployments|replicasets)(/[a-z0-9.-]+)?"
    r"|/apis/argoproj.io/v1alpha1/namespaces/argocd/applications(/[a-z0-9.-]+)?"
)
HEADERS_SENT = {"host", "accept", "accept-encoding", "authorization", "user-agent"}


@dataclass
class Recorder:
    """A platform that answers everything with an empty object of the kind asked for, and remembers the question."""

    heard: list[web.BaseRequest] = field(default_factory=list)
    port: int = 0

    async def serve(self, http: web.BaseRequest) -> web.StreamResponse:
        if http.path.endswith("/tokenreviews"):
            body = msgspec.json.decode(await http.read())
            is_ada = body["spec"]["token"] == TOKEN
            status = {"authenticated": is_ada, "user": {"username": "ada"}, "audiences": ["coop-proxy"] * is_ada}
            return web.json_response({"status": status}, status=201)
        self.heard.append(http)
        listing = {"kind": "PodList", "metadata": {"resourceVersion": "1"}, "items": []}
        return web.json_response(listing, headers={"Set-Cookie": "a=b"})


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    listening = Recorder()
    runner = web.ServerRunner(web.Server(listening.serve), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    listening.port = int(runner.addresses[0][1])
    yield listening
    await runner.cleanup()


@pytest.fixture
async def attacked(recorder: Recorder, api: Api) -> AsyncIterator[ProxyServer]:
    access = Access(f"http://127.0.0.1:{recorder.port}", FixedToken("the-proxys-own"))
    server = ProxyServer(access, clock=SystemClock(), tls=api.certificate.server_context())
    await server.start()
    yield server
    await server.close()


def request(
    line: str = f"GET {PODS} HTTP/1.1", *extra: str, body: str = "", host: str = "Host: x", auth: str = TOKEN
) -> bytes:
    authorization = [f"Authorization: Bearer {auth}"] if auth else []
    head = "\r\n".join([line, *([host] if host else []), *authorization, *extra])
    return f"{head}\r\n\r\n{body}".encode("latin-1")


def get(path: str, *extra: str) -> bytes:
    return request(f"GET {path} HTTP/1.1", *extra)


def write(method: str, path: str) -> bytes:
    return request(f"{method} {path} HTTP/1.1", "Content-Length: 2", "Content-Type: application/json", body="{}")


WEBSOCKET = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: v4.channel.k8s.io",
)
SPDY = ("Connection: Upgrade", "Upgrade: SPDY/3.1", "X-Stream-Protocol-Version: v4.channel.k8s.io")

ATTEMPTS: dict[str, dict[str, bytes]] = {
    "connecting subresources": {
        "exec by websocket": get(f"{PODS}/web/exec?command=sh&stdin=1", *WEBSOCKET),
        "exec by spdy": request(f"POST {PODS}/web/exec?command=sh HTTP/1.1", *SPDY),
        "exec by plain get": get(f"{PODS}/web/exec?command=id&stdout=1"),
        "exec by plain post": write("POST", f"{PODS}/web/exec?command=id"),
        "attach": get(f"{PODS}/web/attach?stdin=1", *WEBSOCKET),
        "attach by plain get": get(f"{PODS}/web/attach"),
        "port-forward": get(f"{PODS}/web/portforward?ports=80", *WEBSOCKET),
        "port-forward by plain get": get(f"{PODS}/web/portforward"),
        "pod proxy": get(f"{PODS}/web/proxy"),
        "pod proxy with a tail": get(f"{PODS}/web:8080/proxy/admin/secrets"),
        "service proxy": get("/api/v1/namespaces/dev-ada/services/web/proxy"),
        "service proxy with a tail": get("/api/v1/namespaces/dev-ada/services/https:web:443/proxy/metrics"),
        "node proxy": get("/api/v1/nodes/n1/proxy/run/dev-ada/web/web?cmd=id"),
        "ephemeral containers": write("PATCH", f"{PODS}/web/ephemeralcontainers"),
        "token of a service account": write("POST", "/api/v1/namespaces/dev-ada/serviceaccounts/default/token"),
        "watch upgraded to websocket": get(f"{PODS}?watch=true", *WEBSOCKET),
        "log upgraded to websocket": get(f"{PODS}/web/log", *WEBSOCKET),
        "token as websocket protocol": request(
            f"GET {PODS}/web/exec HTTP/1.1", *WEBSOCKET[:4],
            "Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.YWRhcy10b2tlbg", auth="",
        ),
        "unknown subresource": get(f"{PODS}/web/vnc"),
        "status": get(f"{PODS}/web/status"),
        "scale": get("/apis/apps/v1/namespaces/dev-ada/deployments/web/scale"),
        "log with a tail": get(f"{PODS}/web/log/../exec"),
        "http2 connect": request("CONNECT 127.0.0.1:6443 HTTP/1.1"),
        "prior knowledge http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "h2c upgrade": get(PODS, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
    },
    "other paths to the same": {
        "deprecated watch prefix": get("/api/v1/watch/namespaces/dev-ada/pods"),
        "deprecated watch of secrets": get("/api/v1/watch/namespaces/dev-ada/secrets"),
        "deprecated proxy prefix": get("/api/v1/proxy/namespaces/dev-ada/pods/web"),
        "encoded slash": get(f"{PODS}/web%2Fexec"),
        "encoded slash in the namespace": get("/api/v1/namespaces/dev-ada%2f..%2fkube-system/pods"),
        "encoded letter": get("/api/v1/namespaces/dev-ada/%73ecrets"),
        "double encoded": get(f"{PODS}/web%252Fexec"),
        "dot segment": get("/api/v1/namespaces/dev-ada/./pods"),
        "dot dot segment": get("/api/v1/namespaces/dev-ada/../kube-system/secrets"),
        "encoded dot dot": get("/api/v1/namespaces/dev-ada/%2e%2e/kube-system/secrets"),
        "triple dots": get("/api/v1/namespaces/.../pods"),
        "double slash": get("/api/v1/namespaces/dev-ada//pods"),
        "double slash in front": get(f"/{PODS}"),
        "trailing slash": get(f"{PODS}/web/exec/"),
        "semicolon": get(f"{PODS};a=b"),
        "backslash": get("/api/v1/namespaces/dev-ada\\..\\kube-system/secrets"),
        "nul": get(f"{PODS}/web%00"),
        "raw nul": get(f"{PODS}/web\x00"),
        "line break": get(f"{PODS}/web%0d%0aX-Remote-User:%20admin"),
        "absolute form": get(f"http://127.0.0.1{PODS}"),
        "absolute form to elsewhere": get("http://169.254.169.254/latest/meta-data/"),
        "authority form": request("GET dev-ada:443 HTTP/1.1"),
        "asterisk form": request("OPTIONS * HTTP/1.1"),
        "fragment": get(f"{PODS}#/../secrets"),
        "upper case resource": get("/api/v1/namespaces/dev-ada/Secrets"),
        "upper case namespace": get("/api/v1/namespaces/DEV-ADA/pods"),
        "unicode namespace": get("/api/v1/namespaces/dev-\u00e5da/pods"),
        "very long path": get("/api/v1/namespaces/" + "a" * 5000),
        "question mark as path": get("/api/v1/namespaces/dev-ada/secrets?/../pods"),
    },
    "resources that are not granted": {
        "secrets": get("/api/v1/namespaces/dev-ada/secrets"),
        "one secret": get("/api/v1/namespaces/dev-ada/secrets/keys"),
        "secrets as a table": get(
            "/api/v1/namespaces/dev-ada/secrets?includeObject=Object",
            "Accept: application/json;as=Table;v=v1;g=meta.k8s.io",
        ),
        "secrets of all": get("/api/v1/secrets"),
        "secrets by watch": get("/api/v1/namespaces/dev-ada/secrets?watch=true"),
        "config maps": get("/api/v1/namespaces/dev-ada/configmaps"),
        "service accounts": get("/api/v1/namespaces/dev-ada/serviceaccounts"),
        "another group of the same name": get("/apis/evil.example.org/v1/namespaces/dev-ada/pods"),
        "core kinds under a group": get("/apis/v1/namespaces/dev-ada/pods"),
        "another version": get("/apis/apps/v1beta1/namespaces/dev-ada/deployments"),
        "nodes": get("/api/v1/nodes"),
        "custom resources": get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions"),
        "applications of all": get("/apis/argoproj.io/v1alpha1/applications"),
        "applications elsewhere": get("/apis/argoproj.io/v1alpha1/namespaces/dev-ada/applications"),
        "projects": get("/apis/argoproj.io/v1alpha1/namespaces/argocd/appprojects"),
        "another environment": get("/api/v1/namespaces/dev-bob/pods"),
        "system namespace": get("/api/v1/namespaces/kube-system/pods"),
        "argocd's own pods": get("/api/v1/namespaces/argocd/pods"),
        "all namespaces": get("/api/v1/pods"),
        "a namespace out of sight": get("/api/v1/namespaces/kube-system"),
        "log elsewhere": get("/api/v1/namespaces/dev-bob/pods/web/log"),
        "metrics": get("/metrics"),
        "node logs": get("/logs/"),
        "pprof": get("/debug/pprof/profile"),
        "openapi": get("/openapi/v2"),
        "keys": get("/openid/v1/jwks"),
        "well known": get("/.well-known/openid-configuration"),
        "configz": get("/configz"),
    },
    "writes": {
        "delete": write("DELETE", f"{PODS}/web"),
        "delete all": write("DELETE", PODS),
        "create": write("POST", PODS),
        "update": write("PUT", f"{PODS}/web"),
        "patch": write("PATCH", f"{PODS}/web"),
        "sync by operation": write("PATCH", f"{APPLICATIONS}/dev-ada-web"),
        "binding": write("POST", f"{PODS}/web/binding"),
        "eviction": write("POST", f"{PODS}/web/eviction"),
        "dry run": write("POST", f"{PODS}?dryRun=All"),
        "token review": write("POST", "/apis/authentication.k8s.io/v1/tokenreviews"),
        "subject access review": write("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews"),
        "method override header": request(
            f"POST {PODS} HTTP/1.1", "X-HTTP-Method-Override: GET", "Content-Length: 2", body="{}"
        ),
        "head": request(f"HEAD {PODS} HTTP/1.1"),
        "trace": request(f"TRACE {PODS} HTTP/1.1"),
        "options": request(f"OPTIONS {PODS} HTTP/1.1"),
        "unknown method": request(f"PROPFIND {PODS} HTTP/1.1"),
        "lower case method": request(f"delete {PODS}/web HTTP/1.1"),
    },
    "identity": {
        "no token": request(auth=""),
        "empty token": request(auth=" "),
        "wrong token": request(auth="nobodys"),
        "basic": request(f"GET {PODS} HTTP/1.1", "Authorization: Basic YWRhOmFkYQ==", auth=""),
        "two tokens": request(f"GET {PODS} HTTP/1.1", "Authorization: Bearer other"),
        "token in the query": request(f"GET {PODS}?access_token={TOKEN} HTTP/1.1", auth=""),
        "token in a cookie": request(f"GET {PODS} HTTP/1.1", f"Cookie: token={TOKEN}", auth=""),
        "impersonate user": get(PODS, "Impersonate-User: system:admin"),
        "impersonate group": get(PODS, "Impersonate-Group: system:masters"),
        "impersonate extra": get(PODS, "Impersonate-Extra-scopes: all"),
        "impersonate uid": get(PODS, "impersonate-uid: 0"),
        "impersonate with underscore": get(PODS, "Impersonate_User: system:admin"),
        "remote user": get(PODS, "X-Remote-User: system:admin"),
        "remote group": get(PODS, "x-remote-group: system:masters"),
        "remote user with underscore": get(PODS, "X_Remote_User: system:admin"),
        "header named in connection": get(PODS, "Connection: close, Impersonate-User"),
        "authorization named in connection": get(PODS, "Connection: Authorization"),
        "browser": get(PODS, "Origin: https://evil.example.org"),
    },
    "framing": {
        "body on get": request(f"GET {PODS} HTTP/1.1", "Content-Length: 5", body="hello"),
        "chunked body on get": request(f"GET {PODS} HTTP/1.1", "Transfer-Encoding: chunked", body="0\r\n\r\n"),
        "length and chunked": request(
            f"POST {REVIEWS} HTTP/1.1", "Content-Length: 4", "Transfer-Encoding: chunked",
            body=f"0\r\n\r\nGET {PODS}/web/exec HTTP/1.1\r\nHost: x\r\n\r\n",
        ),
        "two lengths": request(f"POST {REVIEWS} HTTP/1.1", "Content-Length: 2", "Content-Length: 40", body="{}"),
        "odd length": request(f"POST {REVIEWS} HTTP/1.1", "Content-Length: +2", body="{}"),
        "huge length": request(f"POST {REVIEWS} HTTP/1.1", "Content-Length: 999999999", body="{}"),
        "odd transfer encoding": request(f"POST {REVIEWS} HTTP/1.1", "Transfer-Encoding: xchunked", body="{}"),
        "folded header": get(PODS, "X-A: b\r\n Impersonate-User: admin"),
        "space before colon": get(PODS, "Host : y"),
        "two hosts": get(PODS, "Host: y"),
        "no host": request(host=""),
        "http 1.0": request(f"GET {PODS} HTTP/1.0"),
        "http 0.9": f"GET {PODS}\r\n\r\n".encode(),
        "compressed body": request(
            f"POST {REVIEWS} HTTP/1.1", "Content-Encoding: gzip", "Content-Length: 2", body="{}"
        ),
        "expect": request(f"POST {REVIEWS} HTTP/1.1", "Expect: 100-continue", "Content-Length: 2", body="{}"),
        "pipelined after a refused upgrade": get(f"{PODS}/web/exec", *WEBSOCKET) + get(PODS),
        "pipelined after a refused body": get(PODS, "Content-Length: 3") + b"abc" + get(PODS),
        "hundreds of headers": get(PODS, *(f"X-{number}: a" for number in range(200))),
        "huge header": get(PODS, "X-A: " + "a" * 20000),
        "not http": b"\x16\x03\x01\x00\xff" * 20,
    },
    "queries": {
        "repeated key": get(f"{PODS}?labelSelector=a&labelSelector=b"),
        "repeated watch": get(f"{PODS}?watch=false&watch=true"),
        "key repeated in encoding": get(f"{PODS}?watch=false&w%61tch=true"),
        "odd watch": get(f"{PODS}?watch=maybe"),
        "field oracle on the env": get(f"{PODS}?fieldSelector=spec.containers[0].env[0].value=x"),
        "field oracle on an annotation": get(f"{PODS}?fieldSelector=metadata.annotations.a=x"),
        "field oracle on applications": get(f"{APPLICATIONS}?fieldSelector=spec.source.repoURL=x"),
        "foreign continue token": get(f"{PODS}?continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MX0"),
        "line break": get(f"{PODS}?labelSelector=a%0d%0aX-Remote-User:admin"),
        "nul": get(f"{PODS}?labelSelector=a%00b"),
        "bad utf-8": get(f"{PODS}?labelSelector=%ff%fe"),
        "hundred keys": get(f"{PODS}?" + "&".join(f"k{number}=1" for number in range(100))),
        "very long": get(f"{PODS}?labelSelector=" + "a" * 9000),
        "odd limit": get(f"{PODS}?limit=-1"),
        "odd revision": get(f"{PODS}?resourceVersion=1%20OR%201"),
        "both times of a log": get(f"{PODS}/web/log?sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z"),
        "container with a slash": get(f"{PODS}/web/log?container=a/b"),
    },
}  # fmt: skip


def assert_harmless(recorder: Recorder) -> None:
    for heard in recorder.heard:
        assert heard.method == "GET"
        assert CANONICAL.fullmatch(heard.raw_path.partition("?")[0]), heard.raw_path
        assert {name.lower() for name in heard.headers} <= HEADERS_SENT
        assert heard.headers["Authorization"] == "Bearer the-proxys-own"


@pytest.mark.parametrize("kind", ATTEMPTS)
async def test_every_attempt_is_refused_and_nothing_of_it_arrives(
    kind: str, attacked: ProxyServer, recorder: Recorder, api: Api
) -> None:
    tls = api.certificate.client_context()
    for name, attempt in ATTEMPTS[kind].items():
        answer = await exchange(attacked.port, tls, attempt)
        assert recorder.heard == [], name
        assert not re.match(rb"HTTP/1.1 (1|2|3)", answer), (name, answer[:300])
        assert answer.count(b"HTTP/1.1 ") <= 1, name
        assert b"the-proxys-own" not in answer, name


def test_there_are_enough_attempts() -> None:
    assert sum(map(len, ATTEMPTS.values())) >= 80


async def test_what_is_allowed_arrives_rebuilt_and_without_what_the_client_added(
    attacked: ProxyServer, recorder: Recorder, api: Api
) -> None:
    asked = get(
        f"{PODS}?labelSelector=app%3Dx&fieldManager=me&dryRun=All&includeObject=Object&timeout=3s",
        "X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4", "Cookie: a=b", "TE: trailers", "Connection: close",
        "Accept: application/vnd.kubernetes.protobuf, application/json", "Accept-Encoding: gzip",
        "Proxy-Authorization: Basic eA==", "Kubectl-Command: kubectl get", "User-Agent: kubectl",
    )  # fmt: skip
    answer = await exchange(attacked.port, api.certificate.client_context(), asked)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"Set-Cookie" not in answer
    (heard,) = recorder.heard
    assert_harmless(recorder)
    assert heard.raw_path == f"{PODS}?labelSelector=app%3Dx"
    assert heard.headers["Accept"] == "application/json"
    assert heard.headers["Accept-Encoding"] == "identity"
    assert "kubectl" not in heard.headers["User-Agent"]


async def test_a_platform_that_redirects_or_answers_something_else_is_not_believed(
    api: Api, recorder: Recorder, attacked: ProxyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {
        "redirect": web.Response(status=302, headers={"Location": "https://evil.example.org/"}),
        "secret": web.json_response({"kind": "SecretList", "items": [{"data": "canary"}]}),
        "protobuf": web.Response(body=b"k8s\x00canary", content_type="application/vnd.kubernetes.protobuf"),
        "error page": web.Response(status=500, text="<html>canary</html>"),
        "switching": web.Response(status=203, text="canary"),
    }
    serve = recorder.serve
    for name, response in answers.items():

        async def instead(http: web.BaseRequest, response: web.Response = response) -> web.StreamResponse:
            return await serve(http) if http.path.endswith("/tokenreviews") else response

        runner = web.ServerRunner(web.Server(instead), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        access = Access(f"http://127.0.0.1:{runner.addresses[0][1]}", FixedToken("the-proxys-own"))
        server = ProxyServer(access, clock=SystemClock(), tls=api.certificate.server_context())
        await server.start()
        answer = await exchange(server.port, api.certificate.client_context(), get(PODS, "Connection: close"))
        assert re.match(rb"HTTP/1.1 50[23] ", answer), (name, answer)
        assert b"canary" not in answer
        assert b"Location" not in answer
        await server.close()
        await runner.cleanup()


async def test_headers_that_never_end_are_cut_off(
    api: Api, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coop_core.proxy.server.HEADER_DEADLINE_S", 0.1)
    access = Access(f"http://127.0.0.1:{recorder.port}", FixedToken("the-proxys-own"))
    server = ProxyServer(access, clock=SystemClock())
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"GET {PODS} HTTP/1.1\r\nHost: x\r\nX-A: ".encode())
    async with asyncio.timeout(3):
        assert await reader.read() == b""
    writer.close()
    await server.close()
