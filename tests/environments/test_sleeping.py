"""Sleeping, waking and expiring, as commits on a real remote."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from coop_core import yamls
from coop_core.cluster import labels
from coop_core.errors import CoopError
from coop_core.git import deploying, environments, messages
from coop_core.git.repository import COOP
from coop_core.manifests import sleeping
from tests.git.git_scene import Scene, git, request

if TYPE_CHECKING:
    from typing import Any

BRANCH = "refs/heads/env/dev-ada"


def workload(kind: str = "Deployment", name: str = "hello", **spec: Any) -> bytes:
    return yamls.dump({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})


def deploy(scene: Scene, service: str = "hello", replicas: int = 1, **changes: Any) -> str:
    files = {f"deployment-{service}.yaml": workload(name=service, replicas=replicas), "other.yaml": b"kind: X\n"}
    values: dict[str, Any] = {"service": service, "files": files, **changes}
    return deploying.deploy(scene.repository, scene.remote, request(**values)).commit


def tree(scene: Scene, commit: str = BRANCH) -> str:
    return git(scene.bare, "rev-parse", f"{commit}^{{tree}}")


def replicas(scene: Scene, service: str) -> int:
    text = git(scene.bare, "show", f"{BRANCH}:{service}/deployment-{service}.yaml")
    return int(yamls.load(text.encode(), "x")["spec"]["replicas"])


def put_to_sleep(scene: Scene, name: str = "dev-ada") -> environments.Outcome:
    return environments.sleep(scene.repository, scene.remote, name, COOP)


def wake(scene: Scene, name: str = "dev-ada") -> environments.Outcome:
    return environments.wake(scene.repository, scene.remote, name, COOP)


def test_sleeping_is_one_commit_with_zero_replicas_for_every_service(scene: Scene) -> None:
    deploy(scene, replicas=2)
    before = deploy(scene, "web", replicas=3)
    outcome = put_to_sleep(scene)
    assert outcome.is_new
    assert (replicas(scene, "hello"), replicas(scene, "web")) == (0, 0)
    assert git(scene.bare, "rev-parse", f"{BRANCH}^") == before
    assert git(scene.bare, "show", f"{BRANCH}:web/other.yaml") == "kind: X"
    assert outcome.environment.state(time.time()) == "asleep"
    assert outcome.environment.expires_s is None
    assert outcome.environment.services == ("hello", "web")


def test_waking_brings_back_exactly_what_ran_and_both_are_done_once(scene: Scene) -> None:
    deploy(scene, replicas=2)
    deploy(scene, "web", replicas=3)
    ran = tree(scene)
    assert not wake(scene).is_new
    put_to_sleep(scene)
    assert tree(scene) != ran
    assert not put_to_sleep(scene).is_new
    outcome = wake(scene)
    assert (outcome.is_new, tree(scene)) == (True, ran)
    assert outcome.environment.state(time.time()) == "awake"
    assert outcome.environment.expires_s
    assert not wake(scene).is_new


def test_a_deploy_wakes_every_service_of_a_sleeping_environment(scene: Scene) -> None:
    deploy(scene, replicas=2)
    deploy(scene, "web", replicas=3)
    put_to_sleep(scene)
    deploy(scene, replicas=5)
    assert (replicas(scene, "hello"), replicas(scene, "web")) == (5, 3)
    assert not wake(scene).is_new


def test_a_deploy_of_the_very_same_wakes_too(scene: Scene) -> None:
    deploy(scene, replicas=2)
    deploy(scene, "web", replicas=3)
    ran = tree(scene)
    put_to_sleep(scene)
    deploy(scene, replicas=2)
    assert tree(scene) == ran


def test_who_still_thinks_that_the_environment_runs_is_refused_and_wakes_it_on_top(scene: Scene) -> None:
    base = deploy(scene)
    put_to_sleep(scene)
    made = deploying.commit(scene.repository, base, request(files={"a.yaml": b"kind: A\n"}))
    assert made
    with pytest.raises(deploying.Moved):
        deploying.push(scene.repository, scene.remote, "dev-ada", made, base)


def test_a_push_in_between_is_never_lost(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy(scene)
    real_push = deploying.push
    pushed: list[str | None] = []

    def push_after_another(*arguments: Any) -> None:
        if not pushed:
            pushed.append(deploying.commit(scene.repository, arguments[-1], request(service="late")))
            real_push(scene.repository, scene.remote, "dev-ada", pushed[0] or "", arguments[-1])
        real_push(*arguments)

    monkeypatch.setattr(deploying, "push", push_after_another)
    outcome = put_to_sleep(scene)
    assert outcome.environment.head.parents == (pushed[0],)
    assert outcome.environment.services == ("hello", "late")


def test_what_cannot_sleep_is_told_and_what_has_no_replicas_stays_as_it_is() -> None:
    files = {
        "a.yaml": workload("StatefulSet", replicas=2),
        "b.yaml": workload("CronJob", schedule="* * * * *"),
        "c.yaml": workload("DaemonSet", "agent"),
        "d.yaml": b"not: [yaml",
        "e.yaml": b"- a list\n",
        "f.yaml": workload("Deployment", replicas=0),
        "g.yaml": workload("Deployment"),
        "h.yaml": b"kind: Deployment\nmetadata: []\nspec: 1\n",
    }
    changed = {name: yamls.load(text, name) for name, text in sleeping.asleep(files).items()}
    assert set(changed) == {"a.yaml", "b.yaml", "g.yaml"}
    assert (changed["a.yaml"]["spec"]["replicas"], changed["b.yaml"]["spec"]["suspend"]) == (0, True)
    assert changed["g.yaml"]["metadata"]["annotations"] == {labels.ASLEEP: "true"}
    assert sleeping.still_running(files) == ["daemonset/agent"]


def test_an_environment_that_is_not_there_is_named_with_what_to_do(scene: Scene) -> None:
    with pytest.raises(CoopError) as caught:
        put_to_sleep(scene, "dev-nobody")
    assert caught.value.remedy == "list what there is: coop env list"


@pytest.mark.parametrize("name", ["", "dev-", "--all", "dev-../main", "dev-a b", "kube-system", "dev-\x1b[2J"])
def test_a_name_that_no_environment_may_have_never_reaches_git(scene: Scene, name: str) -> None:
    with pytest.raises(CoopError) as caught:
        put_to_sleep(scene, name)
    assert caught.value.remedy == "environments are called main or dev-<user>: coop env list"
    assert str(caught.value).isprintable()


def test_the_list_is_what_the_remote_has_now_with_hostile_branches_left_out(scene: Scene) -> None:
    deploy(scene)
    deploy(scene, environment="main")
    deploy(scene, environment="dev-bob")
    for odd in ("Evil", "dev-$(id)", "kube-system", "dev-x/y"):
        git(scene.bare, "update-ref", f"refs/heads/env/{odd}", BRANCH)
    names = [one.name for one in environments.find_all(scene.repository, scene.remote)]
    assert names == ["main", "dev-ada", "dev-bob"]
    deploying.delete(scene.repository, scene.remote, "dev-bob")
    names = [one.name for one in environments.find_all(scene.repository, scene.remote)]
    assert names == ["main", "dev-ada"]


def test_a_deletion_of_something_else_than_was_seen_is_refused(scene: Scene) -> None:
    seen = deploy(scene)
    newer = deploy(scene, replicas=2)
    with pytest.raises(deploying.Moved):
        deploying.delete(scene.repository, scene.remote, "dev-ada", seen)
    assert git(scene.bare, "rev-parse", BRANCH) == newer
    assert deploying.delete(scene.repository, scene.remote, "dev-ada", newer)


def test_the_users_own_state_is_never_touched(scene: Scene) -> None:
    deploy(scene)
    before = scene.user_state()
    put_to_sleep(scene)
    wake(scene)
    environments.find_all(scene.repository, scene.remote)
    assert scene.user_state() == before
    assert git(scene.work, "fsck", "--strict") == ""


def head_message(scene: Scene, environment: str = "dev-ada") -> str:
    return git(scene.bare, "log", "-1", "--format=%B", f"refs/heads/env/{environment}")


def test_each_deploy_says_when_a_personal_environment_ends_and_main_never_does(scene: Scene) -> None:
    now_s = time.time()
    deploy(scene, lifetime_s=3600.0)
    first_s = messages.expires_s("dev-ada", head_message(scene))
    assert first_s
    assert first_s == pytest.approx(now_s + 3600, abs=60)
    deploy(scene, replicas=2, lifetime_s=7200.0)
    assert messages.expires_s("dev-ada", head_message(scene)) == pytest.approx(now_s + 7200, abs=60)
    deploy(scene, replicas=3, lifetime_s=None)
    assert messages.expires_s("dev-ada", head_message(scene)) is None
    deploy(scene, environment="main")
    assert labels.TRAILER_EXPIRES not in head_message(scene, "main")
    assert messages.expires_s("main", "x\n\nCoop-Expires: 2020-01-01T00:00:00Z\n") is None


def test_what_is_no_time_never_ends_an_environment() -> None:
    for text in ("tomorrow", "", "2020-13-45", "\x1b[2J", "9" * 400, "2020-01-01T00:00:00+99:99"):
        assert messages.expires_s("dev-ada", f"x\n\nCoop-Expires: {text}\n") is None


def test_an_unchanged_service_is_committed_again_before_its_environment_expires(scene: Scene) -> None:
    first = deploy(scene, lifetime_s=1000.0)
    assert deploy(scene, lifetime_s=1000.0) == first
    renewed = deploy(scene, lifetime_s=4000.0)
    assert renewed != first
    assert tree(scene, renewed) == tree(scene, first)
    assert deploy(scene, lifetime_s=4000.0) == renewed


def test_an_expired_environment_wakes_with_a_new_end_and_the_same_content(scene: Scene) -> None:
    deploy(scene, lifetime_s=-10.0)
    ran = tree(scene)
    found = environments.find(scene.repository, scene.remote, "dev-ada")
    assert found
    assert found.state(time.time()) == "expired"
    outcome = wake(scene)
    assert outcome.is_new
    assert outcome.environment.state(time.time()) == "awake"
    assert tree(scene) == ran
