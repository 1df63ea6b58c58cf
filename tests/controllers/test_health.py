from __future__ import annotations

from typing import Any

import pytest

from coop_core.cluster import health
from coop_core.cluster.health import Health


def deployment(status: Any, *, generation: int = 1, **spec: Any) -> Any:
    return {"kind": "Deployment", "metadata": {"generation": generation}, "spec": spec, "status": status}


EARLY, LATE = "2024-03-01T12:00:00Z", "2024-03-01T12:10:00Z"
DONE = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (deployment(DONE), "Healthy"),
        (deployment(DONE, paused=True), "Suspended"),
        (deployment(DONE, generation=2), "Progressing"),
        (deployment({**DONE, "updatedReplicas": 0}), "Progressing"),
        (deployment({**DONE, "replicas": 2}), "Progressing"),
        (deployment({**DONE, "availableReplicas": 0}), "Progressing"),
        (
            deployment({**DONE, "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]}),
            "Degraded",
        ),
        ({"kind": "Service", "spec": {"type": "ClusterIP"}}, "Healthy"),
        ({"kind": "Service", "spec": {"type": "LoadBalancer"}}, "Progressing"),
        ({"kind": "Ingress", "status": {}}, "Progressing"),
        ({"kind": "Ingress", "status": {"loadBalancer": {"ingress": [{"hostname": "localhost"}]}}}, "Healthy"),
        ({"kind": "Pod", "spec": {"restartPolicy": "Always"}, "status": {"phase": "Pending"}}, "Progressing"),
        ({"kind": "Pod", "spec": {"restartPolicy": "Never"}, "status": {"phase": "Failed"}}, "Degraded"),
        ({"kind": "Pod", "metadata": {"deletionTimestamp": "x"}}, "Progressing"),
        ({"kind": "Job", "status": {"conditions": [{"type": "Complete", "status": "True"}]}}, "Healthy"),
        ({"kind": "Job", "status": {"conditions": [{"type": "Failed", "status": "True"}]}}, "Degraded"),
        ({"kind": "Job", "status": {"conditions": [{"type": "Suspended", "status": "True"}]}}, "Suspended"),
        ({"kind": "CronJob", "spec": {"suspend": True}}, "Suspended"),
        ({"kind": "CronJob", "status": {}}, "Healthy"),
        ({"kind": "CronJob", "status": {"lastScheduleTime": LATE, "lastSuccessfulTime": EARLY}}, "Degraded"),
        ({"kind": "CronJob", "status": {"lastScheduleTime": EARLY, "lastSuccessfulTime": LATE}}, "Healthy"),
        ({"kind": "StatefulSet", "spec": {"replicas": 1}}, "Progressing"),
        ({"kind": "StatefulSet", "spec": {"replicas": 1}, "status": {"observedGeneration": 1}}, "Progressing"),
        (
            {
                "kind": "StatefulSet",
                "spec": {"replicas": 1},
                "status": {"observedGeneration": 1, "readyReplicas": 1},
            },
            "Healthy",
        ),
        ({"kind": "StatefulSet", "spec": "x", "status": {"observedGeneration": 1}}, "Unknown"),
        ({"kind": "DaemonSet", "status": {"desiredNumberScheduled": 1}}, "Progressing"),
        ({"kind": "DaemonSet", "status": {}}, "Healthy"),
        ({"kind": "PersistentVolumeClaim", "status": {"phase": "Pending"}}, "Progressing"),
        ({"kind": "HorizontalPodAutoscaler", "status": {}}, "Progressing"),
        ({"kind": "APIService", "status": {"conditions": [{"type": "Available", "status": "True"}]}}, "Healthy"),
    ],
)
def test_health_is_what_argo_cd_calls_it(body: Any, word: str) -> None:
    found = health.of(body)
    assert found is not None
    assert found.status == word


def test_a_container_in_back_off_is_degraded_with_its_message() -> None:
    waiting = {"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}}
    status = {"phase": "Running", "containerStatuses": [waiting]}
    pod = {"kind": "Pod", "spec": {"restartPolicy": "Always"}, "status": status}
    assert health.of(pod) == Health("Degraded", "back-off 10s")


def test_a_kind_without_a_rule_has_no_health() -> None:
    assert health.of({"kind": "ConfigMap"}) is None
    assert health.of({"apiVersion": "serving.example.org/v1", "kind": "Service"}) is None


def test_the_worst_counts_and_nothing_is_healthy() -> None:
    assert health.worst([Health("Healthy"), None, Health("Degraded", "x"), Health("Progressing")]).message == "x"
    assert health.worst([]) == Health("Healthy")


def test_an_application_is_missing_only_when_all_of_it_is() -> None:
    config = {"kind": "ConfigMap", "metadata": {}}
    assert health.application([(None, True), (None, True)]).status == "Missing"
    assert health.application([(None, True), (config, True)]).status == "Healthy"
