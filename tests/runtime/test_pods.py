from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

from coop_core.cluster import kinds, labels
from coop_core.local.api.logs import LogRequest
from tests.runtime.running_kit import NAMESPACE, SERVER, Bench, is_ready, listening

if TYPE_CHECKING:
    import pytest

    from coop_core.cluster.kinds import Raw


def container(pod: Raw | None, index: int = 0) -> Raw:
    found: list[Raw] = ((pod or {}).get("status") or {}).get("containerStatuses") or []
    return found[index] if len(found) > index else {}


def pid_of(pod: Raw) -> int:
    return int(container(pod)["containerID"].removeprefix("coop://").partition("-")[0])


def shell(bench: Bench, script: str, **more: object) -> Raw:
    return bench.container("", command=["/bin/sh", "-c", script], **more)


async def log_of(bench: Bench, name: str, **request: object) -> str:
    pieces = [one async for one in bench.runtime.read(NAMESPACE, name, LogRequest("web", **request))]  # type: ignore[arg-type]  # a test's choice
    return b"".join(pieces).decode()


async def test_a_pod_runs_and_is_ready_when_its_probe_says_so(bench: Bench) -> None:
    bench.pod("web", listening(bench.container()))
    pod = await bench.running_pod("web")
    status = container(pod)
    assert pod["status"]["phase"] == "Running"
    assert status["ready"] and status["started"] and status["restartCount"] == 0
    assert status["imageID"] == status["image"]
    assert pod["spec"]["nodeName"] == "local"
    assert 20_000 <= int(pod["metadata"]["annotations"][labels.LOCAL_PORT]) < 32_000


async def test_a_port_that_is_taken_at_a_restart_is_exchanged(bench: Bench) -> None:
    taken, done = bench.folder / "taken", bench.folder / "done"
    squatter = (
        "import os, pathlib, socket, time\n"
        "with socket.create_server(('127.0.0.1', int(os.environ['PORT']))):\n"
        f"    pathlib.Path({str(taken)!r}).write_text(os.environ['PORT'])\n"
        f"    while not pathlib.Path({str(done)!r}).exists(): time.sleep(0.02)\n"
    )
    program = (
        "import os, pathlib, subprocess, sys, time\n"
        f"taken = pathlib.Path({str(taken)!r})\n"
        "if not taken.exists():\n"
        f"    subprocess.Popen([sys.executable, '-S', '-c', {squatter!r}], start_new_session=True,"
        " env={'PORT': os.environ['PORT']})  # nobody can tell whose it is\n"
        "    while not taken.exists(): time.sleep(0.02)\n"
        "    sys.exit(1)\n"
    )
    try:
        bench.pod("web", listening(bench.container(program + SERVER)))
        pod = await bench.running_pod("web")
        assert container(pod)["restartCount"] == 1
        assert pod["metadata"]["annotations"][labels.LOCAL_PORT] != taken.read_text()
    finally:
        done.touch()


async def test_the_environment_is_small_and_what_was_asked_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_PLATFORM", "hush")
    metadata = {"name": "settings", "namespace": NAMESPACE}
    bench.objects.create(kinds.CONFIG_MAP, {"metadata": metadata, "data": {"greeting": "hello"}})
    env = [
        {"name": "GREETING", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "greeting"}}},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "URL", "value": "http://$(HOST):$(PORT)/$(POD)/$(NOBODY)/$$(POD)"},
        {"name": "HOST", "value": "overridden"},
        {"name": "PORT", "value": "1"},
    ]
    env = [env[4], env[3], *env[:3]]
    given = shell(bench, "env", env=env, ports=[{"containerPort": 8080}])
    bench.pod("job", given, restartPolicy="Never")
    pod = await bench.until(lambda: _ended(bench, "job"))
    lines = dict(line.partition("=")[::2] for line in (await log_of(bench, "job")).splitlines())
    port = pod["metadata"]["annotations"][labels.LOCAL_PORT]
    assert lines["GREETING"] == "hello"
    assert lines["PORT"] == port
    assert lines["URL"] == f"http://127.0.0.1:{port}/job/$(NOBODY)/$(POD)"
    assert "SECRET_OF_THE_PLATFORM" not in lines


