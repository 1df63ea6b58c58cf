"""The proxy, or the local platform's API server with ten thousand pods, as a process of its own.

Its first line is its port; the API server's second one is a token for it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from pathlib import Path

from coop_core.clock import SystemClock
from coop_core.cluster import kinds
from coop_core.kube.configuration import Access
from coop_core.kube.identities import FixedToken
from coop_core.local.api.server import ApiServer
from coop_core.local.objects import Objects
from coop_core.local.store import Store
from coop_core.local.tls import ensure
from coop_core.local.tokens import PROXIES, Identity, Tokens
from coop_core.proxy.server import ProxyServer
from coop_core.proxy.streams import Limits

PODS = 10_000


async def serve_proxy(upstream: str, token: str, folder: Path, *, tls: bool) -> None:
    """Everything on: authentication, policy, redaction, and the audit log in a file."""
    logging.basicConfig(filename=folder / "audit.log", level=logging.INFO, format="%(asctime)s %(message)s")
    # Only where one is needed: two processes would make the same one at once.
    certificate = ensure(folder / "tls") if tls else None
    trusting = certificate.client_context() if certificate and upstream.startswith("https") else None
    server = ProxyServer(
        Access(upstream, FixedToken(token), trusting),
        clock=SystemClock(),
        tls=certificate.server_context() if certificate else None,
        limits=Limits(streams_per_user=1000),
    )
    await server.start()
    print(server.port, flush=True)
    await asyncio.Event().wait()


async def serve_api(folder: Path) -> None:
    objects = Objects(Store(folder / "objects.db"), SystemClock())
    objects.create(kinds.NAMESPACE, {"metadata": {"name": "main"}})
    for number in range(PODS):
        objects.create(kinds.POD, _pod(number))
    tokens = Tokens.ensure(folder / "tokens")
    server = ApiServer(objects, tokens=tokens, certificate=ensure(folder / "tls"), logs=_NoLogs())
    await server.start()
    print(server.port, flush=True)
    print(tokens.token_for(Identity("coop-proxy", (PROXIES,))), flush=True)
    print(tokens.token_for(Identity("ada", audiences=("coop-proxy",))), flush=True)
    await asyncio.Event().wait()


class _NoLogs:
    async def read(self, namespace: str, pod: str, request: object):  # type: ignore[no-untyped-def]
        yield b""


def _pod(number: int) -> dict[str, object]:
    from proxying.platform import POD

    metadata = {"name": f"web-{number:05}", "namespace": "main", "labels": {"app.kubernetes.io/name": "web"}}
    return {"metadata": metadata, "spec": POD["spec"], "status": POD["status"]}


def main() -> None:
    role, folder, *rest = sys.argv[1:]
    if role == "api":
        asyncio.run(serve_api(Path(folder)))
    else:
        upstream, token = rest
        asyncio.run(serve_proxy(upstream, token, Path(folder or tempfile.mkdtemp()), tls=role == "tls"))


if __name__ == "__main__":
    main()
