"""The platform's side of the proxy: one cache per kind, and what is asked anew each time.

Everything goes out under the proxy's own identity, built from parsed parts. Whatever clients ask, the platform
hears one list and one watch of each kind that somebody looks at, logs, token reviews, and its version once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.kube.failures import ApiError
from coop_core.kube.transport import Call, Transport
from coop_core.proxy.answers import upstream
from coop_core.proxy.cache import Revisions
from coop_core.proxy.keeping import Keeper
from coop_core.proxy.policy import READABLE
from coop_core.text import one_line

if TYPE_CHECKING:
    from coop_core.clock import Clock
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.kube.configuration import Access

_VERSION_FIELDS = (
    "major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform",
)  # fmt: skip


class Upstream:
    """The platform's API."""

    def __init__(self, access: Access, clock: Clock) -> None:
        self.transport = Transport(access)
        revisions = Revisions.of(clock.now_s())
        self._keepers: dict[Kind, Keeper] = {
            readable.kind: Keeper(readable.kind, self.transport, revisions) for readable in READABLE
        }
        self._version: Raw | None = None

    def keeper(self, kind: Kind) -> Keeper:
        return self._keepers[kind]

    async def close(self) -> None:
        for keeper in self._keepers.values():
            await keeper.close()
        await self.transport.close()

    async def version(self) -> Raw:
        """The platform's version, asked for once; clients compare it with their own. Raises Refusal."""
        if self._version is None:
            try:
                answer = await self.transport.read_json(Call("GET", "/version"))
            except ApiError as error:
                raise upstream(error) from None
            self._version = {name: one_line(str(answer.get(name, "")), 80) for name in _VERSION_FIELDS}
        return self._version
