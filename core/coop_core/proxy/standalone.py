"""The proxy alone, in front of any cluster: what `coop proxy` runs."""

from __future__ import annotations

import asyncio
import logging
import resource
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

from coop_core.clock import SystemClock
from coop_core.errors import CoopError, ExitCode
from coop_core.kube import configuration
from coop_core.proxy.policy import Policy
from coop_core.proxy.policy_file import PolicyFile
from coop_core.proxy.server import ProxyServer

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.proxy.identity import Vouching
    from coop_core.proxy.oidc import Settings

log = logging.getLogger("coop.proxy")


async def serve(
    *,
    host: str,
    port: int,
    cert_file: Path,
    key_file: Path,
    policy_file: Path | None = None,
    kubeconfig: Path | None = None,
    context: str | None = None,
    oidc: Settings | None = None,
) -> None:
    """Until cancelled. kubeconfig None: the identity of the pod. policy_file None: the built-in policy.

    oidc None: the platform vouches for tokens.
    """
    if kubeconfig is None:
        access = configuration.in_cluster()
    else:
        access = await configuration.from_kubeconfig(kubeconfig, context)
    policy = PolicyFile(policy_file) if policy_file else Policy
    _have_descriptors()
    clock = SystemClock()
    tls = server_tls(cert_file, key_file)
    server = ProxyServer(access, clock=clock, policy=policy, tls=tls, vouching=_vouching(oidc, clock))
    try:
        await server.start(host, port)
    except OSError as error:
        raise CoopError(
            f"cannot listen on {host}:{port}", error.strerror or "the port is taken",
            "choose another one with --listen", ExitCode.BUSY,
        ) from error  # fmt: skip
    log.info("serving a read-only view of %s on https://%s:%d", access.server, host, server.port)
    try:
        await asyncio.Event().wait()
    finally:
        await server.close()


def _vouching(oidc: Settings | None, clock: SystemClock) -> Vouching | None:
    if oidc is None:
        return None
    from coop_core.proxy.oidc import SignedTokens  # deferred: a platform that vouches itself needs no PyJWT

    return SignedTokens(oidc, clock)


def _have_descriptors() -> None:
    """As many connections as the system lets us have: what it gives unasked is meant for programs that have few."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # some systems allow fewer than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def server_tls(cert_file: Path, key_file: Path) -> ssl.SSLContext:
    """TLS for a listening server. Raises CoopError when the files are not a pair."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert_file, key_file)
    except (OSError, ssl.SSLError) as error:
        raise CoopError(
            "cannot serve TLS", f"{cert_file} and {key_file} are not a certificate and its key",
            "give both as PEM files with --tls-cert and --tls-key", ExitCode.CONFIG,
        ) from error  # fmt: skip
    return context
