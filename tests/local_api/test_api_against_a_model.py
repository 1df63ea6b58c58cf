"""The API server against a model of it: whatever is done to it, and killed in the middle, the two agree.

The model is a dictionary and the history of its changes. What was acknowledged must be there after a kill; the one
write that was under way may be there or not, and nothing else may have happened.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from coop_core.local import tls
from coop_core.local.tokens import MASTERS, Identity, Tokens

if TYPE_CHECKING:
    from http.client import HTTPResponse

    from coop_core.cluster.kinds import Raw

CONFIG_MAPS = "/api/v1/namespaces/main/configmaps"
NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
VALUES = st.sampled_from(["1", "2", "3"])
MERGE = "application/merge-patch+json"
PATIENCE_S = 20


class Server:
    """A server in a process of its own, and a way to talk to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._context = tls.ensure(folder).client_context()
        self._token = Tokens.ensure(folder).token_for(Identity("admin", (MASTERS,)))
        self._start()

    def _start(self) -> None:
        script = Path(__file__).with_name("killable_server.py")
        environment = {"PYTHONPATH": str(script.parents[2])}
        command = [sys.executable, str(script), str(self.folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            self._port = int(lines.readline())

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        self._start()

    def asked(self, method: str, path: str, body: Any = None, media: str = "application/json") -> HTTPSConnection:
        """A connection on which a request has gone out and nothing was read yet."""
        connection = HTTPSConnection("127.0.0.1", self._port, context=self._context, timeout=PATIENCE_S)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": media}
        connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
        return connection

    def send(self, method: str, path: str, body: Any = None, media: str = "application/json") -> tuple[int, Any]:
        connection = self.asked(method, path, body, media)
        try:
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


@dataclass
class Model:
    """What there should be. history: (revision, type, name, value) of every change."""

    values: dict[str, str] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    history: list[tuple[int, str, str, str]] = field(default_factory=list)
    kept_from: int = 0
    """Watches may start from here on."""

    def changed(self, type_: str, name: str, value: str, revision: int) -> None:
        assert not self.history or revision > self.history[-1][0]
        self.history.append((revision, type_, name, value))
        if type_ == "DELETED":
            del self.values[name], self.revisions[name]
        else:
            self.values[name], self.revisions[name] = value, revision


def config_map(name: str, value: str, **metadata: str) -> Raw:
    return {"metadata": {"name": name, **metadata}, "data": {"v": value}}


def revision_of(body: Raw) -> int:
    return int(body["metadata"]["resourceVersion"])


class Machine(RuleBasedStateMachine):
    server: Server

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.was_killed = False
        code, listed = self.server.send("GET", CONFIG_MAPS)
        assert code == 200
        for body in listed["items"]:  # of the example before
            assert self.server.send("DELETE", f"{CONFIG_MAPS}/{body['metadata']['name']}")[0] == 200
        self.model.kept_from = revision_of(self.server.send("GET", CONFIG_MAPS)[1])

    @rule(name=NAMES, value=VALUES)
    def create(self, name: str, value: str) -> None:
        code, body = self.server.send("POST", CONFIG_MAPS, config_map(name, value))
        assert code == (409 if name in self.model.values else 201), body
        if code == 201:
            self.model.changed("ADDED", name, value, revision_of(body))

    @rule(name=NAMES, value=VALUES, is_stale=st.booleans())
    def update(self, name: str, value: str, is_stale: bool) -> None:
        known = self.model.revisions.get(name, 1)
        claimed = config_map(name, value, resourceVersion=str(known - 1 if is_stale else known))
        code, body = self.server.send("PUT", f"{CONFIG_MAPS}/{name}", claimed)
        if name not in self.model.values:
            assert code == 404
        elif is_stale:
            assert code == 409
        else:
            self._expect_change(code, body, name, value)

    @rule(name=NAMES, value=VALUES)
    def patch(self, name: str, value: str) -> None:
        code, body = self.server.send("PATCH", f"{CONFIG_MAPS}/{name}", {"data": {"v": value}}, MERGE)
        if name not in self.model.values:
            assert code == 404
        else:
            self._expect_change(code, body, name, value)

    def _expect_change(self, code: int, body: Raw, name: str, value: str) -> None:
        assert (code, body["data"]) == (200, {"v": value})
        if value != self.model.values[name]:
            self.model.changed("MODIFIED", name, value, revision_of(body))

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        code, _ = self.server.send("DELETE", f"{CONFIG_MAPS}/{name}")
        assert code == (200 if name in self.model.values else 404)
        if code == 200:
            gone_at = revision_of(self.server.send("GET", CONFIG_MAPS)[1])
            self.model.changed("DELETED", name, self.model.values[name], gone_at)

    @rule(name=NAMES, value=VALUES)
    def only_try(self, name: str, value: str) -> None:
        self.server.send("PATCH", f"{CONFIG_MAPS}/{name}?dryRun=All", {"data": {"v": value}}, MERGE)
        self.server.send("POST", f"{CONFIG_MAPS}?dryRun=All", config_map(name, value))
        self.server.send("DELETE", f"{CONFIG_MAPS}/{name}?dryRun=All")

    @rule(name=NAMES, value=VALUES)
    def list_in_parts_while_something_changes(self, name: str, value: str) -> None:
        expected = dict(self.model.values)
        seen: dict[str, str] = {}
        code, part = self.server.send("GET", f"{CONFIG_MAPS}?limit=2")
        assert code == 200
        self.patch(name, value)
        while True:
            seen |= {body["metadata"]["name"]: body["data"]["v"] for body in part["items"]}
            token = part["metadata"].get("continue")
            if not token:
                break
            code, part = self.server.send("GET", f"{CONFIG_MAPS}?limit=2&continue={token}")
            assert code == 200
        assert seen == expected

    @rule(which=st.integers(0, 30))
    def watch_from_any_version(self, which: int) -> None:
        # Not drawn from the versions themselves: how many there are depends on what a kill let through.
        versions = [self.model.kept_from - 1, *(one[0] for one in self.model.history)]
        since = versions[which % len(versions)]
        connection = self.server.asked("GET", f"{CONFIG_MAPS}?watch=1&resourceVersion={since}")
        try:
            response = connection.getresponse()
            if since < self.model.kept_from and self.was_killed:
                event = self._event(response)
                assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
            elif since >= self.model.kept_from:
                expected = [change for change in self.model.history if change[0] > since]
                assert [self._change(self._event(response)) for _ in expected] == expected
        finally:
            connection.close()

    @staticmethod
    def _event(response: HTTPResponse) -> Raw:
        event: Raw = json.loads(response.readline())
        return event

    @staticmethod
    def _change(event: Raw) -> tuple[int, str, str, str]:
        body = event["object"]
        return revision_of(body), event["type"], body["metadata"]["name"], body["data"]["v"]

    @precondition(lambda self: not self.was_killed)
    @rule(name=NAMES, value=VALUES)
    def kill_in_the_middle_of_a_write(self, name: str, value: str) -> None:
        body = {"data": {"v": value}} if name in self.model.values else config_map(name, value)
        method, path = ("PATCH", f"{CONFIG_MAPS}/{name}") if name in self.model.values else ("POST", CONFIG_MAPS)
        connection = self.server.asked(method, path, body, MERGE if method == "PATCH" else "application/json")
        self.server.kill()
        try:
            was_acknowledged = connection.getresponse().status < 300
        except (OSError, HTTPException):
            was_acknowledged = False
        connection.close()
        self.server.restart()
        self.was_killed = True
        listed = self.server.send("GET", CONFIG_MAPS)[1]
        found = {one["metadata"]["name"]: one for one in listed["items"]}
        is_there = name in found and found[name]["data"]["v"] == value
        assert is_there or not was_acknowledged
        if is_there and self.model.values.get(name) != value:
            type_ = "MODIFIED" if name in self.model.values else "ADDED"
            self.model.changed(type_, name, value, revision_of(found[name]))
        self.model.kept_from = revision_of(listed)

    @invariant()
    def the_server_has_what_the_model_has(self) -> None:
        code, listed = self.server.send("GET", CONFIG_MAPS)
        found = {body["metadata"]["name"]: (body["data"]["v"], revision_of(body)) for body in listed["items"]}
        expected = {name: (value, self.model.revisions[name]) for name, value in self.model.values.items()}
        assert (code, found) == (200, expected)
        assert not self.model.history or revision_of(listed) >= self.model.history[-1][0]


def test_the_server_and_its_model_agree_over_kills() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Machine.server = Server(Path(folder))
        try:
            case = settings(
                max_examples=15,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            )
            run_state_machine_as_test(Machine, settings=case)
        finally:
            Machine.server.kill()
