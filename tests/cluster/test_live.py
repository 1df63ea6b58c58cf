from __future__ import annotations

from typing import Any

import pytest

from coop_core.cluster.live import Deploy, Failed, Live, Waiting, assess
from tests.cluster.objects import COMMIT, OLD_COMMIT, OLD_SOURCE, SOURCE, application, deployment, pod, replica_set

SETS = [replica_set(1), replica_set(2)]
ROLLING: dict[str, Any] = {"updatedReplicas": 1, "replicas": 2, "availableReplicas": 1}


def verdict(app: Any = None, dep: Any = None, pods: Any = None, commit: Any = COMMIT, **more: Any) -> Any:
    return assess(
        app or application(), dep or deployment(), SETS, pods if pods is not None else [pod()], commit, **more
    )


def test_it_is_live_when_synced_at_the_commit_and_rolled_out_with_ready_pods() -> None:
    assert verdict() == Live(ready=1)


def test_nothing_weaker_is_live() -> None:
    assert verdict(application(OLD_COMMIT)) == Waiting(
        "the application is at bbbbbbb, this deploy is ccccccc", "sync"
    )
    assert verdict(application(sync="OutOfSync")) == Waiting("the application is OutOfSync", "sync")
    assert verdict(application(phase="Running", sync="OutOfSync")) == Waiting("syncing", "operation")
    assert verdict({**application(), "operation": {}} | {"operation": {"sync": {}}}).on == "operation"
    assert verdict(application(operationState=None)).on == "operation"
    assert verdict(dep=deployment(generation=3)).on == "rollout"
    assert verdict(dep=deployment(updatedReplicas=0)).reason.startswith("0 of 1 new pods made")
    assert verdict(dep=deployment(**ROLLING)).reason.startswith("1 old pod still to stop")
    assert verdict(dep=deployment(availableReplicas=0)).reason.startswith("0 of 1 new pods ready")
    assert verdict(pods=[]) == Waiting("0 of 1 pods of the new version seen ready", "pods")
    assert verdict(pods=[pod(1)]).on == "pods"
    assert verdict(pods=[{**pod(), "metadata": {**pod()["metadata"], "deletionTimestamp": "x"}}]).on == "pods"
    assert assess(None, None, [], [], COMMIT).on == "application"  # type: ignore[union-attr]  # not Live


def test_an_old_deployment_seen_a_moment_too_early_is_not_taken_for_the_new_one() -> None:
    old = deployment(revision=1, source=OLD_SOURCE)
    seen_early = assess(application(), old, SETS, [pod(1)], Deploy(COMMIT, SOURCE))
    assert seen_early == Waiting("waiting for the deployment to take the new version", "rollout")


def test_a_later_commit_on_the_branch_proves_as_much() -> None:
    later = "d" * 40
    assert isinstance(verdict(application(later), commit=Deploy(COMMIT)), Waiting)
    assert verdict(application(later), commit=Deploy(COMMIT, later=frozenset({later}))) == Live(1)


def test_a_commit_that_changed_nothing_is_live_without_an_operation_of_its_own() -> None:
    app = application()
    app["status"]["operationState"]["syncResult"]["revision"] = OLD_COMMIT
    assert verdict(app) == Live(1)


@pytest.mark.parametrize(
    ("container", "reason", "detail", "previous"),
    [
        (
            {"state": {"terminated": {"exitCode": 1, "message": "no module named app"}}},
            "the program ended", "exit code 1: no module named app", False,
        ),
        (
            {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 3}}},
            "the program crashes again and again", "exit code 3", True,
        ),
        (
            {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 0}}},
            "the program ends again and again", "exit code 0", True,
        ),
        (
            {"state": {"waiting": {"reason": "ErrImagePull", "message": "gone"}},
             "lastState": {"terminated": {"exitCode": 137}}},
            "the image cannot be fetched", "gone", False,
        ),
        (
            {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}},
            "the image cannot be fetched", "no such image", False,
        ),
        (
            {"state": {"waiting": {"reason": "CreateContainerConfigError", "message": 'configmap "x" not found'}}},
            "the container's configuration is wrong", 'configmap "x" not found', False,
        ),
        (
            {"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}},
            "the program ended", "it used more memory than it may", False,
        ),
    ],
)  # fmt: skip
def test_a_container_that_cannot_recover_fails_the_deploy_and_names_its_log(
    container: Any, reason: str, detail: str, previous: bool
) -> None:
    rolling = deployment(**ROLLING)
    broken = pod(ready=False, **container)
    failed = Failed(reason, detail, "web-2-x", "web", previous, may_be_old="image" in reason)
    assert verdict(dep=rolling, pods=[pod(1), broken]) == failed
    # The same in the old version is not this deploy's fault.
    assert isinstance(verdict(dep=rolling, pods=[pod(1, ready=False, **container), pod(ready=False)]), Waiting)
    # Nor is it when the platform has not seen the new template yet.
    assert isinstance(verdict(dep=deployment(generation=3), pods=[broken]), Waiting)


