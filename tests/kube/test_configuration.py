from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coop_core.cluster import kinds
from coop_core.errors import CoopError, ExitCode
from coop_core.kube import configuration
from coop_core.kube.client import KubeClient
from coop_core.kube.configuration import from_kubeconfig, in_cluster
from coop_core.local.tokens import MASTERS, Identity

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kube.serving import Api


async def test_a_pod_uses_its_service_account_and_takes_a_rotated_token(api: Api, tmp_path: Path) -> None:
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "ca.crt").write_bytes(api.certificate.ca_file.read_bytes())
    (folder / "namespace").write_text("coop-system")
    (folder / "token").write_text("expired")
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(api.server.port)}
    access = in_cluster(environ, folder)
    assert access.namespace == "coop-system"
    # Read once, so that it is held; the rotation is noticed at the first 401.
    assert await access.identity.authorization() == "Bearer expired"
    (folder / "token").write_text(api.tokens.token_for(Identity("agent", (MASTERS,))))
    async with KubeClient(access) as client:
        assert (await client.list(kinds.NAMESPACE)).revision


def test_outside_of_a_pod_there_is_no_identity(tmp_path: Path) -> None:
    with pytest.raises(CoopError) as refused:
        in_cluster({}, tmp_path)
    assert (refused.value.remedy, refused.value.exit_code) == ("coop platform up", ExitCode.PLATFORM)


USER = "users: [{name: u, user: {token: very-secret}}]\n"
CLUSTER = "clusters: [{name: c, cluster: {server: 'https://h'}}]\n"
CONTEXT = "contexts: [{name: x, context: {cluster: c, user: u}}]\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not a kubeconfig"),
        (CONTEXT + CLUSTER + USER, "no current-context"),
        ("current-context: y\n" + CONTEXT + CLUSTER + USER, "no context named 'y'"),
        ("current-context: x\n" + CONTEXT + USER, "no cluster named 'c'"),
        ("current-context: x\n" + CONTEXT + CLUSTER, "no user named 'u'"),
        ("current-context: x\n" + CONTEXT + USER + CLUSTER.replace("https", "ftp"), "not an http(s) URL"),
        (
            "current-context: x\n" + CONTEXT + USER + CLUSTER.replace("}}", ", certificate-authority-data: '!'}}"),
            "not base64",
        ),
        (
            "current-context: x\n" + CONTEXT + USER + CLUSTER.replace("}}", ", certificate-authority: none.pem}}"),
            "certificate authority",
        ),
    ],
)
async def test_a_kubeconfig_that_cannot_be_used_says_why_and_leaks_nothing(
    tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(CoopError) as refused:
        await from_kubeconfig(path)
    assert words in refused.value.why
    assert "coop kubeconfig" in refused.value.remedy
    assert "very-secret" not in str(refused.value)


async def test_a_missing_kubeconfig_tells_to_start_the_platform(tmp_path: Path) -> None:
    with pytest.raises(CoopError) as refused:
        await from_kubeconfig(tmp_path / "none")
    assert refused.value.remedy == "coop platform up"


def test_reading_a_plain_kubeconfig_does_not_load_the_kubernetes_package() -> None:
    import subprocess
    import sys

    code = f"import sys, {configuration.__name__}, {KubeClient.__module__}; sys.exit('kubernetes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
