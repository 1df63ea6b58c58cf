"""Who may do what, and what never leaks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from coop_core.local.tokens import PROXY_AUDIENCE, Identity, Tokens
from tests.local_api.api_client import CONFIG_MAPS, DEPLOYMENTS, PODS, Api, config_map, pod
from tests.local_api.conftest import ADMIN, NOBODY, PROXY

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp

    from coop_core.local.api import ApiServer

As = Any
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
CAN_I = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
ADA = Identity("ada", audiences=(PROXY_AUDIENCE,))

# As kubectl 1.37 sent them: `auth can-i get pods/web-1 --subresource=log -n demo` and `auth can-i --list -n demo`.
CAN_I_PROTOBUF = bytes.fromhex(
    "6b3873000a320a17617574686f72697a6174696f6e2e6b38732e696f2f7631121753656c665375626a65637441636365737352657669"
    "657712410a100a0012001a0022002a0032003800420012230a210a0464656d6f12036765741a0022002a04706f647332036c6f673a05"
    "7765622d311a08080012001a0020001a002200"
)
RULES_PROTOBUF = bytes.fromhex(
    "6b3873000a310a17617574686f72697a6174696f6e2e6b38732e696f2f7631121653656c665375626a65637452756c65735265766965"
    "7712200a100a0012001a0022002a0032003800420012060a0464656d6f1a04180022001a002200"
)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", "Basic YTpi", "Bearer  ", "bearer\tx"])
async def test_without_a_known_token_there_is_nothing_but_health(
    server: ApiServer, session: aiohttp.ClientSession, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    url = f"https://127.0.0.1:{server.port}"
    for path in ("/api", "/version", PODS, "/nothing"):
        async with session.get(url + path, headers=headers) as response:
            assert response.status == 401
            assert (await response.json())["reason"] == "Unauthorized"
    for path in ("/healthz", "/livez", "/readyz"):
        async with session.get(url + path, headers=headers) as response:
            assert (response.status, await response.text()) == (200, "ok")


async def test_a_token_for_another_server_is_refused_but_recognised(
    api_as: Callable[[Identity], Api], tokens: Tokens
) -> None:
    assert (await api_as(ADA).get(PODS)).code == 401
    proxy = api_as(PROXY)

    async def review(audiences: list[str]) -> Any:
        spec = {"token": tokens.token_for(ADA), "audiences": audiences}
        answer = await proxy.post(REVIEWS, {"spec": spec})
        assert answer.code == 201
        assert tokens.token_for(ADA).encode() not in answer.content
        return answer.json["status"]

    recognised = await review([PROXY_AUDIENCE])
    assert recognised["authenticated"] is True
    assert recognised["audiences"] == [PROXY_AUDIENCE]
    assert recognised["user"] == {"username": "ada", "groups": ["system:authenticated"]}
    assert (await review(["elsewhere"]))["authenticated"] is False
    assert (await review([]))["authenticated"] is False


@pytest.mark.parametrize("spec", [None, {}, {"token": 3}, {"token": "x", "audiences": "y"}])
async def test_a_token_review_without_a_token_is_a_bad_request(api: Api, spec: Any) -> None:
    assert (await api.post(REVIEWS, {"spec": spec})).code == 400


async def test_a_token_that_nobody_has_is_not_authenticated(api: Api) -> None:
    answer = await api.post(REVIEWS, {"spec": {"token": "made up"}})
    assert answer.json["status"]["authenticated"] is False


async def test_a_revoked_token_is_refused(api_as: Callable[[Identity], Api], tokens: Tokens) -> None:
    operator = api_as(Identity("operator", ADMIN.groups))
    assert (await operator.get(PODS)).code == 200
    tokens.revoke("operator")
    assert (await operator.get(PODS)).code == 401


async def test_a_proxy_reads_all_but_secrets_and_writes_nothing(api_as: Callable[[Identity], Api]) -> None:
    await api_as(ADMIN).made(PODS, pod("a"))
    proxy = api_as(PROXY)
    for path in (PODS, "/api/v1/pods", f"{PODS}/a", DEPLOYMENTS, "/api/v1/namespaces"):
        assert (await proxy.get(path)).code == 200
    async with proxy.watch(PODS) as watch:
        assert await watch.seen() == ("ADDED", "a")
    for path in ("/api/v1/secrets", "/api/v1/namespaces/main/secrets", "/api/v1/namespaces/main/secrets/x"):
        assert (await proxy.get(path)).code == 403
        assert (await proxy.get(f"{path}?watch=1")).code == 403
    for method, path in (
        ("POST", PODS),
        ("PUT", f"{PODS}/a"),
        ("PATCH", f"{PODS}/a"),
        ("DELETE", f"{PODS}/a"),
        ("DELETE", PODS),
        ("PUT", f"{DEPLOYMENTS}/web/scale"),
        ("PUT", "/api/v1/namespaces/main/finalize"),
    ):
        assert (await proxy.send(method, path, {})).code == 403, (method, path)


async def test_a_refusal_says_who_may_not_do_what_where(api_as: Callable[[Identity], Api]) -> None:
    refused = await api_as(PROXY).delete(f"{DEPLOYMENTS}/web")
    assert refused.json["reason"] == "Forbidden"
    assert refused.json["message"] == (
        'deployments.apps "web" is forbidden: User "proxy" cannot delete resource "deployments" in API group '
        '"apps" in the namespace "main"'
    )
    everywhere = await api_as(NOBODY).get("/api/v1/pods")
    assert everywhere.json["message"].endswith('cannot list resource "pods" in API group "" at the cluster scope')


async def test_everybody_else_may_only_ask_about_themselves(api_as: Callable[[Identity], Api]) -> None:
    nobody = api_as(NOBODY)
    assert (await nobody.get(PODS)).code == 403
    assert (await nobody.post(REVIEWS, {"spec": {"token": "x"}})).code == 403
    who = await nobody.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert who.json["status"]["userInfo"] == {"username": "nobody", "groups": ["system:authenticated"]}


@pytest.mark.parametrize(
    ("identity", "verb", "resource", "allowed"),
    [
        (ADMIN, "delete", "secrets", True),
        (PROXY, "get", "pods", True),
        (PROXY, "delete", "pods", False),
        (PROXY, "get", "secrets", False),
        (PROXY, "*", "pods", False),
        (PROXY, "get", "*", False),
        (NOBODY, "get", "pods", False),
    ],
)
async def test_an_access_review_says_what_would_happen(
    api_as: Callable[[Identity], Api], identity: Identity, verb: str, resource: str, allowed: bool
) -> None:
    spec = {"resourceAttributes": {"verb": verb, "resource": resource, "namespace": "main"}}
    answer = await api_as(identity).post(CAN_I, {"spec": spec})
    assert (answer.code, answer.json["status"]["allowed"]) == (201, allowed)
    assert answer.json["spec"]["resourceAttributes"]["resource"] == resource


async def test_reviews_are_also_read_as_protobuf(api_as: Callable[[Identity], Api]) -> None:
    protobuf = "application/vnd.kubernetes.protobuf"
    answer = await api_as(PROXY).post(CAN_I, CAN_I_PROTOBUF, Content_Type=protobuf)
    assert answer.json["spec"]["resourceAttributes"] == {
        "namespace": "demo",
        "verb": "get",
        "resource": "pods",
        "subresource": "log",
        "name": "web-1",
    }
    assert answer.json["status"]["allowed"] is True
    rules_path = CAN_I.replace("selfsubjectaccessreviews", "selfsubjectrulesreviews")
    rules = await api_as(PROXY).post(rules_path, RULES_PROTOBUF, Content_Type=protobuf)
    assert rules.code == 201
    listed = rules.json["status"]["resourceRules"]
    assert not any("secrets" in rule["resources"] or "*" in rule["resources"] for rule in listed)
    cut = await api_as(PROXY).post(CAN_I, CAN_I_PROTOBUF[:60], Content_Type=protobuf)
    assert cut.code == 400


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost@x", ""])
async def test_a_request_for_another_host_is_refused(api: Api, host: str) -> None:
    assert (await api.get("/healthz", Host=host)).code in (400, 403)
    assert (await api.get(PODS, Host=host)).code in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:6443", "[::1]:6443"])
async def test_a_request_for_this_machine_is_served(api: Api, host: str) -> None:
    assert (await api.get(PODS, Host=host)).code == 200


async def test_nobody_acts_as_somebody_else(api: Api) -> None:
    for header in ("Impersonate_User", "impersonate_group", "Impersonate_Extra_x"):
        assert (await api.get(PODS, **{header: "ada"})).code == 403


async def test_no_token_and_no_secret_reaches_a_log_or_an_error(
    api: Api, tokens: Tokens, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = "/api/v1/namespaces/main/secrets"
    refused = [
        await api.post(secrets, {"metadata": {"name": "s"}, "stringData": {"a": ["canary-value"]}}),
        await api.post(secrets, b'{"metadata": {"name": "s"}, "stringData": {"a": "canary-value"'),
        await api.post(secrets, {"metadata": {"name": "s"}, "data": {"bad key": "canary-value"}}),
        await api.post(CONFIG_MAPS, config_map("A", x="canary-value")),
    ]
    assert [answer.code for answer in refused] == [400, 400, 422, 422]
    await api.made(secrets, {"metadata": {"name": "s"}, "stringData": {"a": "canary-value"}})
    table = await api.get(secrets, Accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    written = caplog.text + "".join(capfd.readouterr()) + "".join(str(a.content) for a in [*refused, table])
    assert "canary-value" not in written
    assert tokens.token_for(ADMIN) not in written
    assert repr(tokens).count("coop_") == repr(tokens).count("coop_core")
