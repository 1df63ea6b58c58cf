"""`coop status` as text and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from coop_tui.status import collect, render_status
from tests.dashboard.board_cluster import HELLO, NOW_S, Cluster, Service

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind
    from coop_core.kube.reading import Listing


class Lists:
    """Lists what a cluster holds."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def list(self, kind: Kind, namespace: str | None = None) -> Listing:
        from coop_core.kube.reading import Listing

        return Listing(list(self._cluster.objects[(kind.plural, namespace or "")].values()), "1")


async def test_every_service_of_the_environments_is_collected() -> None:
    cluster = Cluster(Service("main", "hello", replicas=3), Service("dev-ada", "hello"))
    rows = await collect(
        Lists(cluster), ("main", "dev-ada"), now_s=NOW_S, base_url=lambda host: f"http://{host}:4780"
    )
    assert [(row.environment, row.ready, row.wanted) for row in rows] == [("main", 3, 3), ("dev-ada", 1, 1)]
    assert rows[1].url == "http://hello.dev-ada.localhost:4780"


def test_the_table_is_aligned_and_says_causes_below() -> None:
    sick = replace(
        HELLO, service="orders", health="Degraded", ready=0, version="", age_s=None, message="exit code 1"
    )
    assert render_status([HELLO, sick], as_json=False) == (
        "ENVIRONMENT  SERVICE  VERSION  SYNC    HEALTH    READY  AGE  URL\n"
        "dev-ada      hello    3f2a1bc  Synced  Healthy   1/1    5m   http://hello.dev-ada.localhost:4780\n"
        "dev-ada      orders   -        Synced  Degraded  0/1    -    http://hello.dev-ada.localhost:4780\n"
        "\n"
        "dev-ada/orders: exit code 1\n"
    )


def test_no_services_say_what_to_do() -> None:
    assert render_status([], as_json=False) == "No services yet. Run `coop dev` beside a coop.yaml to deploy one.\n"


def test_json_holds_every_field_and_no_service_is_an_empty_list() -> None:
    (found,) = json.loads(render_status([HELLO], as_json=True))["services"]
    assert (found["service"], found["ready"], found["age_s"], found["pods"]) == ("hello", 1, 300.0, [])
    assert json.loads(render_status([], as_json=True)) == {"services": [], "expired": []}
