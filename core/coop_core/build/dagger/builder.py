"""The dagger builder: stages a commit, has an engine build and push it, and keeps the session for the next.

Invariant: one call of `build` pushes at most once. Whatever fails before that may be tried again.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coop_core.build import folder, staging
from coop_core.build.dagger import recipes, registry, secret_values
from coop_core.build.dagger.failures import Explainer
from coop_core.build.dagger.recipes import ByDockerfile
from coop_core.build.dagger.secret_values import Hidden
from coop_core.build.dagger.session import Lost, attached
from coop_core.build.dagger.supervising import Sessions
from coop_core.build.request import Image, Pushing, Waiting
from coop_core.errors import CoopError, ExitCode
from coop_core.git.objects import Objects
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import dagger

    from coop_core.build.dagger.opening import Open
    from coop_core.build.dagger.recipes import Recipe
    from coop_core.build.dagger.registry import Credentials, Registry
    from coop_core.build.request import BuildRequest
    from coop_core.git.objects import Entry

_KNOWN_IMAGES = 500
_STAGED_KEPT_S = 14 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Configuration:
    """staging: a folder for services' files. cli, engine: None to look for them. images: by language."""

    registry: Registry
    staging: Path
    cli: str | None = None
    engine: str | None = None
    images: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Job:
    """One build, with all that is known before Dagger is asked. key: names what goes in.

    parent: where the service's files are staged; one build at a time.
    """

    request: BuildRequest
    entries: Sequence[Entry]
    recipe: Recipe
    key: str
    parent: Path


@dataclass(frozen=True, slots=True)
class _Confidence:
    """The secrets of one build, and who speaks of it without them."""

    values: Mapping[str, str]
    who: Credentials | None
    hidden: Hidden
    explain: Explainer


class DaggerBuilder:
    """environ: the variables of the process that builds."""

    def __init__(self, configuration: Configuration, environ: Mapping[str, str]) -> None:
        self._configuration = configuration
        self._environ = environ
        self._sessions = Sessions(configuration.cli, configuration.engine, environ)
        self._folders: dict[Path, folder.Folder] = {}
        self._turns: defaultdict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._images: dict[str, str] = {}

    def prepare(self) -> None:
        self._sessions.begin()

    async def close(self) -> None:
        await self._sessions.close()
        for held in self._folders.values():
            held.release()
        self._folders.clear()

    async def build(self, request: BuildRequest) -> Image:
        self._sessions.begin()
        job = await asyncio.to_thread(self._read, request)
        if known := self._images.get(job.key):
            return Image(known, was_cached=True)
        confidence = await self._confidence(job)
        async with self._turns[job.parent]:
            reference = await self._build(job, confidence)
        self._images[job.key] = reference
        if len(self._images) > _KNOWN_IMAGES:
            del self._images[next(iter(self._images))]
        return Image(reference, was_cached=False)

    def _read(self, request: BuildRequest) -> _Job:
        with Objects(request.repository.git) as objects:
            tree = objects.tree(request.commit, request.prefix)
            if tree is None:
                raise CoopError(
                    f"cannot build {request.spec.name}", f"the commit has no folder {one_line(request.prefix)!r}",
                    "commit the service's files", ExitCode.CONFIG,
                )  # fmt: skip
            entries = staging.program(objects.walk(tree, staging.FILES_LIMIT))
            recipe = recipes.choose(objects, entries, request.spec, self._configuration.images)
            entries = staging.present(entries, recipe.exclude)
        name = f"{request.repository.common_dir}\0{request.prefix}".encode(errors="surrogateescape")
        parent = self._configuration.staging / hashlib.sha256(name).hexdigest()[:32]
        key = recipes.key(recipe, entries, self._configuration.registry.address)
        return _Job(request, entries, recipe, key, parent)

    async def _confidence(self, job: _Job) -> _Confidence:
        """Asked for each time: what a helper or a command gives may expire."""
        request, recipe = job.request, job.recipe
        values: dict[str, str] = {}
        name = source = ""
        if isinstance(recipe, ByDockerfile):
            name, source = recipe.name, recipe.source
            values = await secret_values.read(recipe.build.secrets, self._environ, request.repository.root)
        who = await registry.credentials(self._configuration.registry.host, self._environ)
        hidden = Hidden([*values.values(), *([who.secret] if who else [])])
        return _Confidence(values, who, hidden, Explainer(request.spec.name, hidden, name, source))

    async def _build(self, job: _Job, confidence: _Confidence) -> str:
        """Makes and publishes. Only what comes before the publishing is tried again, once, on a new session."""
        root = await self._stage(job)
        try:
            return await self._once(job, confidence, root)
        except Lost as error:
            if attached(self._environ):
                raise confidence.explain.lost(str(error)) from error
        try:
            return await self._once(job, confidence, root)
        except Lost as error:
            raise confidence.explain.lost(str(error), often=" twice") from error

    async def _once(self, job: _Job, confidence: _Confidence, root: Path) -> str:
        async with self._sessions.open(lambda reason: job.request.progress(Waiting(reason))) as opened:
            return await self._on(opened, job, confidence, root)

    async def _on(self, opened: Open, job: _Job, confidence: _Confidence, root: Path) -> str:
        trace_id = secrets.token_bytes(16)
        if opened.traces:
            opened.traces.follow(trace_id, job.request.progress, confidence.hidden)
        engine, explain = opened.engine, confidence.explain
        with engine.traced(trace_id):
            source = await engine.upload(root, job.recipe, explain)
            image = await engine.make(source, job.recipe, confidence.values, explain)
            job.request.progress(Pushing())
            published = await self._publish(opened, image, job, confidence)
        return self._configuration.registry.reference(job.request.spec.name, published)

    async def _publish(self, opened: Open, image: dagger.Container, job: _Job, confidence: _Confidence) -> str:
        where = self._configuration.registry
        # The tag keeps a registry from collecting what Git may still name; the same content has the same one.
        target = where.target(job.request.spec.name, f"coop-{job.key[:16]}")
        try:
            return await opened.engine.publish(image, target, where, confidence.who, confidence.explain)
        except Lost as error:
            opened.is_lost = True
            raise confidence.explain.lost_in_publishing(str(error)) from error

    async def _stage(self, job: _Job) -> Path:
        """The folder that holds the job's files now. A build that is given up leaves no thread at work in it."""
        is_stopped = threading.Event()
        writing = asyncio.ensure_future(asyncio.to_thread(self._write, job, is_stopped))
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            is_stopped.set()
            await asyncio.gather(writing, return_exceptions=True)
            raise

    def _write(self, job: _Job, is_stopped: threading.Event) -> Path:
        request = job.request
        held = self._folders.get(job.parent)
        try:
            if held is None:
                folder.collect(self._configuration.staging, _STAGED_KEPT_S)
                held = self._folders[job.parent] = folder.claim(job.parent)
            with Objects(request.repository.git) as objects:
                held.bring(objects, job.entries, is_stopped.is_set)
        except OSError as error:
            raise CoopError(
                f"cannot stage {request.spec.name}", f"{job.parent}: {error.strerror or error}",
                "free some disk space, or move coop's cache with XDG_CACHE_HOME",
            ) from error  # fmt: skip
        return held.root
