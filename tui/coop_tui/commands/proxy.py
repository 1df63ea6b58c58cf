"""`coop proxy`: the read-only proxy alone, as a cluster runs it."""

from __future__ import annotations

from pathlib import Path

import click

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--listen", default="127.0.0.1:8443", show_default=True, help="Address and port.")
@click.option("--tls-cert", type=_FILE, required=True, help="Certificate chain, PEM.")
@click.option("--tls-key", type=_FILE, required=True, help="Its private key, PEM.")
@click.option("--policy", type=_FILE, help="Who sees which namespaces; by default main, coop-ci and dev-<user>.")
@click.option("--kubeconfig", type=_FILE, help="The cluster to read; by default the identity of the pod.")
@click.option("--context", help="The kubeconfig's context; by default its current one.")
def command(
    listen: str, tls_cert: Path, tls_key: Path, policy: Path | None, kubeconfig: Path | None, context: str | None
) -> None:
    """Serve a read-only view of a cluster's API to developers, until stopped."""
    from coop_core.proxy import standalone
    from coop_tui.running import run_server

    host, _, port = listen.rpartition(":")
    if not port.isdigit():
        raise click.BadParameter("write it as address:port, e.g. 127.0.0.1:8443", param_hint="--listen")
    run_server(
        standalone.serve(
            host=host.strip("[]") or "127.0.0.1",
            port=int(port),
            cert_file=tls_cert,
            key_file=tls_key,
            policy_file=policy,
            kubeconfig=kubeconfig,
            context=context,
        )
    )
