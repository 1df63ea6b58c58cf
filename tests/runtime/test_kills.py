from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coop_core.cluster import kinds, rollout
from coop_core.cluster.job_status import finished_as
from coop_core.local.runtime import processes
from tests.runtime.running_kit import NAMESPACE, Bench, listening, web

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

ROOT = Path(__file__).parents[2]
KILLS = 8
INDEXES = 6


def job(bench: Bench, out: Path) -> Raw:
    """Notes the beginning and the end of each of its indexes."""
    script = f"echo begin-$JOB_COMPLETION_INDEX >> {out}; sleep 0.3; echo end-$JOB_COMPLETION_INDEX >> {out}"
    template = {
        "spec": {"restartPolicy": "Never", "containers": [bench.container("", command=["/bin/sh", "-c", script])]}
    }
    spec = {"completions": INDEXES, "parallelism": 2, "completionMode": "Indexed", "template": template}
    return {"metadata": {"name": "work", "namespace": NAMESPACE}, "spec": spec}


def run_until_killed(folder: Path, after_s: float) -> None:
    argv = [sys.executable, "-m", "tests.runtime.killed_platform", str(folder)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as platform:
        assert platform.stdout is not None
        # Counted from its first word, so that the kills fall into its work and not into its imports.
        assert platform.stdout.readline() == "ready\n"
        try:
            platform.wait(after_s)
        except subprocess.TimeoutExpired:
            platform.kill()
        else:
            pytest.fail("the platform ended by itself")


@pytest.mark.parametrize("seed", [1, 2])
async def test_kills_at_any_moment_neither_double_a_pod_nor_repeat_a_job(tmp_path: Path, seed: int) -> None:
    rng, out = random.Random(seed), tmp_path / "out"
    bench = Bench(tmp_path)
    for name in ("default", kinds.ARGOCD_NAMESPACE, NAMESPACE):
        bench.objects.create(kinds.NAMESPACE, {"metadata": {"name": name}})
    deployment, _, _ = web(listening(bench.container()), replicas=2)
    bench.objects.create(kinds.DEPLOYMENT, deployment)
    bench.objects.create(kinds.JOB, job(bench, out))
    bench.store.close()
    for _ in range(KILLS):
        await asyncio.to_thread(run_until_killed, tmp_path, rng.choice([0.0, 0.01, 0.05, rng.uniform(0, 0.4)]))
    bench.open()
    await bench.start()
    try:
        done = await bench.until(lambda: _ended(bench), patience_s=60)
        assert finished_as(done) == "Complete"
        assert done["status"]["succeeded"] == INDEXES
        assert done["status"]["completedIndexes"] == f"0-{INDEXES - 1}"
        failed = done["status"].get("failed", 0)
        lines = out.read_text().split()
        assert sorted(one for one in lines if one.startswith("end-")) == [
            f"end-{index}" for index in range(INDEXES)
        ]
        # A kill between the record of a start and the start itself may cost a pod, never a second run to the end.
        assert len(lines) <= 2 * INDEXES + failed
        await bench.until(lambda: _is_rolled_out(bench), patience_s=20)
        running = processes.of_pods()
        pods = {pod["metadata"]["uid"]: pod for pod in bench.objects.select(kinds.POD, NAMESPACE)}
        serving = [uid for uid, pod in pods.items() if pod["metadata"].get("labels", {}).get("pod-template-hash")]
        assert len(serving) == 2
        ours = [uid for uid, _ in running if uid in pods]
        assert sorted(ours) == sorted(serving)
    finally:
        await bench.close()


def _ended(bench: Bench) -> Raw | None:
    found = bench.get(kinds.JOB, "work")
    return found if found and finished_as(found) else None


def _is_rolled_out(bench: Bench) -> bool:
    return rollout.status(bench.objects.get(kinds.DEPLOYMENT, NAMESPACE, "web")) == rollout.Done()
