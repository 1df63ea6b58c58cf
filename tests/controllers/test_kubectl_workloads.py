"""The real kubectl against the API server, the controllers and running processes together."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from coop_core.cluster import kinds
from coop_core.local import tls
from coop_core.local.api import ApiServer
from coop_core.local.tokens import MASTERS, Identity, Tokens
from tests.runtime.running_kit import NAMESPACE, Bench, listening, web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from coop_core.cluster.kinds import Raw


class Kubectl:
    """Runs kubectl in the namespace of the tests."""

    def __init__(self, config: Path, program: str) -> None:
        self._program = program
        self._env = {"KUBECONFIG": str(config), "HOME": str(config.parent), "PATH": os.environ["PATH"]}

    async def __call__(self, *arguments: str, given: Any = None, fails: bool = False) -> str:
        """What it prints; `given` is its standard input as JSON."""
        process = await asyncio.create_subprocess_exec(
            self._program,
            *arguments,
            env=self._env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(30):
            output, _ = await process.communicate(json.dumps(given).encode() if given is not None else b"")
        assert (process.returncode != 0) is fails, output.decode()
        return output.decode()


@pytest.fixture
async def kubectl(bench: Bench, tmp_path: Path) -> AsyncIterator[Kubectl]:
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not on PATH")
    certificate, tokens = tls.ensure(tmp_path / "tls"), Tokens.ensure(tmp_path)
    server = ApiServer(bench.objects, tokens=tokens, certificate=certificate, logs=bench.runtime)
    await server.start()
    cluster = {"server": f"https://localhost:{server.port}", "certificate-authority": str(certificate.ca_file)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "clusters": [{"name": "x", "cluster": cluster}],
        "users": [{"name": "x", "user": {"token": tokens.token_for(Identity("admin", (MASTERS,)))}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x", "namespace": NAMESPACE}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    yield Kubectl(path, program)
    await server.close()


def named(kind: str, version: str, body: Raw) -> Raw:
    return {"apiVersion": version, "kind": kind, **body}


def deployment(bench: Bench, answer: str = "one", **spec: Any) -> Raw:
    container = listening(bench.container(env=[{"name": "ANSWER", "value": answer}]))
    return named("Deployment", "apps/v1", web(container, **spec)[0])


def line(bench: Bench, script: str) -> Raw:
    return {
        "restartPolicy": "Never",
        "containers": [bench.container("", command=["/bin/sh", "-c", script])],
    }


async def test_a_rollout_is_followed_told_undone_and_restarted(bench: Bench, kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", given=deployment(bench, "one"))
    assert "successfully rolled out" in await kubectl("rollout", "status", "deployment/web")
    await kubectl("apply", "-f", "-", given=deployment(bench, "two"))
    await kubectl("rollout", "status", "deployment/web")
    await kubectl("rollout", "restart", "deployment/web")
    await kubectl("rollout", "status", "deployment/web")
    history = await kubectl("rollout", "history", "deployment/web")
    assert [one.split()[0] for one in history.splitlines()[2:] if one] == ["1", "2", "3"]
    assert "ANSWER:\ttwo" in await kubectl("rollout", "history", "deployment/web", "--revision=2")
    await kubectl("rollout", "undo", "deployment/web", "--to-revision=1")
    await kubectl("rollout", "status", "deployment/web")
    (pod,) = [
        one for one in bench.objects.select(kinds.POD, NAMESPACE) if "deletionTimestamp" not in one["metadata"]
    ]
    assert pod["spec"]["containers"][0]["env"] == [{"name": "ANSWER", "value": "one"}]
    found = bench.objects.get(kinds.DEPLOYMENT, NAMESPACE, "web")
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "4"
    assert {one["type"]: one["reason"] for one in found["status"]["conditions"]} == {
        "Available": "MinimumReplicasAvailable",
        "Progressing": "NewReplicaSetAvailable",
    }


async def test_a_paused_rollout_waits_until_it_is_resumed(bench: Bench, kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", given=deployment(bench, "one"))
    await kubectl("rollout", "status", "deployment/web")
    await kubectl("rollout", "pause", "deployment/web")
    await kubectl("set", "env", "deployment/web", "ANSWER=two")
    await kubectl("wait", "--for=jsonpath={.status.conditions[?(@.type=='Progressing')].reason}=DeploymentPaused",
                  "deployment/web", "--timeout=20s")  # fmt: skip
    assert len(bench.objects.select(kinds.REPLICA_SET, NAMESPACE)) == 1
    await kubectl("rollout", "resume", "deployment/web")
    await kubectl("rollout", "status", "deployment/web")
    assert len(bench.objects.select(kinds.REPLICA_SET, NAMESPACE)) == 2


async def test_a_rollout_that_stalls_is_told_with_its_reason(bench: Bench, kubectl: Kubectl) -> None:
    broken = bench.container("", command=["/bin/sh", "-c", "sleep 60"])
    body = named("Deployment", "apps/v1", web(listening(broken), progressDeadlineSeconds=1)[0])
    await kubectl("apply", "-f", "-", given=body)
    assert "exceeded its progress deadline" in await kubectl("rollout", "status", "deployment/web", fails=True)
    assert "ProgressDeadlineExceeded" in await kubectl("describe", "deployment/web")


async def test_scale_wait_and_describe(bench: Bench, kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", given=deployment(bench))
    await kubectl("scale", "deployment/web", "--replicas=2")
    await kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=20s")
    await kubectl("wait", "--for=condition=Ready", "pod", "-l", "app.kubernetes.io/name=web", "--timeout=20s")
    shown = await kubectl("describe", "deployment/web")
    assert "2 desired | 2 updated | 2 total | 2 available" in shown
    assert "ScalingReplicaSet" in shown
    events = await kubectl("get", "events")
    assert all(reason in events for reason in ("Scheduled", "Started", "SuccessfulCreate"))
    await kubectl("scale", "deployment/web", "--replicas=0")
    await kubectl("wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=web", "--timeout=20s")


async def test_logs_of_every_sort(bench: Bench, kubectl: Kubectl) -> None:
    count = bench.folder / "count"
    script = (
        f"echo x >> {count}; n=$(wc -l < {count}); echo run $n; echo end $n; [ $n -ge 2 ] && exec sleep 60; exit 1"
    )
    pod = {"metadata": {"name": "web"}, "spec": {**line(bench, script), "restartPolicy": "Always"}}
    await kubectl("apply", "-f", "-", given=named("Pod", "v1", pod))
    await kubectl(
        "wait", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "pod/web", "--timeout=20s"
    )
    await kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=20s")
    assert await kubectl("logs", "web", "-p") == "run 1\nend 1\n"
    await bench.until(lambda: len(count.read_text().split()) == 2 or None)
    assert "run 2" in await kubectl("logs", "web", "--since=1h")
    assert await kubectl("logs", "web", "--tail=1") == "end 2\n"
    assert "Z run 2" in await kubectl("logs", "web", "--timestamps")
    job = {"metadata": {"name": "work"}, "spec": {"template": {"spec": line(bench, "echo a; sleep 0.2; echo b")}}}
    await kubectl("apply", "-f", "-", given=named("Job", "batch/v1", job))
    await kubectl("wait", "--for=jsonpath={.status.ready}=1", "job/work", "--timeout=20s")
    assert await kubectl("logs", "-f", "job/work") == "a\nb\n"


async def test_jobs_and_cron_jobs(bench: Bench, kubectl: Kubectl) -> None:
    cron_job = {
        "metadata": {"name": "tidy"},
        "spec": {
            "schedule": "0 0 1 1 *",
            "jobTemplate": {"spec": {"template": {"spec": line(bench, "echo tidied")}}},
        },
    }
    await kubectl("apply", "-f", "-", given=named("CronJob", "batch/v1", cron_job))
    await kubectl("create", "job", "by-hand", "--from=cronjob/tidy")
    await kubectl("wait", "--for=condition=Complete", "job/by-hand", "--timeout=20s")
    assert await kubectl("logs", "job/by-hand") == "tidied\n"
    jobs = await kubectl("get", "jobs")
    assert jobs.split()[:5] == ["NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"]
    assert "Complete   1/1" in jobs
    assert "1 Succeeded" in await kubectl("describe", "job/by-hand")
    shown = await kubectl("describe", "cronjob/tidy")
    assert "0 0 1 1 *" in shown
    assert "UnexpectedJob" in shown
    failing = {
        "metadata": {"name": "bad"},
        "spec": {"backoffLimit": 0, "template": {"spec": line(bench, "exit 3")}},
    }
    await kubectl("apply", "-f", "-", given=named("Job", "batch/v1", failing))
    await kubectl("wait", "--for=condition=Failed", "job/bad", "--timeout=20s")
    assert "BackoffLimitExceeded" in await kubectl("describe", "job/bad")
    await kubectl("delete", "cronjob/tidy", "job/bad")
    assert "No resources found" in await kubectl("get", "jobs")


async def test_what_nobody_measures_is_refused_politely(bench: Bench, kubectl: Kubectl) -> None:
    del bench
    assert "Metrics API not available" in await kubectl("top", "pods", fails=True)
