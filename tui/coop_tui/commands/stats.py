"""`coop stats`: where the time between a save and a live version goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coop_devloop.events import Event
    from coop_devloop.stats import Spread, Stats


@click.command()
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="How to print.")
def command(output: str) -> None:
    """Print p50 and p95 of every phase of the dev loop of this service, from its last cycles."""
    import msgspec

    from coop_devloop.stats import of_entries
    from coop_tui.workspace import here

    workspace = here()
    service = workspace.spec().name
    environment = f"dev-{workspace.user()}"
    found = of_entries(_entries(workspace.home.devloop(environment, service) / "events.jsonl"))
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        click.echo(_table(found, service, environment))


def _entries(path: Path) -> Iterator[tuple[float, Event]]:
    from coop_devloop.eventlog import read

    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    yield from (entry for line in lines if (entry := read(line)))


def _table(found: Stats, service: str, environment: str) -> str:
    if found.total is None:
        return f"no version of {service} went live in {environment} yet; coop dev starts"
    from coop_tui.narration import duration

    def line(name: str, spread: Spread) -> str:
        return f"{name:<10} {duration(spread.p50_ms):>9} {duration(spread.p95_ms):>9} {spread.count:>7}"

    failed = f", {found.failed} that failed" if found.failed else ""
    heads = [
        f"{service} in {environment}: {found.cycles} cycles{failed}",
        f"{'':<10} {'p50':>9} {'p95':>9}  cycles",
    ]
    return "\n".join([*heads, *(line(*item) for item in found.phases.items()), line("to live", found.total)])
