from __future__ import annotations

import asyncio
import json
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from coop_core.cluster import kinds
from coop_core.local.tokens import Identity
from coop_core.proxy.policy import READABLE
from tests.kube import discovered
from tests.protobuf import encoding
from tests.proxy.serving import CANARY, application, developer, pod

if TYPE_CHECKING:
    import pytest

    from coop_core.proxy.server import ProxyServer
    from tests.kube.serving import Api
    from tests.proxy.serving import Viewer

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


def names(listing: Any) -> list[str]:
    return [item["metadata"]["name"] for item in listing["items"]]


async def test_a_developer_reads_their_own_environment_and_the_shared_one(ada: Viewer) -> None:
    for namespace in ("dev-ada", "main"):
        status, listing = await ada.ask(f"/api/v1/namespaces/{namespace}/pods")
        assert (status, names(listing)) == (200, ["web"])
        assert listing["kind"] == "PodList"
        assert listing["metadata"]["resourceVersion"]
        status, one = await ada.ask(f"/api/v1/namespaces/{namespace}/pods/web")
        assert (status, one["kind"]) == (200, "Pod")


async def test_another_developers_environment_is_forbidden_whether_or_not_it_exists(ada: Viewer) -> None:
    answers = [
        await ada.ask(f"/api/v1/namespaces/{namespace}/pods/{name}")
        for namespace, name in (("dev-bob", "web"), ("dev-bob", "nothing"), ("dev-nobody", "web"))
    ]
    assert [status for status, _ in answers] == [403, 403, 403]
    messages = {body["message"].replace("dev-nobody", "dev-bob").replace("nothing", "web") for _, body in answers}
    assert len(messages) == 1
    assert 'User "ada" cannot get resource "pods"' in messages.pop()


async def test_namespaces_are_listed_and_watched_as_far_as_they_are_in_sight(ada: Viewer, api: Api) -> None:
    _, listing = await ada.ask("/api/v1/namespaces")
    assert names(listing) == ["coop-ci", "dev-ada", "main"]
    assert (await ada.ask("/api/v1/namespaces/dev-ada"))[0] == 200
    hidden, absent = [await ada.ask(f"/api/v1/namespaces/{name}") for name in ("dev-bob", "dev-xyz")]
    assert hidden[0] == absent[0] == 403
    assert hidden[1]["message"] == absent[1]["message"].replace("dev-xyz", "dev-bob")
    async with asyncio.timeout(5), aclosing(ada.events("/api/v1/namespaces?watch=true")) as events:
        seen = [(await anext(events))["object"]["metadata"]["name"] for _ in range(3)]
        assert sorted(seen) == ["coop-ci", "dev-ada", "main"]


async def test_applications_are_those_that_deploy_to_a_namespace_in_sight(ada: Viewer) -> None:
    path = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
    _, listing = await ada.ask(path)
    assert names(listing) == ["dev-ada-web", "main-web"]
    hidden, absent = [await ada.ask(f"{path}/{name}") for name in ("dev-bob-web", "dev-xyz-web")]
    assert hidden[0] == absent[0] == 404
    assert hidden[1]["message"] == absent[1]["message"].replace("dev-xyz", "dev-bob")
    _, table = await ada.ask(path, accept=TABLE)
    assert [row["cells"][0] for row in table["rows"]] == ["dev-ada-web", "main-web"]
    assert {row["object"]["kind"] for row in table["rows"]} == {"PartialObjectMetadata"}


async def test_an_application_keeps_what_the_views_need_and_loses_its_source_parameters(ada: Viewer) -> None:
    _, one = await ada.ask("/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/dev-ada-web")
    assert one["spec"]["source"] == {
        "repoURL": "https://[hidden by coop]@git.example.org/web.git",
        "path": "web",
        "targetRevision": "refs/heads/env/dev-ada",
    }
    assert one["status"]["sync"] == {"status": "Synced", "revision": "a" * 40}
    assert one["status"]["operationState"]["syncResult"]["revision"] == "a" * 40
    assert one["status"]["history"] == [{"id": 1, "revision": "a" * 40}]


async def test_an_application_watch_shows_an_application_that_leaves_sight_as_deleted(
    ada: Viewer, api: Api
) -> None:
    path = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications?watch=true"
    async with asyncio.timeout(5), aclosing(ada.events(path)) as events:
        first = [(await anext(events))["object"]["metadata"]["name"] for _ in range(2)]
        assert first == ["dev-ada-web", "main-web"]
        api.objects.create(kinds.APPLICATION, application("dev-bob", "other"))
        moved = api.objects.get(kinds.APPLICATION, "argocd", "dev-ada-web")
        destination = {**moved["spec"]["destination"], "namespace": "dev-bob"}
        api.objects.update(kinds.APPLICATION, {**moved, "spec": {**moved["spec"], "destination": destination}})
        event = await anext(events)
        assert (event["type"], event["object"]["metadata"]["name"]) == ("DELETED", "dev-ada-web")
        assert event["object"]["spec"]["destination"]["namespace"] == "dev-ada"


