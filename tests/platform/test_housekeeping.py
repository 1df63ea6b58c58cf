"""Which images a platform keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.clock import SystemClock
from coop_core.cluster import kinds
from coop_core.local.objects import Objects
from coop_core.local.store import Store
from coop_core.platform import bootstrap
from coop_core.platform.housekeeping import wanted

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.cluster.kinds import Kind


def image(digit: str) -> str:
    return f"coop.local/hello@sha256:{digit * 64}"


def test_images_of_pods_and_of_earlier_revisions_are_wanted_and_no_others(tmp_path: Path) -> None:
    store = Store(tmp_path / "objects.db")
    objects = Objects(store, SystemClock())
    bootstrap.ensure(objects)

    def create(kind: Kind, name: str, spec: dict[str, object]) -> None:
        objects.create(kind, {"metadata": {"name": name, "namespace": "main"}, "spec": spec})

    labels = {"app": "hello"}
    create(
        kinds.REPLICA_SET,
        "hello-1",
        {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "hello", "image": image("a")}]},
            },
        },
    )
    create(
        kinds.POD,
        "hello-2",
        {
            "containers": [{"name": "hello", "image": image("b")}, {"name": "other", "image": "nginx:1"}],
            "initContainers": [{"name": "first", "image": image("c")}],
        },
    )
    assert wanted(objects) == {"a" * 64, "b" * 64, "c" * 64}
    store.close()
