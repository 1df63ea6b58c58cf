"""What a command pays for: modules that must not be loaded before they are needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "textual",
    "rich",
    "kubernetes",
    "git",
    "aiohttp",
    "watchfiles",
    "psutil",
    "cryptography",
    "yaml",
    "asyncio",
    "dagger",
    "opentelemetry",
    "graphql",
)


def loaded_by(statement: str) -> set[str]:
    """Top-level modules in a fresh interpreter after `statement`."""
    program = f"import sys\n{statement}\nprint(*{{name.split('.')[0] for name in sys.modules}}, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_loads_nothing_that_it_does_not_print(arguments: list[str]) -> None:
    statement = f"from coop_tui.cli import main\ntry:\n    main({arguments!r})\nexcept SystemExit:\n    pass"
    assert not loaded_by(statement) & set(HEAVY)


@pytest.mark.parametrize(
    "module", ["coop_core.platform.serving", "coop_devloop.session", "coop_tui.status", "coop_tui.narration"]
)
def test_nothing_but_the_dashboard_loads_textual(module: str) -> None:
    assert not loaded_by(f"import {module}") & {"textual", "rich"}


@pytest.mark.parametrize(
    "module",
    ["coop_tui.building", "coop_tui.demo.play", "coop_core.build.dagger.builder", "coop_core.platform.serving"],
)
def test_nothing_but_a_build_with_dagger_loads_its_sdk(module: str) -> None:
    assert not loaded_by(f"import {module}") & {"dagger", "opentelemetry", "graphql", "httpx"}


def test_a_platform_starts_without_the_kubernetes_client() -> None:
    assert "kubernetes" not in loaded_by("import coop_core.platform.serving")


def test_a_platform_leaves_the_rules_of_custom_kinds_to_their_process() -> None:
    assert not loaded_by("import coop_core.platform.serving") & {"cel_expr_python", "google"}
