"""Watches over HTTP: their beginning, their order, their end."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from coop_core.cluster.kinds import CONFIG_MAP, POD
from coop_core.local import store as store_module
from tests.local_api.api_client import CONFIG_MAPS, PODS, TABLE, Api, config_map, pod

if TYPE_CHECKING:
    import aiohttp
    import pytest

    from coop_core.local.api import ApiServer
    from coop_core.local.objects import Objects


async def test_a_watch_begins_with_the_current_state_and_goes_on_with_changes(api: Api) -> None:
    await api.made(PODS, pod("a"))
    async with api.watch(PODS) as watch:
        assert await watch.seen() == ("ADDED", "a")
        await api.made(PODS, pod("b"))
        assert await watch.seen() == ("ADDED", "b")
        await api.patch(f"{PODS}/a", {"metadata": {"labels": {"x": "1"}}})
        assert await watch.seen() == ("MODIFIED", "a")
        await api.delete(f"{PODS}/b")
        assert await watch.seen() == ("DELETED", "b")


async def test_a_watch_from_a_revision_sees_only_what_came_later_in_order(api: Api) -> None:
    first = await api.made(CONFIG_MAPS, config_map("a", n="0"))
    for number in range(1, 20):
        await api.patch(f"{CONFIG_MAPS}/a", {"data": {"n": str(number)}})
    async with api.watch(CONFIG_MAPS, f"resourceVersion={first['metadata']['resourceVersion']}") as watch:
        events = [await watch.event() for _ in range(19)]
    assert [event["object"]["data"]["n"] for event in events] == [str(number) for number in range(1, 20)]
    revisions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert revisions == sorted(set(revisions))


async def test_headers_come_at_once_though_nothing_happens(api: Api) -> None:
    async with asyncio.timeout(2), api.watch(PODS) as watch:
        assert watch.response.headers["Content-Type"] == "application/json"
        assert watch.response.headers["Transfer-Encoding"] == "chunked"


async def test_an_object_leaving_the_selector_is_deleted_and_one_entering_is_added(api: Api) -> None:
    await api.made(PODS, pod("a", app="web"))
    async with api.watch(PODS, "labelSelector=app%3Dweb") as watch:
        assert await watch.seen() == ("ADDED", "a")
        await api.patch(f"{PODS}/a", {"metadata": {"labels": {"app": "other"}}})
        left = await watch.event()
        assert (left["type"], left["object"]["metadata"]["labels"]) == ("DELETED", {"app": "web"})
        await api.patch(f"{PODS}/a", {"metadata": {"labels": {"step": "unseen"}}})
        await api.patch(f"{PODS}/a", {"metadata": {"labels": {"app": "web"}}})
        assert await watch.seen() == ("ADDED", "a")
    current = await api.get(f"{PODS}/a")
    assert int(left["object"]["metadata"]["resourceVersion"]) < int(current.json["metadata"]["resourceVersion"])


async def test_a_watch_of_one_name_or_one_namespace_sees_no_other(api: Api, objects: Objects) -> None:
    async with api.watch(PODS, "fieldSelector=metadata.name%3Db") as by_field, api.watch(f"{PODS}/b") as by_path:
        await api.made(PODS, pod("a"))
        objects.create(POD, {**pod("b"), "metadata": {"name": "b", "namespace": "elsewhere"}})
        await api.made(PODS, pod("b"))
        for watch in (by_field, by_path):
            event = await watch.event()
            assert (event["object"]["metadata"]["namespace"], event["object"]["metadata"]["name"]) == ("main", "b")


async def test_a_watch_list_marks_the_end_of_the_current_state(api: Api) -> None:
    await api.made(PODS, pod("a"))
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    async with api.watch(PODS, query) as watch:
        assert await watch.seen() == ("ADDED", "a")
        bookmark = await watch.event()
        await api.made(PODS, pod("b"))
        assert await watch.seen() == ("ADDED", "b")
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["kind"] == "Pod"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(bookmark["object"]["metadata"]["resourceVersion"]) > 1


async def test_initial_events_need_the_match_that_they_imply(api: Api) -> None:
    refused = await api.get(f"{PODS}?watch=1&sendInitialEvents=true")
    assert (refused.code, refused.json["reason"]) == (422, "Invalid")
    assert refused.json["details"]["causes"][0]["field"] == "resourceVersionMatch"
    on_a_list = await api.get(f"{PODS}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan")
    assert on_a_list.code == 422


async def test_a_revision_that_is_no_longer_kept_ends_in_a_410_inside_the_stream(
    api: Api, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "HISTORY", 5)
    first = await api.made(CONFIG_MAPS, config_map("a", n="0"))
    for number in range(20):
        objects.update(
            CONFIG_MAP, {**config_map("a", n=f"later {number}"), "metadata": {"name": "a", "namespace": "main"}}
        )
    async with api.watch(CONFIG_MAPS, f"resourceVersion={first['metadata']['resourceVersion']}") as watch:
        event = await watch.event()
        assert event["type"] == "ERROR"
        assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
        assert await watch.is_over()
    async with api.watch(CONFIG_MAPS) as watch:
        assert await watch.seen() == ("ADDED", "a")


async def test_a_revision_from_the_future_is_a_timeout_to_retry(api: Api) -> None:
    for path in (f"{PODS}?watch=1&resourceVersion=999999", f"{PODS}?resourceVersion=999999"):
        refused = await api.get(path)
        assert (refused.code, refused.json["reason"]) == (504, "Timeout")
        assert refused.json["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
        assert refused.headers["Retry-After"] == "1"


async def test_a_watch_ends_at_its_deadline_with_a_last_bookmark(api: Api) -> None:
    async with api.watch(PODS, "timeoutSeconds=1&allowWatchBookmarks=true") as watch:
        bookmark = await watch.event()
        assert set(bookmark["object"]["metadata"]) <= {"resourceVersion", "creationTimestamp"}
        assert bookmark["type"] == "BOOKMARK"
        assert await watch.is_over()


async def test_no_bookmark_comes_unasked(api: Api) -> None:
    async with api.watch(PODS, "timeoutSeconds=1") as watch:
        assert await watch.is_over()


async def test_a_closing_server_ends_its_watches_in_good_order(api: Api, server: ApiServer) -> None:
    async with api.watch(PODS) as watch:
        await server.close()
        assert await watch.is_over()


async def test_a_table_watch_names_its_columns_once(api: Api) -> None:
    async with api.watch(PODS, Accept=TABLE) as watch:
        await api.made(PODS, pod("a"))
        await api.made(PODS, pod("b"))
        first, second = await watch.event(), await watch.event()
    assert [column["name"] for column in first["object"]["columnDefinitions"]][:3] == ["Name", "Ready", "Status"]
    assert not second["object"]["columnDefinitions"]
    row = second["object"]["rows"][0]
    assert row["cells"][:3] == ["b", "0/1", "Pending"]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    assert row["object"]["metadata"]["name"] == "b"


async def test_a_thousand_objects_arrive_whole_and_in_order(api: Api, objects: Objects) -> None:
    names = [f"c{number:04}" for number in range(1000)]
    for name in names:
        objects.create(CONFIG_MAP, {"metadata": {"name": name, "namespace": "main"}, "data": {"x": "y" * 200}})
    async with api.watch(CONFIG_MAPS) as watch:
        assert [(await watch.seen())[1] for _ in names] == names


async def test_a_watcher_that_went_away_is_forgotten(api: Api, objects: Objects) -> None:
    listeners = objects.store._listeners
    async with api.watch(PODS):
        assert len(listeners) == 1
    async with asyncio.timeout(5):
        while listeners:
            await asyncio.sleep(0.01)


async def test_two_watchers_see_the_same_history(api: Api, session: aiohttp.ClientSession) -> None:
    async with api.watch(CONFIG_MAPS) as one, api.watch(CONFIG_MAPS) as other:
        writes = [api.made(CONFIG_MAPS, config_map(f"c{number}")) for number in range(10)]
        await asyncio.gather(*writes)
        seen = [[json.dumps(await watch.event(), sort_keys=True) for _ in range(10)] for watch in (one, other)]
    assert seen[0] == seen[1]
