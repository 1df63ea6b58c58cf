"""What a shell is told when somebody presses the key."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from coop_tui.cli import COMMANDS
from coop_tui.completing import environments, services
from tests.project.test_imports import loaded_by

COOP = str(Path(sys.executable).with_name("coop"))


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two services and no remote; git and coop have homes of their own."""
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    folder = tmp_path / "shop"
    for name in ("web", "api"):
        (folder / "services" / name).mkdir(parents=True)
        (folder / "services" / name / "coop.yaml").write_text(f"# a service\nname: '{name}'  # it\n")
    git(folder, "init", "--quiet", "--template=", "--initial-branch=main")
    return folder


def commit(folder: Path) -> str:
    author = {
        f"GIT_{who}_{what}": "ada@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    tree = git(folder, "hash-object", "-w", "-t", "tree", "/dev/null")
    done = subprocess.run(
        ["git", "commit-tree", tree, "-m", "x"], cwd=folder, env={**os.environ, **author}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_services_are_found_in_the_whole_repository_from_anywhere_in_it(repository: Path) -> None:
    assert services(repository) == services(repository / "services" / "web") == {"web", "api"}


def test_environments_are_those_that_any_ref_speaks_of(repository: Path) -> None:
    made = commit(repository)
    for ref in ("refs/remotes/origin/env/dev-ada", "refs/coop/env/dev-bob/0123", "refs/heads/env/dev-eve"):
        git(repository, "update-ref", ref, made)
    git(repository, "update-ref", "refs/heads/feature/env/no", made)
    assert environments(repository) == {"dev-ada", "dev-bob", "dev-eve"}
    git(repository, "pack-refs", "--all")
    assert environments(repository) == {"dev-ada", "dev-bob", "dev-eve"}


def test_a_remote_on_this_disk_is_read_where_it_is(repository: Path, tmp_path: Path) -> None:
    remote = tmp_path / "shop.git"
    git(tmp_path, "init", "--quiet", "--bare", "--template=", str(remote))
    git(repository, "remote", "add", "origin", f"file://{remote}")
    git(remote, "update-ref", "refs/heads/env/dev-zoe", commit(remote))
    assert environments(repository) == {"dev-zoe"}


def test_the_repository_that_the_platform_keeps_is_read_too(repository: Path, tmp_path: Path) -> None:
    from coop_core.git.repository import find
    from coop_core.paths import Home
    from coop_core.platform.remotes import bare

    kept = bare(Home.from_environment(), find(repository))
    git(kept, "update-ref", "refs/heads/env/dev-ada", commit(kept))
    assert environments(repository) == {"dev-ada"}


def test_a_second_work_tree_knows_the_same_names(repository: Path, tmp_path: Path) -> None:
    made = commit(repository)
    git(repository, "update-ref", "refs/remotes/origin/env/dev-ada", made)
    git(repository, "worktree", "add", "--quiet", "--detach", str(tmp_path / "second"), made)
    assert environments(tmp_path / "second") == {"dev-ada"}


@pytest.mark.parametrize("break_it", [
    lambda folder: shutil.rmtree(folder / ".git"),
    lambda folder: (folder / ".git" / "packed-refs").write_bytes(b"\xff\n" * 10),
    lambda folder: (folder / ".git" / "config").write_bytes(b"\xff\x00"),
    lambda folder: (folder / ".git" / "reftable").mkdir(),
    lambda folder: (folder / "coop.yaml").symlink_to("/dev/zero"),
    lambda folder: os.mkfifo(folder / "coop.yaml"),
    lambda folder: (folder / ".git").rename(folder / "moved") and (folder / ".git").write_text("gitdir: /nowhere"),
])  # fmt: skip
def test_nothing_that_is_broken_makes_a_noise(repository: Path, break_it: object) -> None:
    assert callable(break_it)
    break_it(repository)
    done = complete(repository, "render", "-e", "")
    assert (done.stderr, done.stdout.split()) == ("", ["plain,main"])


def complete(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    asked = {
        "COMP_WORDS": " ".join(["coop", *words]),
        "COMP_CWORD": str(len(words)),
        "_COOP_COMPLETE": "bash_complete",
    }
    return subprocess.run(
        [COOP], cwd=folder, env={**os.environ, **asked}, capture_output=True, text=True, timeout=30, check=False
    )


def test_commands_are_completed_without_loading_them(repository: Path) -> None:
    done = complete(repository, "")
    assert [line.removeprefix("plain,") for line in done.stdout.splitlines()] == list(COMMANDS)


def test_completing_starts_no_platform_and_loads_nothing_slow(repository: Path) -> None:
    statement = (
        "import os\nos.environ.update(COMP_WORDS='coop render -e ', COMP_CWORD='3')\n"
        "os.environ['_COOP_COMPLETE'] = 'bash_complete'\n"
        "from coop_tui.cli import main\ntry:\n    main([])\nexcept SystemExit:\n    pass"
    )
    slow = {
        "asyncio",
        "yaml",
        "git",
        "kubernetes",
        "aiohttp",
        "msgspec",
        "psutil",
        "textual",
        "subprocess",
        "dagger",
    }
    assert not loaded_by(statement) & slow
    assert not (Path(os.environ["XDG_STATE_HOME"]) / "coop").exists()


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash here")
def test_bash_itself_completes_an_environment(repository: Path) -> None:
    git(repository, "update-ref", "refs/remotes/origin/env/dev-ada", commit(repository))
    script = (
        f'PATH="{Path(COOP).parent}:$PATH"; eval "$(coop completion bash)"\n'
        'COMP_WORDS=(coop render -e d); COMP_CWORD=3; _coop_completion coop d -e; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout == "dev-ada\n"


@pytest.mark.parametrize(
    ("shell", "part"), [("zsh", "compdef _coop_completion coop"), ("fish", "complete --no-files")]
)
def test_other_shells_get_clicks_script(repository: Path, shell: str, part: str) -> None:
    done = subprocess.run([COOP, "completion", shell], capture_output=True, text=True, check=True)
    assert part in done.stdout


def test_an_unknown_shell_is_told_which_there_are(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    done = subprocess.run([COOP, "completion"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "hint: coop completion bash" in done.stderr


def test_a_service_that_is_named_already_is_not_offered_again(repository: Path) -> None:
    assert complete(repository, "dev", "web", "").stdout == "plain,api\n"


@pytest.mark.parametrize("verb", ["sleep", "wake", "delete"])
def test_environments_are_offered_to_what_changes_them(repository: Path, verb: str) -> None:
    git(repository, "update-ref", "refs/remotes/origin/env/dev-ada", commit(repository))
    assert complete(repository, "env", verb, "d").stdout == "plain,dev-ada\n"
