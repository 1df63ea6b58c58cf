"""k9s as it was seen to ask: its habits, played against the proxy, with one namespace and with all of them.

Source: derailed/k9s, internal/client/client.go, internal/dao/table.go, internal/watch/factory.go; client-go 0.35.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from coop_core.cluster import kinds
from coop_core.proxy.policy import READABLE
from tests.kube import discovered
from tests.local_api.test_models_of_clients import BODIES
from tests.protobuf import encoding
from tests.proxy.serving import CANARY

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from tests.kube.serving import Api
    from tests.proxy.serving import Viewer

DISCOVERY = f"{discovered.AGGREGATED},{discovered.BETA_ONLY}"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io, application/json"
INITIAL = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
MONITOR = ("list", "watch")
"""The verbs that k9s asks about before it opens a view."""
TYPED = "application/vnd.kubernetes.protobuf,application/json"
NAMESPACES = ("dev-ada", "")
"""The second is all of them."""


async def may(ada: Viewer, kind: Kind, namespace: str, *verbs: str, subresource: str = "") -> bool:
    """As client-go 0.35 asks: in protobuf, one verb after the other, and no version."""
    for verb in verbs:
        about = {"namespace": namespace, "verb": verb, "group": kind.group, "resource": kind.plural}
        review = {"spec": {"resourceAttributes": {**about, "subresource": subresource}}}
        body = encoding.body("authorization/v1.SelfSubjectAccessReview", review)
        status, answer = await ada.ask(REVIEWS, method="POST", body=body, accept=TYPED)
        assert status == 201
        if not answer["status"]["allowed"]:
            return False
    return True


async def test_it_opens_the_cluster_and_learns_what_there_is(ada: Viewer) -> None:
    async def ask(path: str, accept: str) -> Raw:
        status, body = await ada.ask(path, accept=accept)
        assert status == 200, path
        found: Raw = body
        return found

    assert (await ask("/version", "application/json"))["gitVersion"].startswith("v1.")
    assert (await ask("/apis", DISCOVERY))["kind"] == "APIGroupDiscoveryList"
    known = await discovered.at_once(ask)
    assert known == await discovered.plainly(ask)
    assert {f"{one.kind.plural}.{one.kind.api_version}" for one in READABLE} == {
        f"{name}.{version}" for version, resources in known.items() for name in resources if "/" not in name
    }
    # It shows no CPU and memory then, instead of asking for them in vain.
    assert "metrics.k8s.io/v1beta1" not in known
    namespaces = await ask("/api/v1/namespaces", TYPED)
    assert [one["metadata"]["name"] for one in namespaces["items"]] == ["coop-ci", "dev-ada", "main"]


@pytest.mark.parametrize("namespace", NAMESPACES, ids=["one namespace", "all namespaces"])
@pytest.mark.parametrize("kind", [one.kind for one in READABLE], ids=lambda kind: kind.plural)
async def test_every_view_of_what_may_be_read_opens_and_stays_in_step(
    ada: Viewer, api: Api, kind: Kind, namespace: str
) -> None:
    if kind not in (kinds.NAMESPACE, kinds.POD, kinds.APPLICATION):  # which are there
        api.objects.create(kind, {"metadata": {"name": "web", "namespace": "dev-ada"}, **BODIES[kind]})
    where = "argocd" if kind == kinds.APPLICATION and namespace else namespace
    assert await may(ada, kind, where, *MONITOR)
    status, table = await ada.ask(f"{kind.path(where)}?includeObject=Object", accept=TABLE)
    assert (status, table["kind"]) == (200, "Table")
    assert all(row["object"]["kind"] == kind.name for row in table["rows"])
    assert CANARY not in json.dumps(table)
    assert table["rows"]
    named = {row["object"]["metadata"]["name"] for row in table["rows"]}
    async with asyncio.timeout(5), aclosing(ada.events(f"{kind.path(where)}?{INITIAL}")) as events:
        informed = set()
        while (event := await anext(events))["type"] == "ADDED":
            informed.add(event["object"]["metadata"]["name"])
    assert informed == named
    assert event["type"] == "BOOKMARK"
    assert event["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_one_object_is_had_as_a_table_with_the_whole_of_it(ada: Viewer) -> None:
    status, table = await ada.ask("/api/v1/namespaces/dev-ada/pods/web?includeObject=Object", accept=TABLE)
    (row,) = table["rows"]
    assert (status, row["object"]["spec"]["containers"][0]["name"]) == (200, "web")
    assert CANARY not in json.dumps(table)


async def test_views_of_what_may_not_be_read_say_so_beforehand(ada: Viewer) -> None:
    for kind in (kinds.SECRET, kinds.CONFIG_MAP, kinds.NODE, kinds.ROLE, kinds.DEFINITION):
        assert not await may(ada, kind, "dev-ada", *MONITOR), kind
        assert not await may(ada, kind, "", *MONITOR), kind
    assert not await may(ada, kinds.POD, "dev-bob", *MONITOR)


async def test_shells_tunnels_and_deletions_are_known_to_be_refused_and_logs_to_be_shown(ada: Viewer) -> None:
    assert await may(ada, kinds.POD, "dev-ada", "get", subresource="log")
    for subresource in ("exec", "portforward", "attach"):
        assert not await may(ada, kinds.POD, "dev-ada", "create", subresource=subresource), subresource
    assert not await may(ada, kinds.POD, "dev-ada", "delete")
    assert not await may(ada, kinds.DEPLOYMENT, "dev-ada", "patch")


async def test_a_view_follows_what_comes_in_all_namespaces(ada: Viewer, api: Api) -> None:
    async with asyncio.timeout(5), aclosing(ada.events(f"{kinds.POD.path()}?{INITIAL}")) as events:
        while (await anext(events))["type"] != "BOOKMARK":
            pass
        seen = api.objects.get(kinds.POD, "main", "web")
        api.objects.update(kinds.POD, {**seen, "metadata": {**seen["metadata"], "labels": {"new": "yes"}}})
        event = await anext(events)
    assert (event["type"], event["object"]["metadata"]["labels"]) == ("MODIFIED", {"new": "yes"})
