from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from coop_core.cluster import kinds
from coop_core.local.api.logs import LogRequest
from coop_core.local.runtime import volumes
from coop_core.local.runtime.environment import BadConfig
from tests.runtime.running_kit import NAMESPACE, Bench, is_ready, listening

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.cluster.kinds import Raw


def shell(bench: Bench, script: str, **more: object) -> Raw:
    return bench.container("", command=["/bin/sh", "-c", script], **more)


def noting(out: Path, word: str) -> list[str]:
    return ["/bin/sh", "-c", f"echo {word} >> {out}"]


def words(out: Path) -> list[str]:
    return out.read_text().split() if out.exists() else []


def phase(bench: Bench, name: str = "web") -> str:
    return str(((bench.get(kinds.POD, name) or {}).get("status") or {}).get("phase"))


def told(bench: Bench) -> dict[str, str]:
    bench.runtime.flush()
    return {event["reason"]: event["message"] for event in bench.objects.select(kinds.EVENT, NAMESPACE)}


def sidecar(bench: Bench, script: str, **more: object) -> Raw:
    return {**shell(bench, script, restartPolicy="Always", **more), "name": "side"}


async def test_a_sidecar_starts_before_the_others_and_ends_after_them(bench: Bench) -> None:
    out, gate = bench.folder / "out", bench.folder / "gate"
    leave = f"trap 'echo side-end >> {out}; exit 0' TERM"
    side = sidecar(
        bench,
        f"echo side >> {out}; {leave}; touch {gate}; while :; do sleep 0.01; done",
        startupProbe={"exec": {"command": ["/usr/bin/test", "-e", str(gate)]}, "periodSeconds": 1},
    )
    main = shell(bench, f"echo main >> {out}")
    bench.pod("web", main, initContainers=[side], restartPolicy="Never")
    await bench.until(lambda: phase(bench) == "Succeeded")
    assert words(out) == ["side", "main", "side-end"]


async def test_a_pod_is_ready_only_with_its_sidecars(bench: Bench) -> None:
    gate = bench.folder / "gate"
    probe = {"exec": {"command": ["/usr/bin/test", "-e", str(gate)]}, "periodSeconds": 1}
    side = sidecar(bench, "exec sleep 60", readinessProbe=probe)
    bench.pod("web", shell(bench, "exec sleep 60"), initContainers=[side], terminationGracePeriodSeconds=1)
    await bench.until(lambda: phase(bench) == "Running")
    assert is_ready(bench.get(kinds.POD, "web")) is None
    gate.touch()
    pod = await bench.running_pod("web")
    (status,) = pod["status"]["initContainerStatuses"]
    assert status["started"] and status["ready"] and "running" in status["state"]


async def test_what_is_to_be_done_after_the_start_comes_before_ready(bench: Bench) -> None:
    out = bench.folder / "out"
    lifecycle = {"postStart": {"exec": {"command": noting(out, "greeted")}}}
    bench.pod("web", shell(bench, "exec sleep 60", lifecycle=lifecycle), terminationGracePeriodSeconds=1)
    await bench.running_pod("web")
    assert words(out) == ["greeted"]


async def test_a_greeting_that_fails_ends_the_container(bench: Bench) -> None:
    lifecycle = {"postStart": {"exec": {"command": ["/bin/false"]}}}
    bench.pod("web", shell(bench, "exec sleep 60", lifecycle=lifecycle), restartPolicy="Never")
    await bench.until(lambda: phase(bench) == "Failed")
    assert "exit code 1" in told(bench)["FailedPostStartHook"]


async def test_what_is_to_be_done_before_the_end_comes_before_the_signal(bench: Bench) -> None:
    out = bench.folder / "out"
    lifecycle = {"preStop": {"exec": {"command": ["/bin/sh", "-c", f"sleep 0.1; echo leaving >> {out}"]}}}
    script = f"trap 'echo signal >> {out}; exit 0' TERM; echo up; while :; do sleep 0.01; done"
    bench.pod("web", shell(bench, script, lifecycle=lifecycle), terminationGracePeriodSeconds=10)
    await bench.running_pod("web")
    await _says(bench, b"up")
    bench.objects.delete(kinds.POD, NAMESPACE, "web", grace_s=10)
    await bench.until(lambda: bench.get(kinds.POD, "web") is None)
    assert words(out) == ["leaving", "signal"]


async def test_a_leave_that_lasts_ends_with_the_grace_period(bench: Bench) -> None:
    lifecycle = {"preStop": {"sleep": {"seconds": 600}}}
    bench.pod("web", shell(bench, "exec sleep 60", lifecycle=lifecycle))
    await bench.running_pod("web")
    bench.objects.delete(kinds.POD, NAMESPACE, "web", grace_s=3)
    await bench.until(lambda: bench.get(kinds.POD, "web") is None)


async def test_a_pod_that_is_active_too_long_fails_with_its_reason(bench: Bench) -> None:
    bench.pod("web", shell(bench, "exec sleep 60"), activeDeadlineSeconds=1, terminationGracePeriodSeconds=1)
    await bench.until(lambda: phase(bench) == "Failed")
    status = bench.objects.get(kinds.POD, NAMESPACE, "web")["status"]
    assert status["reason"] == "DeadlineExceeded"
    assert "terminated" in status["containerStatuses"][0]["state"]


