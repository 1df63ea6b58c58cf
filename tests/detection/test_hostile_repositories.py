"""Whatever lies in a repository: a proposal, and a file that the loader takes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coop_core.detection import gathering
from coop_core.detection.gathering import gather
from coop_core.detection.proposing import as_name, propose
from coop_core.detection.writing import text
from coop_core.spec import parse
from tests.detection.shapes import tree

if TYPE_CHECKING:
    from pathlib import Path

_PATHS = st.sampled_from([
    "Procfile", "Dockerfile", "compose.yaml", "package.json", "pyproject.toml", "go.mod", "manage.py", "app.py",
    "requirements.txt", "Makefile", ".env.example", "deploy/a.yaml", "k8s/b.yaml", "src/x/__main__.py", "a/app.py",
    "a/package.json", "Pipfile", "index.html", "config.ru",
])  # fmt: skip
_LINES = st.sampled_from([
    "web: \x1b[31mrun\x07", "web: 'open", "web:", "web: " + "x" * 5000, "CMD [1, 2]",
    'CMD ["sh", "-c", "python x"]', "a = " + "[" * 9999, "[" * 9999,
    "CMD python 'a", "EXPOSE 99999 x 0", "ENTRYPOINT", "FROM \\", "{", "[]",
    '{"scripts": 1, "main": 2, "name": [3]}', '{"scripts": {"start": null}}', "[project]", "name = 5",
    "scripts = 5", "dependencies = {a = 1}", "[tool]",
    "poetry = 3", "services: {a: {build: .., ports: 5, environment: 7}, b: 3}", "services: [",
    "app = Flask(__name__)",
    "services: {a: {build: {context: 5}, command: [1], ports: [x, {target: y}], environment: {A: {}, B: null}}}",
    "apiVersion: v1", "kind: Deployment", "metadata: {name: x}", "spec: 5", "spec: {template: 5, replicas: x}",
    "spec: {template: {spec: {containers: [5]}}}", "kind: Ingress",
    "spec: {rules: [5, {host: [1]}, {host: 'A B'}]}",
    "module \x1b]0;x\x07", "SECRET=\x1b[2J", "path('healthz', x)", "\x00", "\u202e", "- a", "test:", "a: &a [*a]",
])  # fmt: skip


@given(st.dictionaries(_PATHS, st.lists(_LINES, max_size=6).map("\n".join), max_size=6))
@settings(deadline=None, max_examples=400)
def test_any_files_end_in_a_proposal_and_a_file_that_is_clean(files: dict[str, str]) -> None:
    for proposal in propose(tree(files)):
        known = proposal if proposal.starts else proposal.chosen("run", "./start")
        written = text(known)
        assert parse(written.encode()).name == known.name
        assert all(char.isprintable() or char == "\n" for char in written)


@given(st.text(max_size=80))
def test_a_name_is_one_that_the_loader_takes_or_none(name: str) -> None:
    found = as_name(name)
    assert not found or parse(f"name: '{found}'".encode()).name == found


def test_no_link_is_followed_and_nothing_but_plain_files_is_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("web: cat /etc/passwd\n")
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Procfile").symlink_to(outside)
    os.mkfifo(folder / "package.json")
    (folder / "app.py").write_text("x" * (gathering.TEXT_LIMIT_BYTES + 1))
    (folder / "Makefile").write_text("test:\n")
    assert set(gather(folder).texts) == {"Makefile"}


@pytest.mark.parametrize("is_repository", [True, False])
def test_what_is_installed_and_made_is_not_looked_at(tmp_path: Path, is_repository: bool) -> None:
    import subprocess

    for path in ("app.py", "node_modules/x/package.json", "venv/lib/flask/app.py", ".hidden/app.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x\n")
    if is_repository:
        subprocess.run(["git", "init", "--quiet", "--template="], cwd=tmp_path, check=True)
        (tmp_path / ".gitignore").write_text("node_modules/\nvenv/\n.*\n")
    assert gather(tmp_path).paths == {"app.py"}


def test_a_file_of_yaml_that_is_a_bomb_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "\n".join(["a0: &a0 x", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])
    )
    (tmp_path / "app.py").write_text("x\n")
    assert [proposal.folder for proposal in propose(gather(tmp_path))] == [""]
