"""`coop init` at a terminal, and in a script."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from coop_core.errors import CoopError, ExitCode
from coop_core.spec import parse
from coop_tui.commands import init
from tests.detection import shapes

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.spec import ServiceSpec


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder called shop, in which the command runs."""
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


def run(*arguments: str) -> str:
    """What it prints without a terminal; raises what it raises."""
    done = CliRunner().invoke(init.command, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def at_terminal(monkeypatch: pytest.MonkeyPatch, answers: str) -> str:
    """What it prints when somebody answers."""
    monkeypatch.setattr("coop_tui.commands.init._is_terminal", lambda: True)
    done = CliRunner().invoke(init.command, [], input=answers, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def spec(folder: Path) -> ServiceSpec:
    return parse((folder / "coop.yaml").read_bytes())


def test_it_shows_what_it_found_and_why_and_writes_it(repository: Path) -> None:
    shapes.write(shapes.FLASK, repository)
    shown = run()
    assert shown.splitlines() == [
        "shop",
        "  run      python -m flask --app app:app run --host ${HOST:-0.0.0.0} --port $PORT  "
        "app.py:3 makes the Flask app",
        "  health   /healthz  app.py:6 answers it",
        "  test     python -m pytest  pytest is asked for, and there is tests/test_app.py",
        "wrote coop.yaml",
        "next: git init && coop dev",
    ]
    assert spec(repository).health == "/healthz"


def test_it_never_overwrites(repository: Path) -> None:
    shapes.write({**shapes.FLASK, "coop.yaml": "name: mine\n"}, repository)
    with pytest.raises(CoopError) as caught:
        run("--yes")
    assert caught.value.why.startswith("it is there already: ")
    assert caught.value.remedy == "edit it; coop init --print shows what coop would write"
    assert (repository / "coop.yaml").read_text() == "name: mine\n"
    assert "name: shop" in run("--print")
    assert (repository / "coop.yaml").read_text() == "name: mine\n"


def test_of_several_services_the_new_ones_are_written(repository: Path) -> None:
    shapes.write({**shapes.MONOREPO, "services/web/coop.yaml": "name: mine\n"}, repository)
    shown = run()
    assert [line for line in shown.splitlines() if line.startswith(("wrote", "next"))] == [
        "wrote services/api/coop.yaml", "wrote services/worker/coop.yaml",
        "next: git init && cd services/api && coop dev",
    ]  # fmt: skip
    assert (repository / "services/web/coop.yaml").read_text() == "name: mine\n"


def test_a_link_in_the_place_of_the_file_is_not_written_through(repository: Path, tmp_path: Path) -> None:
    shapes.write(shapes.FLASK, repository)
    (repository / "coop.yaml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CoopError):
        run()
    assert not (tmp_path / "elsewhere").exists()


def test_a_script_is_told_what_to_say_when_something_is_ambiguous(repository: Path) -> None:
    shapes.write(shapes.TWO_APPS, repository)
    with pytest.raises(CoopError) as caught:
        run()
    assert caught.value.exit_code == ExitCode.CONFIG
    assert caught.value.remedy == "coop init --yes takes the first; coop init --run … says it"
    assert not (repository / "coop.yaml").exists()
    run("--yes")
    assert "admin:app" in spec(repository).run


def test_without_a_hint_a_script_is_told_to_say_the_start(repository: Path) -> None:
    with pytest.raises(CoopError) as caught:
        run("--yes")
    assert caught.value.remedy == "coop init --run 'python -m shop'"
    assert os.listdir(repository) == []
    run("--yes", "--run", "python -m shop", "--name", "till", "--port", "9000", "--health", "/ok")
    found = spec(repository)
    assert (found.run, found.name, found.port, found.health) == ("python -m shop", "till", 9000, "/ok")


def test_where_only_folders_hold_programs_one_is_sent_there(repository: Path) -> None:
    shapes.write({"api/main.py": "print()\n", "web site/main.py": "print()\n"}, repository)
    for arguments in ((), ("--yes",)):
        with pytest.raises(CoopError) as caught:
            run(*arguments)
        assert caught.value.why == "its own files start nothing; api, web site may be services of their own"
        assert caught.value.remedy.startswith("cd api && coop init; or coop init --run ")
    assert os.listdir(repository / "api") == ["main.py"]
    shapes.write({"api/coop.yaml": "name: api\n"}, repository)
    with pytest.raises(CoopError) as caught:
        run("--yes")
    assert caught.value.remedy.startswith("cd 'web site' && coop init")


def test_services_that_are_left_out_are_named(repository: Path) -> None:
    shapes.write({**shapes.MONOREPO, "cron/main.py": "print()\n"}, repository)
    assert "note     cron may be a service of its own: cd cron && coop init" in run()


def test_a_file_that_is_almost_called_coop_yaml_is_not_written_beside(repository: Path) -> None:
    shapes.write({**shapes.FLASK, "coop.yml": "name: mine\n"}, repository)
    with pytest.raises(CoopError) as caught:
        run()
    assert caught.value.remedy == f"mv {repository}/coop.yml {repository}/coop.yaml"
    assert not (repository / "coop.yaml").exists()
    assert "name: shop" in run("--print")


def test_a_value_that_coop_yaml_cannot_have_is_refused_with_what_to_write(repository: Path) -> None:
    with pytest.raises(CoopError) as caught:
        run("--run", "x", "--port", "eighty")
    assert caught.value.remedy == "use a number from 1 to 65535, e.g. port: 8080"


def test_a_value_for_one_of_several_services_is_refused(repository: Path) -> None:
    shapes.write(shapes.MONOREPO, repository)
    with pytest.raises(CoopError) as caught:
        run("--port", "9000")
    assert caught.value.remedy == "coop init services/worker --port …"


def test_at_a_terminal_only_what_is_ambiguous_is_asked(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes.write(shapes.TWO_APPS, repository)
    shown = at_terminal(monkeypatch, "2\n")
    assert shown.count("?") == 1
    assert "How does shop start?" in shown
    assert "public:app" in spec(repository).run


def test_at_a_terminal_nothing_is_asked_when_all_is_clear(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes.write(shapes.FASTAPI, repository)
    assert "?" not in at_terminal(monkeypatch, "")


def test_an_answer_that_coop_yaml_cannot_have_is_asked_for_again(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = at_terminal(monkeypatch, "python 'x\npython -m shop\n")
    assert "close the quotation marks" in shown
    assert spec(repository).run == "python -m shop"


def test_kubernetes_yaml_moves_only_when_the_user_says_so(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes.write(shapes.KUBERNETES, repository)
    shown = run()
    assert "deploy/nightly.yaml (CronJob nightly) stays where it is: coop init --move-k8s takes it along" in shown
    assert "deploy/app.yaml (Deployment shop, Ingress shop) stays where it is: coop makes the Deployment" in shown
    assert not (repository / "k8s").exists()
    (repository / "coop.yaml").unlink()
    assert "Move deploy/nightly.yaml" in at_terminal(monkeypatch, "n\n")
    assert not (repository / "k8s").exists()
    (repository / "coop.yaml").unlink()
    assert "moved deploy/nightly.yaml to k8s/nightly.yaml" in run("--move-k8s")
    assert (repository / "k8s/nightly.yaml").read_text() == shapes.KUBERNETES["deploy/nightly.yaml"]
    assert not (repository / "deploy/nightly.yaml").exists()
    assert (repository / "deploy/app.yaml").exists()


def test_printing_leaves_standard_output_to_the_file(repository: Path) -> None:
    shapes.write(shapes.PROCFILE, repository)
    done = CliRunner().invoke(init.command, ["--print"])
    assert parse(done.stdout.encode()).run.startswith("gunicorn")
    assert "Procfile:2 says so" in done.stderr
    assert not (repository / "coop.yaml").exists()


def test_escapes_in_a_repository_do_not_reach_the_terminal(repository: Path) -> None:
    shapes.write({
        "package.json": '{"name": "x", "scripts": {"start": "x"}}', ".env.example": "A\x1b[31m=1\nB=\x1b]0;x\x07\n",
        "compose.yaml": (
            'services:\n  "\\e[31mred": {build: ., environment: {"API_KEY\\e[2J": x}}\n  "db\\e[2J": {}\n'
        ),
        "deploy/a.yaml": 'apiVersion: v1\nkind: "ConfigMap\\e[31m"\nmetadata: {name: "x\\e[31m"}\n',
    }, repository)  # fmt: skip
    assert "\x1b" not in run("--yes")