async def test_a_tcp_probe_and_successes_in_a_row(bench: Bench) -> None:
    probe = {"httpGet": None, "tcpSocket": {"port": "http"}, "successThreshold": 3}
    container = listening(bench.container(), **probe)
    container["readinessProbe"].pop("httpGet")
    bench.pod("web", container)
    await bench.running_pod("web")


async def test_a_startup_probe_that_gives_up_restarts_the_container(bench: Bench) -> None:
    probe = {"exec": {"command": ["/bin/false"]}, "periodSeconds": 1, "failureThreshold": 1}
    bench.pod("web", shell(bench, "exec sleep 60", startupProbe=probe), terminationGracePeriodSeconds=1)
    await bench.until(lambda: "Killing" in told(bench))
    assert "Startup probe failed" in told(bench)["Unhealthy"]


async def test_volumes_are_directories_that_a_variable_names(bench: Bench) -> None:
    metadata = {"name": "settings", "namespace": NAMESPACE}
    bench.objects.create(kinds.CONFIG_MAP, {"metadata": metadata, "data": {"a": "one", "b": "two"}})
    bench.objects.create(kinds.SECRET, {"metadata": metadata, "stringData": {"token": "hush"}})
    labels = {"fieldRef": {"fieldPath": "metadata.labels"}, "path": "labels"}
    given = [
        {"name": "scratch", "emptyDir": {}},
        {"name": "some-config", "configMap": {"name": "settings", "items": [{"key": "a", "path": "sub/a.txt"}]}},
        {
            "name": "all",
            "projected": {
                "defaultMode": 0o400,
                "sources": [
                    {"configMap": {"name": "settings"}},
                    {"secret": {"name": "settings"}},
                    {"downwardAPI": {"items": [labels]}},
                    {"configMap": {"name": "nobody", "optional": True}},
                ],
            },
        },
        {"name": "claim", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "here", "hostPath": {"path": str(bench.folder)}},
    ]
    mounts = [{"name": one["name"], "mountPath": f"/mnt/{one['name']}"} for one in given[:-1]]
    mounts.append({"name": "here", "mountPath": str(bench.folder)})
    script = (
        'touch "$COOP_VOLUME_SCRATCH/made" && cat "$COOP_VOLUME_SOME_CONFIG/sub/a.txt" '
        '"$COOP_VOLUME_ALL/b" "$COOP_VOLUME_ALL/token" "$COOP_VOLUME_ALL/labels"; ls "$COOP_VOLUME_ALL"'
    )
    container = shell(bench, script, volumeMounts=mounts)
    pod = {"containers": [container], "volumes": given, "restartPolicy": "Never"}
    body = {"metadata": {"name": "web", "namespace": NAMESPACE, "labels": {"app": "x"}}, "spec": pod}
    uid = bench.objects.create(kinds.POD, body)["metadata"]["uid"]
    await bench.until(lambda: phase(bench) == "Succeeded")
    assert await _log(bench) == 'onetwohushapp="x"\na\nb\nlabels\ntoken\n'
    folder = bench.folder / "pods" / uid / "volumes"
    assert stat.S_IMODE((folder / "coop_volume_all" / "token").stat().st_mode) == 0o400
    assert (folder / "coop_volume_scratch" / "made").exists()
    bench.runtime.flush()
    warnings = [one["message"] for one in bench.objects.select(kinds.EVENT, NAMESPACE) if one["type"] == "Warning"]
    assert any(
        'volume "scratch" is not at /mnt/scratch' in one and "$COOP_VOLUME_SCRATCH" in one for one in warnings
    )
    assert any('volume "claim"' in one and "not to be had here" in one for one in warnings)
    assert not any('volume "here"' in one for one in warnings)
    bench.objects.delete(kinds.POD, NAMESPACE, "web", grace_s=1)
    await bench.until(lambda: bench.get(kinds.POD, "web") is None)
    assert not folder.exists()


async def test_a_volume_waits_for_what_it_is_made_of(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coop_core.local.runtime.preparing.CONFIG_PAUSE_S", 0.02)
    container = shell(bench, "exec sleep 60", volumeMounts=[{"name": "v", "mountPath": "/v"}])
    bench.pod("web", container, volumes=[{"name": "v", "configMap": {"name": "late"}}])
    await bench.until(lambda: "FailedMount" in told(bench))
    assert told(bench)["FailedMount"] == 'MountVolume.SetUp failed: configmap "late" not found'
    bench.objects.create(kinds.CONFIG_MAP, {"metadata": {"name": "late", "namespace": NAMESPACE}, "data": {}})
    await bench.running_pod("web")


@pytest.mark.parametrize("path", ["../out", "/etc/out", "a/../../out", "", "a\0b"])
def test_no_volume_writes_outside_itself(path: str, tmp_path: Path) -> None:
    volume = {"name": "v", "configMap": {"name": "c", "items": [{"key": "k", "path": path}]}}
    container = {"name": "web", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    pod = {"metadata": {"namespace": "n"}, "spec": {"containers": [container], "volumes": [volume]}}
    with pytest.raises(BadConfig, match="must be relative and stay inside"):
        volumes.lay_out(pod, tmp_path / "pod", lambda *_: {"data": {"k": "x"}})
    assert not list(tmp_path.rglob("out"))


async def _log(bench: Bench) -> str:
    return b"".join([one async for one in bench.runtime.read(NAMESPACE, "web", LogRequest("web"))]).decode()


async def _says(bench: Bench, text: bytes) -> None:
    async for piece in bench.runtime.read(NAMESPACE, "web", LogRequest("web", follow=True)):
        if text in piece:
            return
