"""What changes pass over: `watch.ignore`, `.dockerignore`, and what always counts."""

from __future__ import annotations

import pytest

from coop_devloop.ignoring import Rules


@pytest.mark.parametrize(
    ("pattern", "path", "is_ignored"),
    [
        ("*.md", "README.md", True),
        ("*.md", "docs/deep/page.md", True),
        ("docs/", "docs/page.txt", True),
        ("/notes", "deep/notes", False),
        ("*.md", "app.py", False),
    ],
)
def test_watch_ignore_reads_as_a_gitignore(pattern: str, path: str, is_ignored: bool) -> None:
    assert (Rules([pattern]).ignoring(path) is not None) is is_ignored


@pytest.mark.parametrize(
    ("text", "path", "is_ignored"),
    [
        ("docs", "docs/page.md", True),
        ("docs", "deep/docs/page.md", False),
        ("**/*.log", "deep/a.log", True),
        ("*.log", "deep/a.log", False),
        ("./tmp/", "tmp/x", True),
        ("*\n!app.py", "app.py", False),
        ("*\n!src/app.py", "src/app.py", False),
        ("*\n!app.py", "other.py", True),
        ("# docs\n\n", "docs/page.md", False),
        (".", "app.py", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
    ],
)
def test_dockerignore_reads_as_docker_reads_it(text: str, path: str, is_ignored: bool) -> None:
    assert (Rules([], text.encode()).ignoring(path) is not None) is is_ignored


@pytest.mark.parametrize("path", ["coop.yaml", "k8s/config.yaml", "Dockerfile", ".dockerignore"])
def test_what_says_how_to_deploy_always_counts(path: str) -> None:
    assert Rules(["*"], b"*").ignoring(path) is None


def test_the_rule_is_named_with_its_line() -> None:
    rules = Rules(["*.md"], b"# what no image needs\n\ntests/\n")
    assert str(rules.ignoring("tests/test_app.py")) == ".dockerignore:3: tests/"
    assert str(rules.ignoring("README.md")) == "coop.yaml: watch.ignore *.md"