async def test_a_watch_brings_changes_as_they_happen(ada: Viewer, api: Api) -> None:
    _, listing = await ada.ask("/api/v1/namespaces/dev-ada/pods")
    revision = listing["metadata"]["resourceVersion"]
    path = f"/api/v1/namespaces/dev-ada/pods?watch=1&resourceVersion={revision}"
    async with asyncio.timeout(5), aclosing(ada.events(path)) as events:
        next_event = asyncio.ensure_future(anext(events))
        api.objects.create(kinds.POD, pod("dev-bob", "unseen"))
        api.objects.create(kinds.POD, pod("main", "elsewhere"))
        api.objects.create(kinds.POD, pod("dev-ada", "second"))
        event = await next_event
        assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "second")


async def test_a_watch_of_one_name_brings_that_one_alone(ada: Viewer, api: Api) -> None:
    path = "/api/v1/namespaces/dev-ada/pods/web?watch=1"
    async with asyncio.timeout(5), aclosing(ada.events(path)) as events:
        assert (await anext(events))["object"]["metadata"]["name"] == "web"
        next_event = asyncio.ensure_future(anext(events))
        for namespace, name in (("dev-ada", "other"), ("main", "other")):
            api.objects.create(kinds.POD, pod(namespace, name))
        for namespace in ("main", "dev-ada"):
            api.objects.delete(kinds.POD, namespace, "web")
        event = await next_event
        assert (event["type"], event["object"]["metadata"]["namespace"]) == ("DELETED", "dev-ada")


async def test_no_canary_passes_in_any_representation(ada: Viewer) -> None:
    pods, applications = (
        "/api/v1/namespaces/dev-ada/pods",
        "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications",
    )
    for path in (pods, f"{pods}/web", applications, f"{applications}/dev-ada-web", "/api/v1/namespaces"):
        for accept in ("application/json", TABLE, PARTIAL, "application/vnd.kubernetes.protobuf,application/json"):
            for query in ("", "?includeObject=Object", "?includeObject=None"):
                status, body = await ada.ask(path + query, accept=accept)
                assert status == 200, (path, accept, query, body)
                assert CANARY not in json.dumps(body), (path, accept, query)
                assert "managedFields" not in json.dumps(body)
    for path in (pods, applications):
        async with asyncio.timeout(5), aclosing(ada.events(f"{path}?watch=true")) as events:
            assert CANARY not in json.dumps(await anext(events))


async def test_hidden_values_keep_their_names_and_open_ones_stay(ada: Viewer) -> None:
    _, one = await ada.ask("/api/v1/namespaces/dev-ada/pods/web")
    container = one["spec"]["containers"][0]
    assert container["env"] == [
        {"name": "API_TOKEN", "value": "[hidden by coop]"},
        {"name": "GREETING", "value": "hello"},
    ]
    assert container["args"] == ["--password=[hidden by coop]", "--verbose"]


async def test_discovery_names_what_may_be_read_and_nothing_else(ada: Viewer) -> None:
    aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    _, core = await ada.ask("/api/v1")
    assert {entry["name"] for entry in core["resources"]} == {
        "namespaces", "pods", "pods/log", "services", "events", "persistentvolumeclaims",
    }  # fmt: skip
    assert {verb for entry in core["resources"] for verb in entry["verbs"]} == {"get", "list", "watch"}
    _, everything = await ada.ask("/apis", accept=aggregated)
    assert everything["kind"] == "APIGroupDiscoveryList"
    _, rest = await ada.ask("/api", accept=aggregated)
    named = {
        (group["metadata"].get("name", ""), version["version"], found["resource"])
        for group in (*everything["items"], *rest["items"])
        for version in group["versions"]
        for found in version["resources"]
    }
    assert named == {(one.kind.group, one.kind.version, one.kind.plural) for one in READABLE}
    for group in everything["items"]:
        name, version = group["metadata"]["name"], group["versions"][0]["version"]
        _, plain = await ada.ask(f"/apis/{name}/{version}")
        resources = {one["name"] for one in plain["resources"] if "/" not in one["name"]}
        assert resources == {resource for of, _, resource in named if of == name}
    for path in ("/api", "/apis", "/api/", "/apis/", "/apis/apps", "/apis/apps/v1", "/version", "/version/"):
        status, body = await ada.ask(path)
        assert status == 200, path
        assert "secrets" not in json.dumps(body)
    for path in ("/openapi/v2", "/openapi/v3", "/metrics", "/logs/", "/debug/pprof", "/apis/policy/v1", "/"):
        assert (await ada.ask(path))[0] == 404, path


