"""Ending pods by their records alone, with no platform behind them. Minimal imports: the watchdog loads this."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from coop_core.local.runtime import processes, records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from coop_core.local.runtime.records import Record

GRACE_S = 5.0


def living(folder: Path) -> list[Record]:
    """The records of pods of which a process is alive, be it one that outlived its starter."""
    found = list(records.read_all(folder))
    led = {
        record.uid
        for record in found
        if any(one.process and processes.is_alive(one.process) for one in record.instances.values())
    }
    unled = {record.uid for record in found} - led
    alive = led | (processes.pods_with_members(unled) if unled else set())
    return [record for record in found if record.uid in alive]


def end_pods(folder: Path, found: Sequence[Record]) -> None:
    """SIGTERM to their processes, SIGKILL to what is left after the grace period; then the records say so."""
    alive = [
        process
        for record in found
        for instance in record.instances.values()
        if (process := instance.process) is not None and processes.signal_group(process, signal.SIGTERM)
    ]
    until_s = time.monotonic() + GRACE_S
    while alive and time.monotonic() < until_s:
        time.sleep(0.02)
        alive = [process for process in alive if processes.is_alive(process)]
    for process in alive:
        processes.signal_group(process, signal.SIGKILL)
    for record in found:
        processes.kill_members(record.uid)
        for instance in record.instances.values():
            instance.pid, instance.is_starting, instance.is_stopped = 0, False, True
        records.write(folder, record)
