"""`coop proxy`: the read-only proxy alone, as a cluster runs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from coop_core.proxy.oidc import Settings

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--listen", default="127.0.0.1:8443", show_default=True, help="Address and port.")
@click.option("--tls-cert", type=_FILE, required=True, help="Certificate chain, PEM.")
@click.option("--tls-key", type=_FILE, required=True, help="Its private key, PEM.")
@click.option("--policy", type=_FILE, help="Who sees which namespaces; by default main, coop-ci and dev-<user>.")
@click.option("--kubeconfig", type=_FILE, help="The cluster to read; by default the identity of the pod.")
@click.option("--context", help="The kubeconfig's context; by default its current one.")
@click.option("--oidc-issuer", help="Whose tokens count, as a URL; by default the cluster reviews tokens itself.")
@click.option("--oidc-audience", help="Whom its tokens must be meant for; needed with --oidc-issuer.")
@click.option("--oidc-username-claim", help="The claim that names the user; by default sub.")
@click.option("--oidc-username-prefix", help="Put before that name.")
@click.option("--oidc-groups-claim", help="The claim with groups; then coop:developers alone are let in.")
@click.option("--oidc-groups-prefix", help="Put before each group, e.g. coop: before developers.")
@click.option("--oidc-ca", type=_FILE, help="Certificate authorities of the issuer, PEM; by default the system's.")
def command(
    listen: str,
    tls_cert: Path,
    tls_key: Path,
    policy: Path | None,
    kubeconfig: Path | None,
    context: str | None,
    **oidc: Any,
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
            oidc=_settings(oidc),
        )
    )


def _settings(given: dict[str, Any]) -> Settings | None:
    """None: no OIDC. Raises UsageError when only a part of it is given."""
    named = {name.removeprefix("oidc_"): value for name, value in given.items() if value}
    if not named:
        return None
    if missing := [f"--oidc-{name}" for name in ("issuer", "audience") if name not in named]:
        raise click.UsageError(
            f"OIDC needs both --oidc-issuer and --oidc-audience; give {' and '.join(missing)} too, "
            "or no --oidc option at all to let the cluster review tokens"
        )
    if "groups_prefix" in named and "groups_claim" not in named:
        raise click.UsageError("--oidc-groups-prefix says nothing without --oidc-groups-claim; give that too")
    from coop_core.proxy.oidc import Settings

    if "ca" in named:
        named["ca_file"] = named.pop("ca")
    return Settings(**named)
