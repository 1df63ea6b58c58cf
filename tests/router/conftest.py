from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.router.backends import Backends
from tests.runtime.running_kit import Bench

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A started platform; its pods end with the test."""
    found = Bench(tmp_path)
    await found.start()
    yield found
    await found.close()


@pytest.fixture
async def backends(bench: Bench) -> AsyncIterator[Backends]:
    found = Backends(bench)
    yield found
    await found.close()
