"""A program that looks like the Dagger CLI from outside: `dagger version`, and `dagger session`, until its standard
input ends.

It works in the folder that FAKE_DAGGER names: what happens is appended to `journal`, one JSON object a line,
`plans.json` says what each start is to do, and `faults.json` what else goes wrong from now on.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.build_dagger.session_server import Fault

_VERSION = "v0.21.8"
_TOLD = ("OTEL_", "DAGGER_", "_EXPERIMENTAL_", "COOP_", "XDG_STATE_HOME")


def write(folder: Path, root: Path) -> Path:
    """Makes the program in `folder`; root: where the tests' package is found."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "dagger"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(root)!r})\n"
        "from tests.build_dagger.fake_cli import main\nmain()\n"
    )
    program.chmod(0o755)
    return program


def journal(folder: Path) -> list[dict[str, Any]]:
    path = folder / "journal"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def plan(folder: Path, *starts: dict[str, Any], images: Path | None = None) -> None:
    """What the first, second, … start does: {"say": "no engine", "end": 1}, {"faults": [...]}, {"stays": true}.

    images: where the local platform looks for images. What is "published" is put there and can be run: the files
    that were uploaded, and nothing built.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plans.json").write_text(json.dumps({"starts": starts, "images": str(images or "")}))


def fault(folder: Path, what: Fault) -> None:
    """Goes wrong when it is reached next, also in a session that runs already."""
    new = folder / "faults.new"
    new.write_text(json.dumps([asdict(what)]))
    new.rename(folder / "faults.json")


def main() -> None:
    if sys.argv[1:] == ["version"]:
        print(f"dagger {_VERSION} (image://registry.dagger.io/engine:{_VERSION}) linux/amd64")
        return
    folder = Path(os.environ["FAKE_DAGGER"])
    path = folder / "plans.json"
    plans: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"starts": [], "images": ""}
    starts = plans["starts"]
    number = sum(1 for entry in journal(folder) if "start" in entry)
    told = sorted(name for name in os.environ if name.startswith(_TOLD))
    note(folder, start=os.getpid(), arguments=sys.argv[1:], told={name: os.environ[name] for name in told})
    asyncio.run(serve(folder, starts[number] if number < len(starts) else {}, plans["images"]))
    note(folder, end=os.getpid())


def note(folder: Path, **entry: Any) -> None:
    with (folder / "journal").open("a") as file:
        file.write(json.dumps(entry) + "\n")


def store(images: Path, digest: str, files: dict[str, str]) -> None:
    from coop_core.build.images import ImageStore, Manifest

    def fill(root: Path) -> None:
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)

    ImageStore(images, images / "none").add(digest, Manifest("published", ""), fill)


async def serve(folder: Path, what: dict[str, Any], images: str) -> None:
    if "say" in what:
        print(what["say"], file=sys.stderr, flush=True)
    if "end" in what:
        sys.exit(what["end"])
    while "waits_for" in what and not Path(what["waits_for"]).exists():
        await asyncio.sleep(0.02)
    from tests.build_dagger.session_server import TOKEN, Fault, SessionServer

    server = SessionServer([Fault(**fault) for fault in what.get("faults", [])], checks=what.get("checks", True))
    server.spans_to = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "") if what.get("spans", True) else ""
    server.version = what.get("version", server.version)

    def reached(name: str) -> None:
        note(folder, reached=name, pid=os.getpid())
        if (folder / "faults.json").exists():
            server.faults += [Fault(**fault) for fault in json.loads((folder / "faults.json").read_text())]
            (folder / "faults.json").unlink()
        if what.get("dies_on") == name:
            os.kill(os.getpid(), signal.SIGKILL)

    server.on_reached = reached
    if images:
        server.on_published = lambda digest, files: store(Path(images), digest, files)
    await server.start()
    print(json.dumps({"port": server.port, "session_token": TOKEN}), flush=True)
    if what.get("stays"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        await asyncio.Event().wait()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1024):
        pass
    await server.close()
