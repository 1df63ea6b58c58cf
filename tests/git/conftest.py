from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.git.git_scene import Scene, new_scene

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git reads the test's settings and nobody else's."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[user]\nname = Ada Lovelace\nemail = ada@example.org\n[init]\ndefaultBranch = main\n"
        '[protocol "file"]\nallow = always\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture(scope="session")
def first_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the one scene that is made by git lies; all others are copies, which take a tenth of the time."""
    return tmp_path_factory.mktemp("first") / "scene"


@pytest.fixture
def scene(first_scene: Path, tmp_path: Path) -> Scene:
    made = Scene(first_scene / "work", first_scene / "remote.git")
    if not first_scene.exists():
        new_scene(first_scene)
    copy = Scene(tmp_path / "scene" / "work", tmp_path / "scene" / "remote.git")
    shutil.copytree(first_scene, copy.work.parent, symlinks=True)
    config = copy.work / ".git" / "config"
    config.write_text(config.read_text().replace(str(made.bare), str(copy.bare)))
    return copy
