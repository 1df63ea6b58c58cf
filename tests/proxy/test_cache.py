"""The proxy's own cache: its revisions, its memory of the past, and how it comes back into step."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from coop_core.cluster import kinds
from coop_core.proxy import cache as caching
from coop_core.proxy.cache import Cache, Revisions, TooOld
from coop_core.proxy.entries import Entry, entry
from coop_core.proxy.lenses import Lens
from tests.proxy.serving import developer, pod, until

if TYPE_CHECKING:
    from tests.kube.serving import Api
    from tests.proxy.serving import Viewer

PODS = "/api/v1/namespaces/dev-ada/pods"
INITIAL = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


def made(name: str, revision: str, namespace: str = "main") -> Entry:
    body: dict[str, Any] = pod(namespace, name)
    body["metadata"]["resourceVersion"] = revision
    return entry(kinds.POD, body)


def filled(*names: str) -> Cache:
    cache = Cache(kinds.POD, Revisions(1000))
    cache.replace([made(name, "1") for name in names])
    return cache


def names(entries: list[Entry]) -> list[str]:
    return [one.name for one in entries]


def test_what_differs_after_a_new_list_becomes_changes_and_the_rest_stays_as_it_was() -> None:
    cache = filled("a", "b", "c")
    before = cache.revision
    kept = cache.get("main", "a")
    cache.replace([made("a", "1"), made("b", "7"), made("d", "8")])
    changes = cache.since(before)
    told = {(one.before.name if one.before else "", one.after.name if one.after else "") for one in changes}
    assert told == {("c", ""), ("b", "b"), ("", "d")}
    assert cache.get("main", "a") is kept
    assert [one.revision for one in changes] == sorted({one.revision for one in changes})


def test_the_past_can_be_seen_as_long_as_it_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "HISTORY_CHANGES", 4)
    cache = filled("a", "b")
    before = cache.revision
    cache.drop(("main", "a"))
    cache.put(made("c", "2"))
    assert names(cache.at(before)) == ["a", "b"]
    assert names(cache.entries()) == ["b", "c"]
    for number in range(20):
        cache.put(made("c", f"{number + 10}"))
    with pytest.raises(TooOld):
        cache.at(before)
    with pytest.raises(TooOld):
        cache.since(cache.revision + 1)


def test_the_past_is_bounded_in_bytes_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "HISTORY_BYTES", 10_000)
    cache = filled("a")
    before = cache.revision
    for number in range(200):
        cache.put(made("a", f"{number + 2}"))
    size = len(made("a", "1").tail)
    assert cache.size_bytes == size
    with pytest.raises(TooOld):
        cache.since(before)


def test_what_leaves_a_users_sight_is_gone_for_them_and_for_nobody_else() -> None:
    cache = Cache(kinds.APPLICATION, Revisions(1000))

    def application(destination: str, revision: str) -> Entry:
        metadata = {"name": "x", "namespace": "argocd", "resourceVersion": revision}
        spec = {"project": "coop", "destination": {"namespace": destination}}
        return entry(kinds.APPLICATION, {"metadata": metadata, "spec": spec})

    cache.replace([application("dev-ada", "1")])
    before = cache.revision
    cache.put(application("dev-bob", "2"))
    (change,) = cache.since(before)
    seen = {
        user: Lens(kinds.APPLICATION, frozenset([f"dev-{user}"])).change(change) for user in ("ada", "bob", "eve")
    }
    assert [told and told[0] for told in seen.values()] == ["DELETED", "ADDED", None]
    assert b"dev-bob" not in (seen["ada"] or ("", change.before))[1].whole()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "spec",
    [
        {"project": "default", "destination": {"namespace": "dev-ada"}},
        {"destination": {"namespace": "dev-ada"}},
        {"project": "coop", "destination": {"namespace": ["dev-ada"]}},
        {"project": "coop", "destination": "dev-ada"},
        {"project": "coop"},
        None,
    ],
)
def test_an_application_that_is_none_of_coops_is_in_nobodys_sight(spec: Any) -> None:
    metadata = {"name": "x", "namespace": "argocd", "resourceVersion": "1"}
    one = entry(kinds.APPLICATION, {"metadata": metadata, "spec": spec})
    assert not Lens(kinds.APPLICATION, frozenset(["dev-ada", "argocd", "x"])).shows(one)


def test_revisions_of_another_process_are_never_taken_for_ones_own() -> None:
    began_s = 1_800_000_000.0
    of_one_second = {Revisions.of(began_s).next() for _ in range(20)}
    assert len(of_one_second) == 20
    ordered = sorted(of_one_second)
    assert ordered[-1] - ordered[0] > 1_000_000
    assert Revisions.of(began_s + 1).next() > ordered[-1]
    assert all(len(str(one)) == 18 for one in of_one_second)


async def test_pages_of_one_list_show_one_moment_and_tokens_are_for_whom_they_were_given(
    ada: Viewer, api: Api
) -> None:
    for name in ("a", "b", "c"):
        api.objects.create(kinds.POD, pod("dev-ada", name))
    _, first = await ada.ask(f"{PODS}?limit=2")
    assert first["metadata"]["remainingItemCount"] == 2
    api.objects.create(kinds.POD, pod("dev-ada", "bb"))

    async def has_followed() -> bool:
        return len((await ada.ask(PODS))[1]["items"]) == 5

    await until(has_followed)
    token = first["metadata"]["continue"]
    _, second = await ada.ask(f"{PODS}?limit=2&continue={token}")
    assert [one["metadata"]["name"] for one in first["items"] + second["items"]] == ["a", "b", "c", "web"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    for path in ("/api/v1/pods", f"{PODS}?labelSelector=a", "/api/v1/namespaces/main/pods"):
        status, body = await ada.ask(f"{path}{'&' if '?' in path else '?'}limit=2&continue={token}")
        assert (status, body["reason"]) == (410, "Expired"), path


async def test_pages_run_through_all_namespaces_of_a_user_and_are_nobody_elses(ada: Viewer, api: Api) -> None:
    for namespace in ("dev-ada", "dev-bob", "main"):
        api.objects.create(kinds.POD, pod(namespace, "more"))
    found, token = [], ""
    adas, bobs = ada.token, api.tokens.token_for(developer("bob"))
    while True:
        _, page = await ada.ask(f"/api/v1/pods?limit=1&continue={token}")
        found += [f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in page["items"]]
        token = page["metadata"].get("continue", "")
        if not token:
            break
        ada.token = bobs
        assert (await ada.ask(f"/api/v1/pods?limit=1&continue={token}"))[0] == 410
        ada.token = adas
        for other in ("/api/v1/events", "/api/v1/namespaces/main/pods", "/apis/apps/v1/deployments"):
            assert (await ada.ask(f"{other}?limit=1&continue={token}"))[0] == 410
    assert found == ["dev-ada/more", "dev-ada/web", "main/more", "main/web"]


async def test_a_watch_with_initial_events_says_where_they_end_and_goes_on(ada: Viewer, api: Api) -> None:
    async with asyncio.timeout(10), aclosing(ada.events(f"/api/v1/pods?{INITIAL}")) as events:
        first = [await anext(events) for _ in range(3)]
        assert [one["type"] for one in first] == ["ADDED", "ADDED", "BOOKMARK"]
        assert first[-1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        api.objects.create(kinds.POD, pod("dev-bob", "unseen"))
        api.objects.create(kinds.POD, pod("main", "later"))
        assert (await anext(events))["object"]["metadata"]["name"] == "later"


async def test_a_revision_of_another_time_is_told_to_list_again(ada: Viewer) -> None:
    async with asyncio.timeout(10), aclosing(ada.events(f"{PODS}?watch=1&resourceVersion=5")) as events:
        error = await anext(events)
    assert (error["type"], error["object"]["code"], error["object"]["reason"]) == ("ERROR", 410, "Expired")
    status, body = await ada.ask(f"{PODS}?resourceVersion=9{'0' * 17}")
    assert (status, body["reason"]) == (504, "Timeout")


async def test_selectors_work_on_what_is_shown(ada: Viewer) -> None:
    for selector, found in (
        ("labelSelector=app.kubernetes.io/name=web", 2),
        ("labelSelector=!app.kubernetes.io/name", 0),
        ("fieldSelector=metadata.namespace=main", 1),
        ("fieldSelector=metadata.namespace=dev-bob", 0),
        ("fieldSelector=spec.nodeName=", 2),
    ):
        status, listing = await ada.ask(f"/api/v1/pods?{selector}")
        assert (status, len(listing["items"])) == (200, found), selector
