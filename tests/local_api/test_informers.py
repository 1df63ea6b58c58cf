"""The informer of the `kubernetes` client, when the server went away for longer than history is kept."""

from __future__ import annotations

import asyncio
import queue
from importlib import import_module
from typing import TYPE_CHECKING

from kubernetes import client

from coop_core.cluster.kinds import CONFIG_MAP
from coop_core.local import store as store_module
from coop_core.local.api import ApiServer
from tests.local_api.api_client import config_map
from tests.local_api.conftest import ADMIN

if TYPE_CHECKING:
    import pytest

    from coop_core.cluster.kinds import Raw
    from coop_core.local.objects import Objects
    from coop_core.local.tls import Certificate
    from coop_core.local.tokens import Tokens
    from tests.local_api.api_client import Lines


def made(name: str, n: int) -> Raw:
    return {**config_map(name, n=str(n)), "metadata": {"name": name, "namespace": "main"}}


async def test_an_informer_whose_revision_is_no_longer_kept_lists_again_and_goes_on(
    objects: Objects, tokens: Tokens, certificate: Certificate, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "HISTORY", 5)
    server = ApiServer(objects, tokens=tokens, certificate=certificate, logs=lines)
    await server.start()
    port = server.port
    configuration = client.Configuration(host=f"https://127.0.0.1:{port}")
    configuration.ssl_ca_cert = str(certificate.ca_file)
    configuration.api_key = {"authorization": f"Bearer {tokens.token_for(ADMIN)}"}
    seen: queue.Queue[tuple[str, str]] = queue.Queue()

    async def until(event: str, about: str) -> None:
        while await asyncio.to_thread(seen.get, timeout=10) != (event, about):
            pass

    objects.create(CONFIG_MAP, made("a", 1))
    with client.ApiClient(configuration) as api:
        informer = import_module("kubernetes.informer").SharedInformer(
            client.CoreV1Api(api).list_namespaced_config_map, "main"
        )
        for event in ("ADDED", "MODIFIED"):
            informer.add_event_handler(event, lambda found, event=event: seen.put((event, found.data["n"])))
        informer.add_event_handler("ERROR", lambda error: seen.put(("ERROR", str(getattr(error, "status", "")))))
        informer.start()
        try:
            await until("ADDED", "1")
            await server.close()
            for n in range(2, 20):
                objects.update(CONFIG_MAP, made("a", n))
            server = ApiServer(objects, tokens=tokens, certificate=certificate, logs=lines)
            await server.start(port=port)
            await until("ERROR", "410")
            await until("MODIFIED", "19")
            objects.update(CONFIG_MAP, made("a", 20))
            await until("MODIFIED", "20")
        finally:
            await asyncio.to_thread(informer.stop)
            await server.close()
