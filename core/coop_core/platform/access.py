"""How a command reaches the platform: the local one, started if need be, or the cluster in the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.errors import CoopError, ExitCode
from coop_core.platform import control
from coop_core.platform import record as records
from coop_core.settings import expand

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.paths import Home
    from coop_core.platform.record import Record
    from coop_core.settings import Cluster, Settings

MAIN = "main"


@dataclass(frozen=True, slots=True)
class Access:
    """All that differs between platforms, for those who only read one. `port` None: the scheme's own."""

    kubeconfig: Path
    context: str | None
    user: str
    domain: str
    scheme: str
    port: int | None
    is_local: bool

    @property
    def environment(self) -> str:
        """The user's personal environment."""
        return f"dev-{self.user}"

    @property
    def environments(self) -> tuple[str, str]:
        """The environments that this user sees."""
        return (MAIN, self.environment)

    def url(self, host: str) -> str:
        """Where people reach an ingress host."""
        return f"{self.scheme}://{host}" if self.port is None else f"{self.scheme}://{host}:{self.port}"


def reach(home: Home, settings: Settings, user: str) -> Access:
    """The platform that the settings name; the local one is started if need be.

    user: names the personal environment (see `owner.py`).
    """
    if settings.cluster:
        return of_cluster(settings.cluster, user)
    return of_local(home, control.up(home, port=settings.port, user=user))


def look(home: Home, settings: Settings, user: str) -> Access:
    """As `reach`, for those who only want to see: a local platform that does not run stays so, as a CoopError."""
    if settings.cluster:
        return of_cluster(settings.cluster, user)
    if record := records.living(home.platform):
        return of_local(home, record)
    raise CoopError(
        "cannot see any service",
        "the local platform is not running",
        "coop platform up, or coop dev beside a coop.yaml",
        ExitCode.PLATFORM,
    )


def of_local(home: Home, record: Record) -> Access:
    return Access(
        kubeconfig=home.platform / "kubeconfig",
        context=None,
        user=record.user,
        domain="localhost",
        scheme="http",
        port=record.http_port,
        is_local=True,
    )


def of_cluster(cluster: Cluster, user: str) -> Access:
    kubeconfig = expand(cluster.kubeconfig)
    if not kubeconfig.is_file():
        raise CoopError(
            "cannot reach the cluster",
            f"the settings name {kubeconfig}, and there is no such file",
            "get a kubeconfig from whoever runs the platform, or remove [cluster] to use the local platform",
            ExitCode.CONFIG,
        )
    return Access(kubeconfig, cluster.context, user, cluster.domain, cluster.scheme, port=None, is_local=False)
