"""kubectl with the kubeconfig that `coop kubeconfig` writes: it reads, and changes nothing."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.whole.whole_kit import wait_until

if TYPE_CHECKING:
    from tests.whole.whole_kit import User

pytestmark = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on PATH")


@pytest.fixture
def kubectl(service: User) -> User:
    """A user with one live service and a kubeconfig for the proxy."""
    loop = service.start("dev", "--no-logs")
    loop.until("live in", "✗")
    wait_until(lambda: service.get("hello.dev-ada.localhost") == "one", f"it is served; the loop said\n{loop.text}")
    service.environ["KUBECONFIG"] = service.coop("kubeconfig").out.strip()
    return service


def run(user: User, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["kubectl", *arguments], env=user.environ, capture_output=True, text=True, check=False, timeout=60
    )


def test_it_lists_pods_and_deployments_and_is_refused_a_delete(kubectl: User) -> None:
    pods = run(kubectl, "get", "pods")
    assert pods.returncode == 0, pods.stderr
    header, row = pods.stdout.splitlines()
    assert header.split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert row.split()[1:4] == ["1/1", "Running", "0"]
    deployments = run(kubectl, "get", "deployments")
    assert deployments.stdout.splitlines()[1].split()[:4] == ["hello", "1/1", "1", "1"]
    logs = run(kubectl, "logs", "deployment/hello")
    assert "listening with one" in logs.stdout
    refused = run(kubectl, "delete", "deployment", "hello")
    assert refused.returncode == 1
    assert "Forbidden" in refused.stderr
    assert "read-only" in refused.stderr
    assert run(kubectl, "get", "secrets").returncode == 1
    other = run(kubectl, "get", "pods", "-n", "dev-bob")
    assert other.returncode == 1
    assert "Forbidden" in other.stderr


def test_status_says_what_kubectl_says(kubectl: User) -> None:
    status = kubectl.coop("status")
    row = next(line for line in status.out.splitlines() if "hello" in line)
    for word in ("dev-ada", "Synced", "Healthy", "1/1", "http://hello.dev-ada.localhost:"):
        assert word in row, status.out
