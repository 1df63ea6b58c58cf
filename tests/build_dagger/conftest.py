from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.build_dagger.kit import Kit
from tests.build_dagger.session_server import SessionServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kit:
    """A repository with a service, and nothing of this machine's Docker or Dagger."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.org\n[init]\ndefaultBranch = main\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return Kit.make(tmp_path)


@pytest.fixture
async def server(kit: Kit) -> AsyncIterator[SessionServer]:
    """A session that somebody else runs, which the kit's builders attach to. Every query must have been valid."""
    started = SessionServer()
    await started.start()
    kit.attach(started)
    yield started
    await started.close()
    assert started.invalid == []
