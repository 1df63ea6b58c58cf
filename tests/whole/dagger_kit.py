"""A user whose settings name a cluster and a registry, with a Dagger CLI on PATH that builds nothing.

The cluster is a local platform, whose API is read as any cluster's is. It can run what was published all the same:
the CLI puts the uploaded files where that platform keeps its images.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import yaml

from coop_core.build.images import REGISTRY as RUN_HERE
from coop_core.git import repository as repositories
from coop_core.platform import remotes
from tests.build_dagger import fake_cli
from tests.whole.whole_kit import PROGRAM, save

if TYPE_CHECKING:
    from tests.build_dagger.session_server import Fault
    from tests.whole.whole_kit import User

REGISTRY = '[registry]\naddress = "registry.example.org/team"\n'
HOST = "hello.dev-ada.localhost"


@dataclass(frozen=True, slots=True)
class Team:
    """user: whose folder and home it is. cli: where the Dagger CLI keeps its journal."""

    user: User
    cli: Path

    @classmethod
    def of(cls, user: User) -> Team:
        program = fake_cli.write(user.folder.parent / "bin", Path(__file__).parents[2])
        team = cls(user, user.folder.parent / "dagger")
        user.environ["PATH"] = f"{program.parent}:{user.environ['PATH']}"
        user.environ["FAKE_DAGGER"] = str(team.cli)
        team.settings(REGISTRY)
        team.plan()
        return team

    def settings(self, *tables: str, builder: str = "", cluster: bool = True) -> None:
        kubeconfig = self.user.home.platform / "kubeconfig"
        there = f'[cluster]\nkubeconfig = "{kubeconfig}"\nscheme = "http"\n' if cluster else ""
        chosen = f'builder = "{builder}"\n' if builder else ""
        self.user.home.settings_file.write_text("\n".join(['user = "ada"\nport = 0', chosen, there, *tables]))

    def runs_what_is_published(self) -> None:
        """The cluster's agent reads the repository, and its nodes find the images."""
        remotes.follow(self.user.home, repositories.find(self.user.folder), str(self.remote))
        self.settings(f'{REGISTRY}pulled_as = "{RUN_HERE}"\n')
        self.plan()
        text = (self.user.folder / "coop.yaml").read_text()
        (self.user.folder / "coop.yaml").write_text(text.replace("run: python ", f"run: {sys.executable} "))

    @property
    def remote(self) -> Path:
        return self.user.folder.parent / "hello.git"

    def plan(self, *starts: dict[str, Any]) -> None:
        """What the sessions do, in the order in which they start; see `fake_cli.plan`."""
        fake_cli.plan(self.cli, *starts, images=self.user.home.images)

    def fault(self, fault: Fault) -> None:
        fake_cli.fault(self.cli, fault)

    def journal(self, word: str) -> list[Any]:
        return [entry[word] for entry in fake_cli.journal(self.cli) if word in entry]

    def sessions(self) -> list[int]:
        """Those that run."""
        return [pid for pid in self.journal("start") if psutil.pid_exists(pid)]

    def events(self, name: str) -> list[dict[str, Any]]:
        log = self.user.home.devloop("dev-ada", "hello") / "events.jsonl"
        lines = log.read_text().splitlines() if log.exists() else []
        return [entry for line in lines if (entry := json.loads(line))["event"] == name]

    def image_in_git(self) -> str:
        shown = self.user.git("--git-dir", str(self.remote), "show", "env/dev-ada:hello/deployment-hello.yaml")
        image: str = yaml.safe_load(shown)["spec"]["template"]["spec"]["containers"][0]["image"]
        return image

    def save(self, message: str) -> None:
        """A program that answers with `message`."""
        save(self.user.folder / "app.py", PROGRAM.format(message=message))
