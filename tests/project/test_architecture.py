"""ARCHITECTURE.md tells the truth of today, on two screens."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
SCREEN_LINES = 55
WIDTH = 130


def test_the_page_fits_two_screens() -> None:
    lines = PAGE.splitlines()
    assert len(lines) <= 2 * SCREEN_LINES
    assert max(map(len, lines)) <= WIDTH


def test_every_file_and_folder_it_names_exists() -> None:
    named = set(re.findall(r"`((?:core|devloop|tui|tests|sample-app|benchmarks|docs|scripts)/[^`\s]*)`", PAGE))
    assert named, "the page names no file any more: is the pattern still right?"
    missing = sorted(path for path in named if not (ROOT / path).exists())
    assert not missing


def test_every_package_of_the_code_is_named() -> None:
    packages = {
        path.parent.relative_to(ROOT).as_posix()
        for top in ("core", "devloop", "tui")
        for path in (ROOT / top).rglob("__init__.py")
    }
    unnamed = sorted(package for package in packages if f"`{package}/" not in PAGE)
    assert not unnamed
