"""Lists in parts: one moment over all parts, and what happens when that moment is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coop_core.cluster.kinds import CONFIG_MAP
from coop_core.local import store as stores
from tests.local_api.api_client import CONFIG_MAPS, TABLE, Answer, Api, config_map

if TYPE_CHECKING:
    from coop_core.local.objects import Objects


def names(answer: Answer) -> list[str]:
    return [item["metadata"]["name"] for item in answer.json["items"]]


async def made(api: Api, *wanted: str) -> None:
    for name in wanted:
        await api.made(CONFIG_MAPS, config_map(name, n="1"))


async def test_a_list_in_parts_is_of_one_moment_whatever_happens_meanwhile(api: Api) -> None:
    await made(api, "a", "b", "d", "e")
    first = await api.get(f"{CONFIG_MAPS}?limit=2")
    assert names(first) == ["a", "b"]
    metadata = first.json["metadata"]
    assert metadata["remainingItemCount"] == 2
    await made(api, "c")
    await api.delete(f"{CONFIG_MAPS}/d")
    await api.patch(f"{CONFIG_MAPS}/e", {"data": {"n": "2"}})
    last = await api.get(f"{CONFIG_MAPS}?limit=2&continue={metadata['continue']}")
    assert [(item["metadata"]["name"], item["data"]["n"]) for item in last.json["items"]] == [
        ("d", "1"),
        ("e", "1"),
    ]
    assert last.json["metadata"] == {"resourceVersion": metadata["resourceVersion"]}
    assert names(await api.get(CONFIG_MAPS)) == ["a", "b", "c", "e"]


async def test_parts_keep_to_their_selector_and_do_not_count_what_is_left(api: Api) -> None:
    for name in ("a", "b", "c", "d"):
        body = config_map(name)
        body["metadata"]["labels"] = {"odd": str(name in "ac").lower()}
        await api.made(CONFIG_MAPS, body)
    first = await api.get(f"{CONFIG_MAPS}?limit=1&labelSelector=odd%3Dtrue")
    assert names(first) == ["a"]
    assert "remainingItemCount" not in first.json["metadata"]
    query = f"limit=1&labelSelector=odd%3Dtrue&continue={first.json['metadata']['continue']}"
    last = await api.get(f"{CONFIG_MAPS}?{query}")
    assert (names(last), "continue" in last.json["metadata"]) == (["c"], False)


async def test_a_table_comes_in_parts_too(api: Api) -> None:
    await made(api, "a", "b")
    first = await api.get(f"{CONFIG_MAPS}?limit=1", Accept=TABLE)
    assert [row["cells"][0] for row in first.json["rows"]] == ["a"]
    token = first.json["metadata"]["continue"]
    last = await api.get(f"{CONFIG_MAPS}?limit=1&continue={token}", Accept=TABLE)
    assert [row["cells"][0] for row in last.json["rows"]] == ["b"]


async def test_an_expired_token_is_a_410_with_a_token_to_go_on_with(
    api: Api, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "HISTORY", 5)
    await made(api, "a", "b", "c")
    token = (await api.get(f"{CONFIG_MAPS}?limit=1")).json["metadata"]["continue"]
    for number in range(20):
        objects.update(CONFIG_MAP, {"metadata": {"name": "a", "namespace": "main"}, "data": {"n": str(number)}})
    expired = await api.get(f"{CONFIG_MAPS}?limit=1&continue={token}")
    assert (expired.code, expired.json["reason"]) == (410, "Expired")
    further = await api.get(f"{CONFIG_MAPS}?limit=1&continue={expired.json['metadata']['continue']}")
    assert (further.code, names(further)) == (200, ["b"])


async def test_an_exact_revision_is_the_state_of_then(api: Api) -> None:
    await made(api, "a")
    then = (await api.get(CONFIG_MAPS)).json["metadata"]["resourceVersion"]
    await made(api, "b")
    await api.delete(f"{CONFIG_MAPS}/a")
    listed = await api.get(f"{CONFIG_MAPS}?resourceVersion={then}&resourceVersionMatch=Exact")
    assert (names(listed), listed.json["metadata"]["resourceVersion"]) == (["a"], then)
    assert names(await api.get(f"{CONFIG_MAPS}?resourceVersion={then}&resourceVersionMatch=NotOlderThan")) == ["b"]


@pytest.mark.parametrize("token", ["abc", "W10", "%00", "WzEsMiwzXQ", "bnVsbA"])
async def test_what_is_no_token_is_refused(api: Api, token: str) -> None:
    assert (await api.get(f"{CONFIG_MAPS}?limit=1&continue={token}")).code == 400


async def test_a_token_goes_with_no_revision(api: Api) -> None:
    await made(api, "a", "b")
    token = (await api.get(f"{CONFIG_MAPS}?limit=1")).json["metadata"]["continue"]
    assert (await api.get(f"{CONFIG_MAPS}?limit=1&continue={token}&resourceVersion=1")).code == 400
