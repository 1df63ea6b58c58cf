from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.clients.scene import playing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.clients.scene import Scene


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not on PATH; it sets the scene for every client")
    with playing(tmp_path_factory.mktemp("clients")) as scene:
        yield scene