async def test_a_client_that_knows_aggregated_discovery_as_beta_only_is_answered_plainly(ada: Viewer) -> None:
    async def ask(path: str, accept: str) -> Any:
        return (await ada.ask(path, accept=accept))[1]

    assert await discovered.plainly(ask, discovered.BETA_ONLY) == await discovered.at_once(ask)


async def test_reviews_are_answered_from_the_policy(ada: Viewer) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

    async def may(verb: str, resource: str, namespace: str, group: str = "", subresource: str = "") -> bool:
        attributes = {
            "verb": verb, "resource": resource, "namespace": namespace, "group": group, "subresource": subresource,
        }  # fmt: skip
        review = {"spec": {"resourceAttributes": attributes}}
        in_protobuf = encoding.body("authorization/v1.SelfSubjectAccessReview", review)
        answers = [await ada.ask(path, method="POST", body=body) for body in (review, in_protobuf)]
        assert [status for status, _ in answers] == [201, 201]
        allowed = {bool(body["status"]["allowed"]) for _, body in answers}
        assert len(allowed) == 1, "JSON and protobuf ask the same"
        return allowed.pop()

    assert await may("list", "pods", "dev-ada")
    assert await may("get", "pods", "dev-ada", subresource="log")
    assert await may("list", "namespaces", "dev-ada")
    assert not await may("list", "pods", "dev-bob")
    assert await may("list", "pods", "")
    assert not await may("get", "pods", "")
    assert not await may("get", "secrets", "dev-ada")
    assert not await may("delete", "pods", "dev-ada")
    assert not await may("get", "pods", "dev-ada", subresource="exec")
    assert not await may("*", "*", "dev-ada", "*")
    rules = {"spec": {"namespace": "dev-ada"}}
    in_protobuf = encoding.body("authorization/v1.SelfSubjectRulesReview", rules)
    asked = [
        await ada.ask(path.replace("access", "rules"), method="POST", body=body) for body in (rules, in_protobuf)
    ]
    assert asked[0] == asked[1]
    assert any("pods" in rule["resources"] for rule in asked[0][1]["status"]["resourceRules"])


async def test_tokens_count_only_when_meant_for_the_proxy_and_for_a_developer(ada: Viewer, api: Api) -> None:
    for identity, expected in (
        (developer("bob"), 200),
        (Identity("system:serviceaccount:coop-users:eve", audiences=("coop-proxy",)), 200),
        (Identity("system:serviceaccount:kube-system:eve", audiences=("coop-proxy",)), 403),
        (Identity("system:admin", ("system:masters",), ("coop-proxy",)), 403),
        (Identity("ada"), 401),
    ):
        ada.token = api.tokens.token_for(identity)
        status, body = await ada.ask("/api/v1/namespaces/main/pods")
        assert status == expected, (identity, body)
    ada.token = "nobodys"
    status, body = await ada.ask("/api/v1/namespaces/main/pods")
    assert status == 401
    assert "coop kubeconfig" in body["message"]


async def test_a_restarted_platform_ends_watches_and_is_then_read_again(ada: Viewer, api: Api) -> None:
    async with asyncio.timeout(5), aclosing(ada.events("/api/v1/namespaces/dev-ada/pods?watch=true")) as events:
        await anext(events)
        await api.server.close()
        assert [event async for event in events] == []
    assert (await ada.ask("/api/v1/namespaces/dev-ada/pods"))[0] == 503
    await api.restart()
    assert (await ada.ask("/api/v1/namespaces/dev-ada/pods"))[0] == 200


async def test_every_request_leaves_one_audit_line_without_secrets(
    ada: Viewer, proxy: ProxyServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "coop.proxy.audit")
    await ada.ask("/api/v1/namespaces/dev-ada/pods?labelSelector=a%3Db")
    await ada.ask("/api/v1/namespaces/dev-ada/secrets/keys")
    allowed, refused = [record.getMessage() for record in caplog.records if record.name == "coop.proxy.audit"]
    assert (
        "from=127.0.0.1 user=ada verb=list resource=pods namespace=dev-ada name=- decision=allowed status=200"
        in allowed
    )
    assert "user=ada verb=get resource=secrets namespace=dev-ada name=keys decision=refused status=403" in refused
    assert ada.token not in caplog.text
    assert "a%3Db" not in caplog.text
