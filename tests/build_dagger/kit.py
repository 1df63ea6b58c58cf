"""A repository with a service, and dagger builders for it."""

from __future__ import annotations

import subprocess
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coop_core.build.dagger.builder import Configuration, DaggerBuilder
from coop_core.build.dagger.registry import registry
from coop_core.build.request import BuildRequest, Step
from coop_core.git import repository
from coop_core.spec import ServiceSpec, parse
from tests.build_dagger import fake_cli
from tests.build_dagger.session_server import TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coop_core.build.request import Progress
    from tests.build_dagger.session_server import Chain, SessionServer

ROOT = Path(__file__).parents[2]


@dataclass
class Kit:
    """folder: of the test. environ: what builders see; built at first for a CLI in `bin`."""

    folder: Path
    environ: dict[str, str]
    progress: list[Progress] = field(default_factory=list)

    @classmethod
    def make(cls, folder: Path) -> Kit:
        kit = cls(folder, {"HOME": str(folder / "home"), "PATH": f"{folder / 'bin'}:/usr/bin:/bin"})
        kit.work.mkdir()
        kit.git("init", "--quiet", "--template=")
        kit.write("coop.yaml", "name: hello\nrun: python -m hello\n")
        kit.write("hello.py", "print('one')\n")
        return kit

    @property
    def steps(self) -> list[Step]:
        return [told for told in self.progress if isinstance(told, Step)]

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def cli(self) -> Path:
        """Where the fake CLI keeps its journal."""
        return self.folder / "dagger"

    def git(self, *args: str) -> str:
        done = subprocess.run(["git", *args], cwd=self.work, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def write(self, path: str, text: str) -> Path:
        file = self.work / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")

    def attach(self, server: SessionServer) -> None:
        self.environ |= {"DAGGER_SESSION_PORT": str(server.port), "DAGGER_SESSION_TOKEN": TOKEN}

    def install_cli(self, *starts: dict[str, Any]) -> None:
        """Puts a CLI on PATH; see `fake_cli.plan` for `starts`."""
        fake_cli.write(self.folder / "bin", ROOT)
        fake_cli.plan(self.cli, *starts)
        self.environ["FAKE_DAGGER"] = str(self.cli)

    def journal(self, word: str) -> list[Any]:
        """The values of the fake CLI's journal under `word`, in order."""
        return [entry[word] for entry in fake_cli.journal(self.cli) if word in entry]

    def request(self, *, prefix: str = "") -> BuildRequest:
        """For the tree as it is now."""
        commit = self.commit()
        return BuildRequest(repository.find(self.work), commit, prefix, self.spec(), self.progress.append)

    def spec(self) -> ServiceSpec:
        return parse((self.work / "coop.yaml").read_bytes())

    @asynccontextmanager
    async def builder(
        self, address: str = "registry.example.org/team", pulled_as: str | None = None, **options: Any
    ) -> AsyncIterator[DaggerBuilder]:
        where = registry(address, pulled_as)
        configuration = Configuration(where, staging=self.folder / "staging", **options)
        builder = DaggerBuilder(configuration, self.environ)
        try:
            yield builder
        finally:
            await builder.close()


def words(chain: Chain) -> list[str]:
    """The fields of a chain of calls."""
    return [call.field for call in chain]


def arguments(chain: Chain, name: str) -> list[dict[str, Any]]:
    """What each call of `name` in the chain was given."""
    return [call.args for call in chain if call.field == name]
