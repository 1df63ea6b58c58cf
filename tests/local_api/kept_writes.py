"""A server that is going to be killed: prints its port, then every write it acknowledged.

Arguments: the folder of the store. It writes until it dies.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from coop_core.clock import SystemClock
from coop_core.cluster.kinds import CONFIG_MAP
from coop_core.local.objects import Objects
from coop_core.local.store import Store


def main() -> None:
    objects = Objects(Store(Path(sys.argv[1]) / "objects.db"), SystemClock())
    for number in count():
        name = f"c{number % 7}"
        body = {"metadata": {"name": name, "namespace": "main"}, "data": {"n": str(number)}}
        if objects.find(CONFIG_MAP, "main", name) is None:
            stored = objects.create(CONFIG_MAP, body)
        elif number % 5 == 0:
            stored = objects.delete(CONFIG_MAP, "main", name)
        else:
            stored = objects.update(CONFIG_MAP, body)
        gone = objects.find(CONFIG_MAP, "main", name) is None
        revision = stored["metadata"]["resourceVersion"]
        sys.stdout.write(f"{name} {'-' if gone else number} {revision}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
