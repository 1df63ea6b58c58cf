"""An API server that is going to be killed. Argument: its folder. Prints its port once it listens."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from coop_core.clock import SystemClock
from coop_core.cluster.kinds import NAMESPACE
from coop_core.local import tls
from coop_core.local.api import ApiServer
from coop_core.local.objects import Objects
from coop_core.local.store import Store
from coop_core.local.tokens import Tokens
from tests.local_api.api_client import Lines

if TYPE_CHECKING:
    from typing import Never


async def main(folder: Path) -> Never:
    objects = Objects(Store(folder / "objects.db"), SystemClock())
    if objects.find(NAMESPACE, "", "main") is None:
        objects.create(NAMESPACE, {"metadata": {"name": "main"}})
    tokens, certificate = Tokens.ensure(folder), tls.ensure(folder)
    server = ApiServer(objects, tokens=tokens, certificate=certificate, logs=Lines())
    await server.start()
    print(server.port, flush=True)
    while True:
        await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
