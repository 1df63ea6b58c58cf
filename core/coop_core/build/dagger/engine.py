"""A connection to a Dagger session, and what is asked over it, by the SDK.

Loading this module costs a second: do it in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
from typing import TYPE_CHECKING

import dagger
from dagger.client._session import ConnectParams, SingleConnection
from opentelemetry import context, trace

from coop_core.build.dagger import cli
from coop_core.build.dagger.containers import container
from coop_core.build.dagger.session import Lost
from coop_core.errors import CoopError
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from coop_core.build.dagger.failures import Explainer
    from coop_core.build.dagger.recipes import Recipe
    from coop_core.build.dagger.registry import Credentials, Registry
    from coop_core.build.dagger.session import Address

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
CONNECT_LIMIT_S = 10.0
_ANSWER_LIMIT_S = 30.0

_CONFLICT = re.compile("conflict at .* during sync")
_PAUSES_S = (0.05, 0.2, 0.5)
"""Between tries of an upload that met files on the move."""

# It logs whole queries, and a query may set a secret.
logging.getLogger("gql.transport.httpx").setLevel(logging.WARNING)


class Engine:
    """One open connection. `client` is the SDK's root object."""

    def __init__(self, connection: SingleConnection) -> None:
        self._connection = connection
        self.client = dagger.Client.from_connection(connection)

    @classmethod
    async def connect(cls, address: Address) -> Engine:
        """Raises CoopError when nothing answers in time, or an engine that is too old."""
        # Without retries: the SDK would send a publish again whose answer was lost.
        config = dagger.Config(timeout=dagger.Timeout(None, connect=CONNECT_LIMIT_S), retry=None)
        connection = SingleConnection(ConnectParams(port=address.port, session_token=address.token), config)
        try:
            async with asyncio.timeout(_ANSWER_LIMIT_S):
                await connection.connect()
                engine = cls(connection)
                _check(await engine.version())
        except (dagger.DaggerError, Lost, TimeoutError) as error:
            await connection.close()
            is_late = isinstance(error, TimeoutError)
            raise CoopError(
                "cannot reach Dagger's engine",
                f"it did not answer within {_ANSWER_LIMIT_S:g} s" if is_late else one_line(str(error), 300),
                'check that it runs (docker ps), or name another: [dagger] engine = "tcp://host:port"',
            ) from error  # fmt: skip
        except BaseException:
            await connection.close()
            raise
        return engine

    @staticmethod
    @contextlib.contextmanager
    def traced(trace_id: bytes) -> Iterator[None]:
        """Every query made inside belongs to this trace: the SDK tells the engine so."""
        span = trace.SpanContext(
            int.from_bytes(trace_id), int.from_bytes(secrets.token_bytes(8)), is_remote=False,
            trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
        )  # fmt: skip
        token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(span)))
        try:
            yield
        finally:
            context.detach(token)

    async def version(self) -> str:
        """The engine's. Raises Lost."""
        with _answering():
            said: str = await self.client.version()
            return said

    async def upload(self, folder: Path, recipe: Recipe, explain: Explainer) -> dagger.Directory:
        """The folder as it is now, pinned: what happens to it later does not matter."""
        # Without no_cache, a session would answer with what it read the first time, for as long as it lives.
        directory: dagger.Directory = self.client.host().directory(
            str(folder), exclude=list(recipe.exclude), no_cache=True
        )
        pauses_s = list(_PAUSES_S)
        while True:
            try:
                with _answering():
                    return await directory.sync()
            except dagger.QueryError as error:
                if not pauses_s or not _CONFLICT.search(error.error.message):
                    raise explain.not_uploaded(error.error.message) from error
            await asyncio.sleep(pauses_s.pop(0))

    async def make(
        self, source: dagger.Directory, recipe: Recipe, secrets: Mapping[str, str], explain: Explainer
    ) -> dagger.Container:
        """The image, built and pinned. Raises CoopError with what the build said, or Lost."""
        with _answering():
            try:
                return await container(self.client, source, recipe, secrets).sync()
            except dagger.ExecError as error:
                raise explain.failed(error.command, error.exit_code, error.stdout, error.stderr) from error
            except dagger.QueryError as error:
                raise explain.refused(error.error.message) from error

    async def publish(
        self, image: dagger.Container, target: str, registry: Registry, who: Credentials | None, explain: Explainer
    ) -> str:
        """Pushes once and returns what the registry calls it. Raises CoopError, or Lost: then nobody knows."""
        with _answering():
            try:
                if who:
                    password = self.client.set_secret(f"registry {registry.host}", who.secret)
                    image = image.with_registry_auth(target, who.username, password)
                return await image.publish(target)
            except dagger.QueryError as error:
                raise explain.unpublished(error.error.message, registry.host) from error

    async def close(self) -> None:
        await self._connection.close()


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    """What goes wrong with the connection, and not with what was asked, is Lost."""
    try:
        yield
    except (dagger.TransportError, dagger.ClientConnectionError) as error:
        raise Lost(str(error)) from error


def _check(version: str) -> None:
    match = _VERSION.match(version)
    if match and tuple(map(int, match.groups())) < cli.OLDEST:
        oldest = ".".join(map(str, cli.OLDEST))
        raise CoopError(
            "cannot build with this Dagger engine",
            f"it is {one_line(version, 40)}; coop needs {oldest} or newer",
            cli.INSTALL,
        )
