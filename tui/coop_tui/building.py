"""Making a workshop for a workspace: which builder, which remote, which domain."""

from __future__ import annotations

import os
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
    wished = workspace.settings.builder or ("local" if access.is_local else "dagger")
    if wished == "dagger" and access.is_local:
        raise CoopError(
            "cannot run what Dagger builds",
            "the local platform runs programs as they are, and no container images",
            'remove builder = "dagger" from the settings, or name a [cluster] there',
            ExitCode.CONFIG,
        )
    if wished == "dagger":
        return _dagger(workspace)
    if not access.is_local:
        raise CoopError(
            "cannot build for a cluster",
            "what the local builder makes is on this machine alone",
            'remove builder = "local" from the settings: a cluster takes what Dagger builds',
            ExitCode.CONFIG,
        )
    return LocalBuilder(workspace.home.images, workspace.home.language_environments)


def _dagger(workspace: Workspace) -> Builder:
    from coop_core.build.dagger.builder import Configuration, DaggerBuilder  # deferred: only a cluster needs it
    from coop_core.build.dagger.registry import registry

    settings, home = workspace.settings, workspace.home
    if settings.registry is None:
        raise CoopError(
            "cannot publish images",
            "the settings name no registry",
            f'add to {home.settings_file}: [registry] and below it address = "ghcr.io/<you>"',
            ExitCode.CONFIG,
        )
    where = registry(settings.registry.address, settings.registry.pulled_as)
    dagger = settings.dagger
    images = {str(language): image for language, image in dagger.images.items()}
    return DaggerBuilder(Configuration(where, home.staging, dagger.cli, dagger.engine, images), os.environ)


def workshop_for(
    workspace: Workspace, access: Access, environment: str, builder: Builder, branch: Branch | None = None
) -> Workshop:
    """The workshop that deploys the workspace's service to `environment`.

    On the local platform, the agent is told to read the remote from now on. branch: shared by the workshops of one
    repository and environment.
    """
    remote = workspace.remote(access)
    if access.is_local:
        remotes.follow(workspace.home, workspace.repository, remote.url)
    place = Place(
        repository=workspace.repository,
        prefix=workspace.prefix,
        service=workspace.spec().name,
        environment=environment,
        remote=remote,
        domain=access.domain,
        lifetime_s=workspace.settings.lifetime_s,
    )
    return Workshop(place, builder, branch)
