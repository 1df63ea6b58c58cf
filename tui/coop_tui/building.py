"""Making a workshop for a workspace: which builder, which remote, which domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.build.local import LocalBuilder
from coop_core.errors import CoopError, ExitCode
from coop_core.platform import remotes
from coop_devloop.workshop import Place, Workshop

if TYPE_CHECKING:
    from coop_core.build.request import Builder
    from coop_core.platform.access import Access
    from coop_devloop.workshop import Branch
    from coop_tui.workspace import Workspace


def builder_for(workspace: Workspace, access: Access) -> Builder:
    """What builds for this platform. Whoever asks for it closes it."""
    if not access.is_local:
        raise CoopError(
            "cannot build for a cluster",
            "this version of coop builds for the local platform alone",
            "remove [cluster] from the settings to work on the local platform",
            ExitCode.CONFIG,
        )
    return LocalBuilder(workspace.home.images, workspace.home.language_environments)


def workshop_for(
    workspace: Workspace, access: Access, environment: str, builder: Builder, branch: Branch | None = None
) -> Workshop:
    """The workshop that deploys the workspace's service to `environment`.

    On the local platform, the agent is told to read the remote from now on. branch: shared by the workshops of one
    repository and environment.
    """
    remote = workspace.remote(access)
    remotes.follow(workspace.home, remote.url)
    place = Place(
        repository=workspace.repository,
        prefix=workspace.prefix,
        service=workspace.spec().name,
        environment=environment,
        remote=remote,
        domain=access.domain,
    )
    return Workshop(place, builder, branch)
