"""The real kubectl against the proxy."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from coop_core.cluster import kinds
from tests.proxy.serving import CANARY, developer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from coop_core.cluster.kinds import Raw
    from coop_core.proxy.server import ProxyServer
    from tests.kube.serving import Api

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")

CONFIG = """\
apiVersion: v1
kind: Config
current-context: coop
contexts: [{{name: coop, context: {{cluster: coop, user: ada, namespace: dev-ada}}}}]
clusters: [{{name: coop, cluster: {{server: "https://127.0.0.1:{port}", certificate-authority: "{ca}"}}}}]
users: [{{name: ada, user: {{token: "{token}"}}}}]
"""


@pytest.fixture
def kubectl(api: Api, proxy: ProxyServer, tmp_path: Path) -> Callable[..., Awaitable[tuple[int, str]]]:
    config = tmp_path / "kubeconfig"
    token = api.tokens.token_for(developer("ada"))
    config.write_text(CONFIG.format(port=proxy.port, ca=api.certificate.ca_file, token=token))

    async def run(*arguments: str) -> tuple[int, str]:
        """Exit status, and what it wrote, errors included."""
        process = await asyncio.create_subprocess_exec(
            "kubectl", *arguments,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={"KUBECONFIG": str(config), "HOME": str(tmp_path), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        )  # fmt: skip
        async with asyncio.timeout(20):
            output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    return run


def deployment(namespace: str) -> Raw:
    labels = {"app": "web"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "web", "image": "i", "env": [{"name": "DB_PASSWORD", "value": CANARY}]}]},
    }
    return {
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
    }


async def test_pods_and_deployments_are_listed_with_their_columns(
    kubectl: Callable[..., Awaitable[tuple[int, str]]], api: Api
) -> None:
    api.objects.create(kinds.DEPLOYMENT, deployment("dev-ada"))
    pods, deployments = await asyncio.gather(kubectl("get", "pods"), kubectl("get", "deploy,rs", "-o", "wide"))
    assert pods[0] == deployments[0] == 0
    assert pods[1].split()[:5] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert deployments[1].split()[:5] == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]


async def test_everything_that_coop_shows_can_be_had_and_holds_no_secret(
    kubectl: Callable[..., Awaitable[tuple[int, str]]], api: Api
) -> None:
    api.objects.create(kinds.DEPLOYMENT, deployment("dev-ada"))
    asked = (
        ("get", "all"),
        ("get", "namespaces"),
        ("get", "applications", "-n", "argocd", "-o", "yaml"),
        ("get", "pod", "web", "-o", "yaml"),
        ("describe", "deployment", "web"),
        ("describe", "pod", "web"),
        ("get", "events"),
        ("api-resources",),
        ("version",),
    )
    for arguments, (status, output) in zip(asked, [await kubectl(*arguments) for arguments in asked], strict=True):
        assert status == 0, (arguments, output)
        assert CANARY not in output, arguments


async def test_the_whole_cluster_is_what_the_user_sees_of_it(
    kubectl: Callable[..., Awaitable[tuple[int, str]]], api: Api
) -> None:
    api.objects.create(kinds.DEPLOYMENT, deployment("dev-bob"))
    status, output = await kubectl("get", "pods", "-A")
    assert status == 0, output
    header, *rows = output.splitlines()
    assert header.split() == ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert [row.split()[:2] for row in rows] == [["dev-ada", "web"], ["main", "web"]]
    status, output = await kubectl("get", "namespaces", "--no-headers")
    assert [row.split()[:2] for row in output.splitlines()] == [
        ["coop-ci", "Active"], ["dev-ada", "Active"], ["main", "Active"],
    ]  # fmt: skip
    status, output = await kubectl("get", "deployments,applications,events", "-A")
    assert status == 0, output
    assert "bob" not in output
    status, output = await kubectl("get", "pods", "-A", "--chunk-size=1", "-o", "name")
    assert output.split() == ["pod/web", "pod/web"]


async def test_writes_and_shells_are_refused_with_a_reason(
    kubectl: Callable[..., Awaitable[tuple[int, str]]],
) -> None:
    for arguments, words in (
        (("delete", "pod", "web"), "coop is read-only here; change what runs by a commit"),
        (("exec", "web", "--", "sh"), "coop offers no shell, tunnel or proxy"),
        (("attach", "web"), "coop offers no shell, tunnel or proxy"),
        (("port-forward", "pod/web", "9999:80"), ""),
        (("get", "secrets"), "doesn't have a resource type"),
        (("get", "pods", "-n", "dev-bob"), 'cannot list resource "pods"'),
        (("get", "pods", "--as", "bob"), "it knows no impersonation"),
        (("get", "--raw", "/api/v1/namespaces/dev-ada/secrets"), "forbidden"),
        (("scale", "deployment", "web", "--replicas=0"), ""),
    ):
        status, output = await kubectl(*arguments)
        assert status != 0, arguments
        assert words in output, (arguments, output)


async def test_a_user_learns_who_they_are_and_what_they_may(
    kubectl: Callable[..., Awaitable[tuple[int, str]]],
) -> None:
    assert "ada" in (await kubectl("auth", "whoami"))[1]
    assert await kubectl("auth", "can-i", "list", "pods") == (0, "yes\n")
    assert await kubectl("auth", "can-i", "get", "pods", "--subresource=log") == (0, "yes\n")
    assert (await kubectl("auth", "can-i", "delete", "pods"))[1].startswith("no")
    assert (await kubectl("auth", "can-i", "get", "pods", "-n", "dev-bob"))[1].startswith("no")
    status, rules = await kubectl("auth", "can-i", "--list")
    assert status == 0
    assert "pods/log" in rules
    assert "secrets" not in rules


async def test_a_log_is_read(kubectl: Callable[..., Awaitable[tuple[int, str]]], api: Api) -> None:
    pod = api.objects.get(kinds.POD, "dev-ada", "web")
    running = {"name": "web", "ready": True, "restartCount": 0, "image": "i", "imageID": "i",
               "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}  # fmt: skip
    api.objects.update_status(kinds.POD, {**pod, "status": {"phase": "Running", "containerStatuses": [running]}})
    status, output = await kubectl("logs", "web")
    assert (status, output) == (0, "dev-ada/web started\nready\n")
    assert (await kubectl("logs", "web", "-n", "dev-bob"))[0] != 0