async def test_a_container_is_told_where_services_are_unless_it_says_otherwise(bench: Bench) -> None:
    ports = [{"name": "http", "port": 80}]
    for name in ("order-api", "shop"):
        metadata = {"name": name, "namespace": NAMESPACE}
        bench.objects.create(kinds.SERVICE, {"metadata": metadata, "spec": {"ports": ports}})
    elsewhere = {"metadata": {"name": "far", "namespace": "default"}, "spec": {"ports": ports}}
    bench.objects.create(kinds.SERVICE, elsewhere)
    env = [
        {"name": "SHOP_SERVICE_PORT", "value": "mine"},
        {"name": "URL", "value": "http://$(ORDER_API_SERVICE_HOST):$(ORDER_API_SERVICE_PORT_HTTP)/"},
    ]
    bench.pod("told", shell(bench, "env", env=env), restartPolicy="Never")
    bench.pod("alone", shell(bench, "env"), restartPolicy="Never", enableServiceLinks=False)
    for name in ("told", "alone"):
        await bench.until(lambda name=name: _ended(bench, name))  # type: ignore[misc]  # a loop's lambda
    lines = dict(line.partition("=")[::2] for line in (await log_of(bench, "told")).splitlines())
    service = bench.objects.get(kinds.SERVICE, NAMESPACE, "order-api")
    port = service["metadata"]["annotations"][f"{labels.LOCAL_PORT}.80"]
    assert lines["URL"] == f"http://127.0.0.1:{port}/"
    assert lines["ORDER_API_PORT"] == f"tcp://127.0.0.1:{port}"
    assert lines["SHOP_SERVICE_PORT"] == "mine"
    assert "FAR_SERVICE_PORT" not in lines
    assert "SERVICE" not in await log_of(bench, "alone")


async def test_a_missing_config_map_is_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coop_core.local.runtime.running.CONFIG_PAUSE_S", 0.05)
    bench.pod("web", shell(bench, "sleep 60", envFrom=[{"configMapRef": {"name": "late"}}]))
    waiting = await bench.until(lambda: container(bench.get(kinds.POD, "web")).get("state", {}).get("waiting"))
    assert waiting == {"reason": "CreateContainerConfigError", "message": 'configmap "late" not found'}
    bench.objects.create(kinds.CONFIG_MAP, {"metadata": {"name": "late", "namespace": NAMESPACE}, "data": {}})
    await bench.running_pod("web")


async def test_an_unknown_image_says_what_to_do(bench: Bench) -> None:
    bench.pod("web", {**bench.container(), "image": "nginx:latest"})
    waiting = await bench.until(lambda: container(bench.get(kinds.POD, "web")).get("state", {}).get("waiting"))
    assert waiting["reason"] == "ErrImagePull"
    assert "images of the local builder only" in waiting["message"]
    assert "`coop dev`" in waiting["message"]


async def test_an_image_that_comes_after_all_is_started_without_waiting_for_the_back_off(bench: Bench) -> None:
    wished = shell(bench, "sleep 60")
    kept = bench.folder / "images" / wished["image"].rpartition(":")[2]
    away = kept.rename(kept.with_name("away"))
    bench.pod("web", wished)
    await bench.until(lambda: container(bench.get(kinds.POD, "web")).get("state", {}).get("waiting"))
    away.rename(kept)
    await bench.running_pod("web")
    assert "ImagePullBackOff" not in str(bench.get(kinds.POD, "web"))
    reasons = [event["reason"] for event in bench.objects.select(kinds.EVENT, NAMESPACE)]
    assert "BackOff" not in reasons


async def test_init_containers_run_one_after_the_other_before_the_others(bench: Bench) -> None:
    first = {**shell(bench, "echo one"), "name": "first"}
    second = {**shell(bench, "echo two"), "name": "second"}
    bench.pod("web", shell(bench, "sleep 60"), initContainers=[first, second])
    pod = await bench.running_pod("web")
    reasons = [one["state"]["terminated"]["reason"] for one in pod["status"]["initContainerStatuses"]]
    assert reasons == ["Completed", "Completed"]


async def test_a_pod_that_may_end_succeeds_or_fails_by_its_exit_code(bench: Bench) -> None:
    bench.pod("good", shell(bench, "exit 0"), restartPolicy="Never")
    bench.pod("bad", shell(bench, "echo sorry; exit 3"), restartPolicy="Never")
    good = await bench.until(lambda: _ended(bench, "good"))
    bad = await bench.until(lambda: _ended(bench, "bad"))
    assert good["status"]["phase"] == "Succeeded"
    assert bad["status"]["phase"] == "Failed"
    ending = container(bad)["state"]["terminated"]
    assert (ending["exitCode"], ending["reason"], ending["message"]) == (3, "Error", "sorry")


async def test_the_first_restart_is_immediate_and_the_second_waits(bench: Bench) -> None:
    bench.pod("web", shell(bench, "echo broken; exit 1"))
    status = await bench.until(lambda: _waiting(bench, "web", "CrashLoopBackOff"))
    assert status["restartCount"] == 1
    assert status["lastState"]["terminated"]["exitCode"] == 1
    assert status["state"]["waiting"]["message"].startswith("back-off 10s restarting failed container=web")
    assert await log_of(bench, "web") == "broken\n"
    events = {one["reason"] for one in bench.objects.select(kinds.EVENT, NAMESPACE)}
    await bench.until(lambda: "BackOff" in {one["reason"] for one in bench.objects.select(kinds.EVENT, NAMESPACE)})
    assert events <= {"Scheduled", "Pulled", "Created", "Started", "BackOff"}


