from __future__ import annotations

import asyncio
import json
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING

import aiohttp
import pytest

from coop_core.errors import CoopError, ExitCode
from coop_core.proxy import policy
from coop_core.proxy.policy import Allowed, Asked, Denied, Policy
from coop_core.proxy.policy_file import PolicyFile
from coop_core.proxy.server import ProxyServer
from tests.proxy.serving import PROXY, SetClock, Viewer, developer, furnish, pass_time

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kube.serving import Api


def test_a_user_sees_what_everybody_sees_and_what_is_theirs() -> None:
    wide = Policy({"*": ("main", "dev-{user}"), "ada": ("dev-bob",)})
    assert wide.namespaces("ada") == {"main", "dev-ada", "dev-bob"}
    assert wide.namespaces("bob") == {"main", "dev-bob"}
    assert Policy().namespaces("ada") == {"main", "coop-ci", "dev-ada"}


@pytest.mark.parametrize("resource", ["secrets", "configmaps", "serviceaccounts", "nodes", "endpoints", "*", ""])
@pytest.mark.parametrize("verb", ["get", "list", "watch", "create", "*"])
def test_what_is_not_listed_is_denied(resource: str, verb: str) -> None:
    assert isinstance(Policy().decide("ada", Asked(verb, "", resource, "", "dev-ada")), Denied)


def test_reads_of_own_pods_are_allowed_and_only_their_log_below() -> None:
    assert isinstance(Policy().decide("ada", Asked("get", "", "pods", "log", "dev-ada", "x")), Allowed)
    for subresource in ("exec", "attach", "portforward", "proxy", "status", "log2"):
        assert isinstance(Policy().decide("ada", Asked("get", "", "pods", subresource, "dev-ada", "x")), Denied)
    for verb in ("list", "watch", "create", "delete", "patch", "update", "deletecollection", "impersonate"):
        assert isinstance(Policy().decide("ada", Asked(verb, "", "pods", "log", "dev-ada", "x")), Denied)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("ada", "ada"),
        ("system:serviceaccount:coop-users:ada", "ada"),
        ("system:serviceaccount:kube-system:ada", None),
        ("system:serviceaccount:coop-users:a:b", None),
        ("system:admin", None),
        ("ada@example.org", None),
        ("../main", None),
        ("Ada", None),
        ("", None),
        ("a" * 60, None),
    ],
)
def test_only_slugs_and_coops_own_service_accounts_are_developers(name: str, slug: str | None) -> None:
    assert policy.slug(name) == slug


def test_a_policy_file_is_yaml_or_json_and_is_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "coop.proxy")
    path = tmp_path / "policy.yaml"
    path.write_text('users:\n  "*": [main, "dev-{user}"]\n  ada: [dev-bob]\n')
    current = PolicyFile(path)
    assert current().namespaces("ada") == {"main", "dev-ada", "dev-bob"}
    path.write_text(json.dumps({"users": {"*": ["shared"]}}))
    assert current().namespaces("ada") == {"shared"}
    path.write_text("users: [half a ")
    assert current().namespaces("ada") == {"shared"}
    assert "the policy stays as it was" in caplog.text


@pytest.mark.parametrize(
    "content", ["[]", "users: []", "users: {ada: main}", "users: {ada: ['../x']}", "users: {ada: [1]}"]
)
def test_a_wrong_policy_is_refused_at_the_start(tmp_path: Path, content: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(content)
    with pytest.raises(CoopError) as refused:
        PolicyFile(path)
    assert refused.value.exit_code == ExitCode.CONFIG
    assert '{"users":' in refused.value.remedy


async def test_a_narrowed_policy_counts_at_once_and_ends_open_streams(api: Api) -> None:
    furnish(api)
    clock = SetClock()
    policies = [Policy({"*": ("main", "dev-bob")})]
    server = ProxyServer(
        api.access(PROXY), clock=clock, policy=lambda: policies[-1], tls=api.certificate.server_context()
    )
    await server.start()
    async with aiohttp.ClientSession() as session:
        token, tls = api.tokens.token_for(developer("ada")), api.certificate.client_context()
        ada = Viewer(f"https://127.0.0.1:{server.port}", token, tls, session)
        path = "/api/v1/namespaces/dev-bob/pods"
        async with (
            asyncio.timeout(5),
            aclosing(ada.events(f"{path}?watch=true")) as events,
            aclosing(ada.events("/api/v1/pods?watch=true")) as of_all,
        ):
            for opened in (events, of_all):
                await anext(opened)
            policies.append(Policy({"*": ("main",)}))
            assert (await ada.ask(path))[0] == 403
            await pass_time(server, clock, 5)
            assert [event async for event in events] == []
            assert [event async for event in of_all][1:] == []
    await server.close()
