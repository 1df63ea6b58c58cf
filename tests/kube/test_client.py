from __future__ import annotations

import asyncio
import base64
import ssl
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from coop_core.cluster import kinds
from coop_core.kube import failures
from coop_core.kube.client import JSON_PATCH, KubeClient
from coop_core.kube.configuration import Access
from coop_core.kube.identities import FixedToken
from coop_core.kube.reading import LogQuery, Selection
from coop_core.local.tokens import Identity

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.cluster.kinds import Raw
    from tests.kube.serving import Api


def config_map(name: str, **labels: str) -> Raw:
    metadata: Raw = {"name": name, "namespace": "default", "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}}


@pytest.fixture(autouse=True)
async def namespace(client: KubeClient) -> None:
    if await client.find(kinds.NAMESPACE, None, "default") is None:
        await client.create(kinds.NAMESPACE, {"metadata": {"name": "default"}})


async def test_what_was_created_is_read_changed_and_deleted(client: KubeClient) -> None:
    created = await client.create(kinds.CONFIG_MAP, config_map("one"))
    assert (await client.get(kinds.CONFIG_MAP, "default", "one")) == created
    patched = await client.patch(kinds.CONFIG_MAP, "default", "one", {"data": {"a": None, "b": "2"}})
    assert patched["data"] == {"b": "2"}
    updated = await client.update(kinds.CONFIG_MAP, {**patched, "data": {"c": "3"}})
    assert updated["data"] == {"c": "3"}
    operations = [{"op": "add", "path": "/data/d", "value": "4"}]
    again = await client.patch(kinds.CONFIG_MAP, "default", "one", operations, content_type=JSON_PATCH)
    assert again["data"] == {"c": "3", "d": "4"}
    await client.delete(kinds.CONFIG_MAP, "default", "one")
    assert await client.find(kinds.CONFIG_MAP, "default", "one") is None


async def test_a_taken_name_a_stale_revision_and_a_missing_object_have_types_of_their_own(
    client: KubeClient,
) -> None:
    created = await client.create(kinds.CONFIG_MAP, config_map("one"))
    with pytest.raises(failures.AlreadyExists) as taken:
        await client.create(kinds.CONFIG_MAP, config_map("one"))
    assert (taken.value.code, taken.value.reason) == (409, "AlreadyExists")
    await client.patch(kinds.CONFIG_MAP, "default", "one", {"data": {"a": "2"}})
    with pytest.raises(failures.Conflict):
        await client.update(kinds.CONFIG_MAP, created)
    with pytest.raises(failures.NotFound, match='configmaps "two" not found'):
        await client.get(kinds.CONFIG_MAP, "default", "two")


async def test_a_list_selects_by_label(client: KubeClient) -> None:
    for name, team in (("one", "red"), ("two", "blue"), ("three", "red")):
        await client.create(kinds.CONFIG_MAP, config_map(name, team=team))
    found = await client.list(kinds.CONFIG_MAP, "default", where=Selection(labels="team=red"))
    assert [item["metadata"]["name"] for item in found.items] == ["one", "three"]
    assert found.revision.isdigit()


async def test_a_watch_tells_what_happens_after_a_revision(client: KubeClient) -> None:
    listing = await client.list(kinds.CONFIG_MAP, "default")
    events = client.watch(kinds.CONFIG_MAP, "default", revision=listing.revision)
    async with aclosing(events), asyncio.timeout(5):
        await client.create(kinds.CONFIG_MAP, config_map("one"))
        await client.delete(kinds.CONFIG_MAP, "default", "one")
        assert [(await anext(events)).type for _ in range(2)] == ["ADDED", "DELETED"]


async def test_a_pods_log_comes_in_pieces(client: KubeClient, api: Api) -> None:
    spec = {"containers": [{"name": "web", "image": "coop.local/web"}]}
    await client.create(kinds.POD, {"metadata": {"name": "web", "namespace": "default"}, "spec": spec})
    started = {"phase": "Running", "containerStatuses": [
        {"name": "web", "ready": True, "restartCount": 0, "image": "i", "imageID": "i",
         "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]}  # fmt: skip
    pod = await client.get(kinds.POD, "default", "web")
    await client.update(kinds.POD, {**pod, "status": started}, subresource="status")
    text = b"".join([piece async for piece in client.logs("default", "web", LogQuery(container="web"))])
    assert text == b"default/web started\nready\n"


async def test_a_name_with_a_slash_never_becomes_two_path_segments(client: KubeClient) -> None:
    await client.create(kinds.CONFIG_MAP, config_map("one"))
    with pytest.raises(failures.ApiError):
        await client.get(kinds.CONFIG_MAP, "default/configmaps/one?", "x/../one")
    with pytest.raises(ValueError, match="no object name"):
        await client.get(kinds.CONFIG_MAP, "default", "..")


async def test_a_wrong_token_is_unauthorized_and_is_in_no_message(api: Api) -> None:
    token = "a-token-that-nobody-should-see"
    access = Access(api.url, FixedToken(token), api.certificate.client_context())
    async with KubeClient(access) as stranger:
        with pytest.raises(failures.Unauthorized) as refused:
            await stranger.list(kinds.POD, "default")
    assert "coop kubeconfig" in refused.value.remedy
    assert token not in f"{refused.value} {refused.value.why} {refused.value!r} {access!r} {stranger!r}"


async def test_an_identity_without_rights_is_forbidden(api: Api) -> None:
    async with KubeClient(api.access(Identity("ada"))) as ada:
        with pytest.raises(failures.Forbidden, match='User "ada" cannot list resource "pods"'):
            await ada.list(kinds.POD, "default")


async def test_no_server_and_a_foreign_certificate_are_told_apart(api: Api) -> None:
    async with KubeClient(Access("http://127.0.0.1:9", FixedToken(None))) as nobody:
        with pytest.raises(failures.Unavailable, match="cannot be reached") as unreachable:
            await nobody.list(kinds.POD, "default")
    assert unreachable.value.code == 0
    async with KubeClient(Access(api.url, FixedToken("t"), ssl.create_default_context())) as distrustful:
        with pytest.raises(failures.Unavailable, match="not signed by the CA"):
            await distrustful.list(kinds.POD, "default")


KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: here
contexts:
- name: here
  context: {{cluster: c, user: u, namespace: dev-ada}}
clusters:
- name: c
  cluster:
    server: {url}
    {ca}
users:
- name: u
  user: {user}
"""


async def test_a_plain_kubeconfig_is_read_with_inline_and_with_external_files(api: Api, tmp_path: Path) -> None:
    token = api.tokens.token_for(Identity("admin", ("system:masters",)))
    inline = base64.b64encode(api.certificate.ca_file.read_bytes()).decode()
    (tmp_path / "token").write_text(token + "\n")
    (tmp_path / "ca.pem").write_bytes(api.certificate.ca_file.read_bytes())
    forms = (
        (f"certificate-authority-data: {inline}", f"{{token: {token}}}"),
        ("certificate-authority: ca.pem", "{tokenFile: token}"),
    )
    for ca, user in forms:
        path = tmp_path / "config"
        path.write_text(KUBECONFIG.format(url=api.url, ca=ca, user=user))
        async with await KubeClient.connect(path) as client:
            assert client.access.namespace == "dev-ada"
            assert (await client.list(kinds.NAMESPACE)).items


async def test_a_kubeconfig_with_an_exec_plugin_gets_its_token_from_it(api: Api, tmp_path: Path) -> None:
    token = api.tokens.token_for(Identity("admin", ("system:masters",)))
    plugin = tmp_path / "plugin"
    status = f'{{"token": "{token}"}}'
    answer = f'{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {status}}}'
    plugin.write_text(f"#!/bin/sh\necho '{answer}'\n")
    plugin.chmod(0o700)
    user = f'{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: "{plugin}", interactiveMode: Never}}}}'
    path = tmp_path / "config"
    ca = f"certificate-authority: {api.certificate.ca_file}"
    path.write_text(KUBECONFIG.format(url=api.url, ca=ca, user=user))
    async with await KubeClient.connect(path) as client:
        assert (await client.list(kinds.NAMESPACE)).items
