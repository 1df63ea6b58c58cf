from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "runtime"))  # the kit is shared

from running_kit import Bench

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A started platform; its pods end with the test."""
    found = Bench(tmp_path)
    await found.start()
    yield found
    await found.close()