async def test_a_program_that_cannot_be_started_says_so(bench: Bench) -> None:
    bench.pod("web", bench.container(command=["no-such-program"]), restartPolicy="Never")
    pod = await bench.until(lambda: _ended(bench, "web"))
    ending = container(pod)["state"]["terminated"]
    assert ending["reason"] == "StartError"
    assert "no-such-program" in ending["message"]


async def test_a_pod_that_never_becomes_ready_gives_its_probes_words(bench: Bench) -> None:
    bench.pod("web", listening(shell(bench, "sleep 60")))

    def ready_message() -> str:
        conditions = ((bench.get(kinds.POD, "web") or {}).get("status") or {}).get("conditions") or []
        return next((one.get("message", "") for one in conditions if one["type"] == "Ready"), "")

    message = await bench.until(lambda: ready_message() if "probe" in ready_message() else None)
    port = bench.objects.get(kinds.POD, NAMESPACE, "web")["metadata"]["annotations"][labels.LOCAL_PORT]
    assert message == f"Readiness probe failed: GET / on port {port}: connection refused"


async def test_a_failing_liveness_probe_restarts_the_container(bench: Bench) -> None:
    probe = {"exec": {"command": ["/bin/sh", "-c", "exit 1"]}, "periodSeconds": 1, "failureThreshold": 1}
    probe["initialDelaySeconds"] = 0
    bench.pod("web", shell(bench, "sleep 60", livenessProbe=probe), terminationGracePeriodSeconds=1)
    await bench.until(lambda: container(bench.get(kinds.POD, "web")).get("restartCount"))
    pod = bench.objects.get(kinds.POD, NAMESPACE, "web")
    assert container(pod)["lastState"]["terminated"]["signal"] == 15


async def test_a_startup_probe_holds_the_others_back(bench: Bench) -> None:
    flag = bench.folder / "started"
    startup = {"exec": {"command": ["/usr/bin/test", "-e", str(flag)]}, "periodSeconds": 1}
    bench.pod("web", {**listening(bench.container()), "startupProbe": startup})
    await bench.until(lambda: "running" in container(bench.get(kinds.POD, "web")).get("state", {}))
    assert not container(bench.get(kinds.POD, "web"))["started"]
    flag.touch()
    await bench.running_pod("web")


async def test_a_deleted_pod_ends_by_sigterm_and_leaves_nothing(bench: Bench) -> None:
    script = "trap 'exit 0' TERM; while :; do sleep 0.01; done"
    bench.pod("web", shell(bench, script))
    process = psutil.Process(pid_of(await bench.running_pod("web")))
    bench.objects.delete(kinds.POD, NAMESPACE, "web", grace_s=10)
    await bench.until(lambda: bench.get(kinds.POD, "web") is None)
    assert not process.is_running()
    assert list((bench.folder / "pods").iterdir()) == []


async def test_a_pod_that_ignores_sigterm_is_killed_with_all_it_started(bench: Bench) -> None:
    bench.pod("web", shell(bench, "trap '' TERM; sleep 61 & while :; do sleep 0.01; done"))
    process = psutil.Process(pid_of(await bench.running_pod("web")))
    family = await bench.until(lambda: [process, *process.children()] if process.children() else None)
    bench.objects.delete(kinds.POD, NAMESPACE, "web", grace_s=1)
    await bench.until(lambda: bench.get(kinds.POD, "web") is None)
    assert not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


async def test_two_containers_get_a_port_each(bench: Bench) -> None:
    other = {**listening(bench.container()), "name": "other", "ports": [{"containerPort": 9090, "name": "admin"}]}
    other["readinessProbe"] = {"tcpSocket": {"port": "admin"}}
    bench.pod("web", listening(bench.container()), other)
    annotations = (await bench.running_pod("web"))["metadata"]["annotations"]
    assert annotations[labels.LOCAL_PORT] != annotations[f"{labels.LOCAL_PORT}.other"]


async def test_closing_ends_every_process_and_the_next_start_is_no_restart(bench: Bench) -> None:
    bench.pod("web", listening(bench.container()))
    first = await bench.running_pod("web")
    await bench.close()
    assert not psutil.pid_exists(pid_of(first))
    bench.open()
    assert is_ready(bench.get(kinds.POD, "web")) is None, "nothing claims to be ready while nothing runs"
    await bench.start()
    second = await bench.running_pod("web")
    assert pid_of(second) != pid_of(first)
    assert container(second)["restartCount"] == 0


def _ended(bench: Bench, name: str) -> Raw | None:
    pod = bench.get(kinds.POD, name) or {}
    return pod if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed") else None


def _waiting(bench: Bench, name: str, reason: str) -> Raw | None:
    status = container(bench.get(kinds.POD, name))
    return status if (status.get("state", {}).get("waiting") or {}).get("reason") == reason else None
