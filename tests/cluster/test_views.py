from __future__ import annotations

from typing import Any

from coop_core.clock import parse_rfc3339
from coop_core.cluster import labels
from coop_core.cluster.views import Objects, ServiceView, services
from tests.cluster.objects import OLD_SOURCE, application, deployment, pod, replica_set

READY_AT_S = parse_rfc3339("2026-01-01T00:00:00Z") or 0.0
INGRESS = {
    "metadata": {"name": "web", "namespace": "dev-ada", "labels": {labels.NAME: "web"}},
    "spec": {"rules": [{"host": "web.dev-ada.localhost"}]},
}


def row(pods: Any = None, dep: Any = None, app: Any = None) -> ServiceView:
    seen = Objects(
        [app or application()], [dep or deployment()], [replica_set(1), replica_set(2)],
        pods if pods is not None else [pod()], [INGRESS],
    )  # fmt: skip
    (only,) = services(seen, now_s=READY_AT_S + 90, base_url=lambda host: f"http://{host}:4780")
    return only


def test_a_service_that_runs_well() -> None:
    seen = row()
    assert (seen.environment, seen.service, seen.version) == ("dev-ada", "web", "5555555")
    assert (seen.sync, seen.health, seen.ready, seen.wanted) == ("Synced", "Healthy", 1, 1)
    assert (seen.age_s, seen.url, seen.message) == (90.0, "http://web.dev-ada.localhost:4780", "")
    assert not seen.is_rolling
    assert [(one.name, one.container, one.is_current) for one in seen.pods] == [("web-2-x", "web", True)]


def test_while_rolling_the_old_version_serves_and_the_new_one_is_named() -> None:
    rolling = deployment(replicas=2, availableReplicas=1)
    seen = row([pod(1, source=OLD_SOURCE), pod(ready=False)], rolling)
    assert (seen.version, seen.next_version, seen.is_rolling) == ("4444444", "5555555", True)
    assert seen.message == "containers with unready status: [web]"
    assert [one.is_current for one in seen.pods] == [True, False]


def test_a_crash_is_the_cause_that_is_shown() -> None:
    crashed = pod(ready=False, state={"terminated": {"exitCode": 1, "message": "boom\n\x1b]0;owned\x07"}})
    seen = row([pod(1, source=OLD_SOURCE), crashed], deployment(replicas=2))
    assert seen.message == "the program ended: exit code 1: boom"
    assert seen.version == "4444444"


def test_hostile_text_is_one_clean_line() -> None:
    evil = "\x1b[2J\u202eevil\nline"
    app = application(conditions=[{"type": "ComparisonError", "message": evil}], health={"status": evil})
    app["metadata"]["labels"][labels.NAME] = "web"
    seen = row(app=app)
    assert seen.message == "evil line"
    assert seen.health == "evil line"


def test_nothing_there_yet_is_no_error() -> None:
    bare = {"metadata": {"name": "dev-ada-web"}, "spec": {"destination": {"namespace": "dev-ada"}}}
    (seen,) = services(Objects([bare]), now_s=0, base_url=str)
    assert (seen.service, seen.sync, seen.health, seen.version, seen.age_s) == (
        "web",
        "Unknown",
        "Unknown",
        "",
        None,
    )


def test_main_comes_first() -> None:
    apps = [application(), {"metadata": {"name": "main-web"}, "spec": {"destination": {"namespace": "main"}}}]
    seen = services(Objects(apps), now_s=0, base_url=str)
    assert [one.environment for one in seen] == ["main", "dev-ada"]
