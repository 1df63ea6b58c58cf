"""What is known of a pod's processes, on disk, so that whoever comes after a crash finds them again.

One folder per pod, named by its uid: `record.json`, and the logs. Minimal imports: the watchdog loads this.
Invariant: a process is on record before its pod counts as running.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from coop_core.local.runtime.processes import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FILE = "record.json"


@dataclass(slots=True)
class Instance:
    """The latest run of one container.

    number: counts runs, and names their logs. pid: 0 while none was started, or since it ended.
    is_starting: written just before the start; with pid 0 it says that a process may be there unrecorded.
    is_stopped: it was ended with the platform, so that starting it again is no restart.
    is_greeted: what was to be done after its start has been done.
    exit_code: of the run, as the pod's status has it; None until it has ended.
    """

    number: int = 0
    restarts: int = 0
    pid: int = 0
    began: str = ""
    started_s: float = 0.0
    is_starting: bool = False
    is_stopped: bool = False
    is_greeted: bool = False
    exit_code: int | None = None

    @property
    def process(self) -> Identity | None:
        return Identity(self.pid, self.began) if self.pid else None


@dataclass(slots=True)
class Record:
    """ports: the loopback port of each container that listens. is_initialised: all init containers are through."""

    uid: str
    namespace: str
    name: str
    is_initialised: bool = False
    ports: dict[str, int] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)

    def instance(self, container: str) -> Instance:
        return self.instances.setdefault(container, Instance())


def write(folder: Path, record: Record) -> None:
    """Replaces the record whole. Survives the death of this process at any point; a power cut ends the pods too."""
    target = folder / record.uid
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = target / f"{_FILE}.{os.getpid()}"
    partial.write_text(json.dumps(asdict(record)), "utf-8")
    partial.replace(target / _FILE)


def read(folder: Path, uid: str) -> Record | None:
    """None when there is no record, or none that can be read."""
    try:
        raw = json.loads((folder / uid / _FILE).read_text("utf-8"))
        instances = {name: Instance(**one) for name, one in raw.pop("instances").items()}
        return Record(**raw, instances=instances)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def read_all(folder: Path) -> Iterator[Record]:
    if folder.is_dir():
        for entry in sorted(folder.iterdir()):
            record = read(folder, entry.name)
            if record is not None:
                yield record


def remove(folder: Path, uid: str) -> None:
    """Forgets a pod, logs and all."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder / uid)
