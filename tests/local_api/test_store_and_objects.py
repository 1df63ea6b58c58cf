"""What is kept, over a kill and over a restart; and the order of changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from coop_core.clock import SystemClock
from coop_core.cluster.kinds import CONFIG_MAP, DEPLOYMENT, NAMESPACE, SERVICE
from coop_core.local import store as stores
from coop_core.local.objects import (
    AlreadyExists,
    Conflict,
    Invalid,
    Malformed,
    NamespaceEnding,
    NotFound,
    Objects,
)
from coop_core.local.store import Expired, Store

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw


def in_main(name: str, **data: str) -> Raw:
    return {"metadata": {"name": name, "namespace": "main"}, "data": data}


def test_every_acknowledged_write_survives_a_kill(tmp_path: Path) -> None:
    script = Path(__file__).with_name("kept_writes.py")
    last_revision = 0
    acknowledged: dict[str, str] = {}
    for _ in range(3):
        process = subprocess.Popen([sys.executable, script, tmp_path], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        with process.stdout:
            lines = [process.stdout.readline() for _ in range(300)]
            process.kill()
            lines += process.stdout.read().splitlines(keepends=True)
        process.wait()
        for line in lines:
            if line.endswith("\n"):  # the last one may have been cut off
                last_revision = read(line, acknowledged)
        check_kept(tmp_path, acknowledged, last_revision)


def read(line: str, acknowledged: dict[str, str]) -> int:
    name, number, revision = line.split()
    acknowledged[name] = number
    return int(revision)


def check_kept(folder: Path, acknowledged: dict[str, str], last_revision: int) -> None:
    """At most the one write that was under way may be there without having been acknowledged."""
    store = Store(folder / "objects.db")
    kept = {found["metadata"]["name"]: found["data"]["n"] for found in store.objects(CONFIG_MAP)}
    differing = [name for name, number in acknowledged.items() if kept.get(name, "-") != number]
    assert len(differing) <= 1
    assert last_revision <= store.revision <= last_revision + 1
    store.close()


def test_the_changes_kept_for_watches_are_bounded_by_weight_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "HISTORY_BYTES", 10_000)
    store = Store(tmp_path / "objects.db")
    first = store.revision
    for number in range(30):
        store.put(CONFIG_MAP, in_main("a", text=f"{number}" * 1000))
        kept = list(store.changes(store.oldest_revision))
        assert sum(len(change.encoded) for change in kept) <= 2 * 10_000
        assert kept[-1].revision == store.revision
    with pytest.raises(Expired):
        list(store.changes(first))
    store.put(CONFIG_MAP, in_main("a", text="x" * 50_000))
    assert [change.revision for change in store.changes(store.revision - 1)] == [store.revision]
    store.close()


def test_a_restart_brings_back_the_same_objects_and_never_an_older_revision(tmp_path: Path) -> None:
    store = Store(tmp_path / "objects.db")
    objects = Objects(store, SystemClock())
    kept = objects.create(CONFIG_MAP, in_main("a", x="1"))
    objects.create(CONFIG_MAP, in_main("b"))
    objects.delete(CONFIG_MAP, "main", "b")
    revision = store.revision
    store.close()
    again = Store(tmp_path / "objects.db")
    assert again.objects(CONFIG_MAP) == [kept]
    assert again.revision == revision
    with pytest.raises(Expired):
        next(again.changes(revision - 1))
    assert list(again.changes(revision)) == []
    again.close()


def test_a_change_carries_the_json_that_is_on_disk(objects: Objects) -> None:
    before = objects.store.revision
    objects.create(CONFIG_MAP, in_main("a", x="1"))
    objects.delete(CONFIG_MAP, "main", "a")
    added, deleted = objects.store.changes(before)
    assert (added.type, deleted.type) == ("ADDED", "DELETED")
    assert b'"x":"1"' in added.encoded
    assert f'"resourceVersion":"{deleted.revision}"'.encode() in deleted.encoded


def test_a_service_gets_an_address_of_its_own_and_keeps_it(objects: Objects) -> None:
    ports = {"spec": {"ports": [{"port": 80}]}}
    one = objects.create(SERVICE, {"metadata": {"name": "one", "namespace": "main"}, **ports})
    two = objects.create(SERVICE, {"metadata": {"name": "two", "namespace": "main"}, **ports})
    assert one["spec"]["clusterIP"] != two["spec"]["clusterIP"]
    updated = objects.update(SERVICE, {"metadata": {"name": "one", "namespace": "main"}, **ports})
    assert updated == one
    with pytest.raises(Invalid, match="may not change once set"):
        spec: Raw = {**ports["spec"], "clusterIP": "10.96.0.1"}
        objects.update(SERVICE, {"metadata": {"name": "one", "namespace": "main"}, "spec": spec})


def test_a_namespace_stays_until_its_content_is_gone(objects: Objects) -> None:
    objects.delete(NAMESPACE, "", "main")
    with pytest.raises(NamespaceEnding):
        objects.create(CONFIG_MAP, in_main("late"))
    ending = objects.get(NAMESPACE, "", "main")
    assert ending["status"]["phase"] == "Terminating"
    objects.update(NAMESPACE, {**ending, "spec": {"finalizers": []}})
    assert objects.find(NAMESPACE, "", "main") is None


def test_values_of_the_wrong_type_are_refused_before_anything_reads_them(objects: Objects) -> None:
    where = {"metadata": {"name": "a", "namespace": "main"}}
    wrong: tuple[Any, ...] = (
        {"template": []},
        {"replicas": 1.5},
        {"selector": {"matchLabels": {"a": 1}}},
        "text",
    )
    for spec in wrong:
        with pytest.raises(Malformed, match=r"cannot be handled as a Deployment: .*\$\.spec"):
            objects.create(DEPLOYMENT, {**where, "spec": spec})


class AgainstAModel(RuleBasedStateMachine):
    """Objects against a plain dict: the same writes succeed, and revisions only grow."""

    names = st.sampled_from(["a", "b"])

    def __init__(self) -> None:
        super().__init__()
        self.objects = Objects(Store(Path(":memory:")), SystemClock())
        self.model: dict[str, Raw] = {}
        self.first = self.objects.store.revision

    def teardown(self) -> None:
        self.objects.store.close()

    @rule(name=names, value=st.sampled_from("xyz"), finalizers=st.sampled_from([[], ["f/f"]]))
    def create(self, name: str, value: str, finalizers: list[str]) -> None:
        body = in_main(name, v=value)
        body["metadata"]["finalizers"] = finalizers
        if name in self.model:
            with pytest.raises(AlreadyExists):
                self.objects.create(CONFIG_MAP, body)
        else:
            self.model[name] = self.objects.create(CONFIG_MAP, body)

    @rule(name=names, value=st.sampled_from("xyz"))
    def update(self, name: str, value: str) -> None:
        if name not in self.model:
            with pytest.raises(NotFound):
                self.objects.update(CONFIG_MAP, in_main(name, v=value))
            return
        body = {**self.model[name], "data": {"v": value}}
        self.model[name] = self.objects.update(CONFIG_MAP, body)

    @precondition(lambda self: self.model)
    @rule(value=st.sampled_from("xyz"))
    def stale_update(self, value: str) -> None:
        _name, body = next(iter(self.model.items()))
        stale = {**body["metadata"], "resourceVersion": str(int(body["metadata"]["resourceVersion"]) - 1)}
        with pytest.raises(Conflict):
            self.objects.update(CONFIG_MAP, {**body, "metadata": stale, "data": {"v": value}})

    @rule(name=names)
    def delete(self, name: str) -> None:
        if name not in self.model:
            with pytest.raises(NotFound):
                self.objects.delete(CONFIG_MAP, "main", name)
            return
        left = self.objects.delete(CONFIG_MAP, "main", name)
        if self.model[name]["metadata"].get("finalizers"):
            self.model[name] = left
        else:
            del self.model[name]

    @rule(name=names)
    def release(self, name: str) -> None:
        if name not in self.model:
            return
        body = self.model[name]
        was_ending = "deletionTimestamp" in body["metadata"]
        left = self.objects.update(CONFIG_MAP, {**body, "metadata": {**body["metadata"], "finalizers": []}})
        if was_ending:
            del self.model[name]
        else:
            self.model[name] = left

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        found = {body["metadata"]["name"]: body for body in self.objects.select(CONFIG_MAP)}
        assert found == self.model

    @invariant()
    def the_log_replays_to_the_same_state(self) -> None:
        replayed: dict[str, Raw] = {}
        last = self.first
        for change in self.objects.store.changes(self.first):
            assert change.revision == last + 1
            last = change.revision
            name = change.key[3]
            assert (change.type == "ADDED") is (name not in replayed)
            if change.type == "DELETED":
                del replayed[name]
            else:
                replayed[name] = change.object
        assert replayed == self.model
        assert last == self.objects.store.revision


AgainstAModel.TestCase.settings = settings(max_examples=40, stateful_step_count=20)
TestAgainstAModel = AgainstAModel.TestCase