def test_starting_up_is_waiting() -> None:
    starting = pod(ready=False, state={"waiting": {"reason": "ContainerCreating"}})
    assert isinstance(verdict(dep=deployment(**ROLLING), pods=[starting]), Waiting)


def test_while_it_waits_for_readiness_it_says_why() -> None:
    rolling, unready = deployment(availableReplicas=0), pod(ready=False)
    assert verdict(dep=rolling, pods=[unready]) == Waiting(
        "0 of 1 new pods ready: containers with unready status: [web]", "pods"
    )
    event = {
        "reason": "Unhealthy",
        "involvedObject": {"uid": "u-web-2-x"},
        "message": "Readiness probe failed: HTTP probe failed with statuscode: 500",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    assert "statuscode: 500" in verdict(dep=rolling, pods=[unready], events=[event]).reason


def test_a_missed_deadline_fails_with_the_readiness_message() -> None:
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "slow"}
    failed = verdict(dep=deployment(availableReplicas=0, conditions=[condition]), pods=[pod(ready=False)])
    assert failed == Failed(
        "the new version did not become ready in time", "containers with unready status: [web]", "web-2-x", "web"
    )


def test_a_failed_sync_fails_with_the_resource_that_was_refused() -> None:
    app = application(phase="Failed", sync="OutOfSync")
    refused = {"kind": "Service", "name": "web", "status": "SyncFailed", "message": "port is \x1b[31minvalid"}
    app["status"]["operationState"]["syncResult"]["resources"] = [refused]
    assert verdict(app) == Failed("the sync failed", "Service web: port is invalid")


def test_conditions_fail_the_deploy_they_are_about_and_no_other() -> None:
    def with_condition(kind: str, message: str, revision: str) -> Any:
        return application(revision, conditions=[{"type": kind, "message": message}])

    assert verdict(with_condition("InvalidSpecError", "not permitted", OLD_COMMIT)).detail == "not permitted"
    assert isinstance(verdict(with_condition("ComparisonError", "bad yaml", COMMIT)), Failed)
    assert isinstance(verdict(with_condition("ComparisonError", "git is away", "")), Waiting)
    about_another = with_condition("SyncError", f"Failed last sync attempt to [{OLD_COMMIT}]", OLD_COMMIT)
    assert isinstance(verdict(about_another), Waiting)
    assert isinstance(
        verdict(with_condition("SyncError", f"Failed last sync attempt to [{COMMIT}]", COMMIT)), Failed
    )


def test_a_failed_operation_of_the_commit_before_is_not_this_deploys_failure() -> None:
    assert isinstance(verdict(application(OLD_COMMIT, phase="Failed", sync="OutOfSync")), Waiting)


def test_a_service_without_a_deployment_is_live_when_healthy() -> None:
    app = application(resources=[{"kind": "ConfigMap", "name": "x"}])
    assert assess(app, None, [], [], COMMIT) == Live()
    app["status"]["health"] = {"status": "Degraded", "message": "broken"}
    assert assess(app, None, [], [], COMMIT) == Failed("the application is degraded", "broken")
    assert assess(application(), None, [], [], COMMIT) == Waiting("waiting for the deployment", "rollout")


def test_a_sleeping_environment_is_live_with_no_pods() -> None:
    asleep = deployment(replicas=0, updatedReplicas=0, availableReplicas=0)
    asleep["spec"]["replicas"] = 0
    assert verdict(dep=asleep, pods=[]) == Live(0)


@pytest.mark.parametrize(
    ("ours", "is_same"),
    [
        ("git@git.example.org:team/hello.git", True),
        ("ssh://git@git.example.org:22/team/hello", True),
        ("https://ada:token@GIT.example.org/team/hello.git/", True),
        ("", True),
        ("https://git.example.org/ada/hello.git", False),
        ("/home/ada/hello.git", False),
    ],
)
def test_an_application_of_another_repository_is_told_as_such(ours: str, *, is_same: bool) -> None:
    other = {**application(OLD_COMMIT), "spec": {"source": {"repoURL": "https://git.example.org/team/hello.git"}}}
    waits = verdict(other, commit=Deploy(COMMIT, repository=ours))
    assert isinstance(waits, Waiting)
    told = "of another repository, https://git.example.org/team/hello.git"
    assert (told in waits.reason) is not is_same
