"""`coop proxy` and `coop agent` as a cluster runs them: alone, with a kubeconfig, against an API elsewhere."""

from __future__ import annotations

import json
import re
import signal
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.whole.whole_kit import wait_until

if TYPE_CHECKING:
    from tests.whole.whole_kit import Running, User


@pytest.fixture
def platform(service: User) -> User:
    """A user with a running platform, whose API stands for a cluster's."""
    assert service.coop("platform", "up").code == 0
    return service


def start_proxy(user: User) -> tuple[Running, str]:
    tls = user.home.platform / "tls"
    proxy = user.start(
        "proxy",
        *("--listen", "127.0.0.1:0"),
        *("--tls-cert", str(tls / "server.crt"), "--tls-key", str(tls / "server.key")),
        *("--kubeconfig", str(user.home.platform / "proxy.kubeconfig")),
    )
    proxy.until("serving a read-only view")
    found = re.search(r"on (https://127\.0\.0\.1:\d+)", proxy.text)
    assert found
    return proxy, found[1]


def get(user: User, url: str, token: str) -> int:
    context = ssl.create_default_context(cafile=str(user.home.platform / "tls" / "ca.crt"))
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_proxy_alone_lets_read_what_the_policy_says_and_nothing_else(platform: User) -> None:
    proxy, url = start_proxy(platform)
    kubeconfig = yaml.safe_load((platform.home.platform / "kubeconfig").read_text())
    token = kubeconfig["users"][0]["user"]["token"]
    assert get(platform, f"{url}/api/v1/namespaces/main/pods", token) == 200
    assert get(platform, f"{url}/api/v1/namespaces/dev-bob/pods", token) == 403
    assert get(platform, f"{url}/api/v1/namespaces/main/secrets", token) == 403
    assert get(platform, f"{url}/api/v1/namespaces/main/pods", "made-up") == 401
    assert proxy.stop(signal.SIGTERM) == 0
    assert token not in proxy.text
    assert "Traceback" not in proxy.text


def test_the_agent_alone_makes_applications_of_what_git_says(platform: User) -> None:
    remote = platform.folder.parent / "hello.git"
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\n"
    folder = platform.folder / "notes"
    folder.mkdir()
    (folder / "configmap-notes.yaml").write_text(manifest)
    platform.git("add", "-A")
    platform.git("commit", "--quiet", "-m", "notes")
    platform.git("push", "--quiet", "origin", "HEAD:refs/heads/env/dev-ada")
    config = platform.folder.parent / "agent.json"
    config.write_text(json.dumps({"repositories": [{"url": str(remote)}]}))
    agent = platform.start(
        "agent",
        *("--config", str(config), "--cache", str(platform.folder.parent / "mirror")),
        *("--kubeconfig", str(platform.home.platform / "agent.kubeconfig")),
    )
    wait_until(lambda: "notes" in platform.coop("status").out, f"the application is there; it said\n{agent.text}")
    assert agent.stop(signal.SIGTERM) == 0
    assert "Traceback" not in agent.text


def test_a_proxy_with_half_a_certificate_says_which_files_do_not_fit(platform: User) -> None:
    tls = platform.home.platform / "tls"
    refused = platform.coop(
        "proxy",
        *("--tls-cert", str(tls / "server.crt"), "--tls-key", str(tls / "ca.key")),
        *("--kubeconfig", str(platform.home.platform / "proxy.kubeconfig")),
    )
    assert refused.code == 3
    assert "hint: give both as PEM files" in refused.err
