"""Programs in Node, Go, Rust and Ruby, and folders of static files. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from coop_core.detection.findings import Finding, Weight, note
from coop_core.detection.python import HOST, is_python

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.detection.tree import Tree

SITES = ("index.html", "public/index.html", "dist/index.html", "site/index.html")
"""First pages; the builders serve the folder of the first that is there."""

_NODE = (".js", ".mjs", ".cjs", ".ts")
_NODE_PLAIN = ("server.js", "index.js", "app.js", "main.js", "src/server.js", "src/index.js")
_LISTENS = re.compile(r"\.listen\(|createServer\(|Bun\.serve\(|Deno\.serve\(")
_LOCKS = (("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"))
_MAIN_GO = re.compile(r"^package main\b", re.MULTILINE)


def look(tree: Tree) -> Iterator[Finding]:
    """Nothing where the program is none of these."""
    if tree.has("package.json"):
        yield from _node(tree)
    elif tree.has("go.mod"):
        yield from _go(tree)
    elif tree.has("Cargo.toml") and (tree.has("src/main.rs") or any("src/bin/" in path for path in tree.paths)):
        yield Finding("run", "cargo run --release", "Cargo.toml and a main program are there", Weight.LIKELY)
        yield Finding("test", "cargo test", "Cargo.toml is there", Weight.LIKELY)
    elif tree.has("config.ru"):
        is_rails = tree.has("bin/rails")
        server = f"bin/rails server -b {HOST} -p $PORT" if is_rails else f"bundle exec rackup -o {HOST} -p $PORT"
        yield Finding("run", server, "config.ru is there", Weight.RECOGNISED)


def site(tree: Tree) -> str:
    """The first page, where the folder holds static files and no program; else ""."""
    has_program = tree.has("package.json") or tree.has("go.mod") or is_python(tree)
    return "" if has_program else next((page for page in SITES if tree.has(page)), "")


def package(tree: Tree) -> dict[str, Any]:
    """package.json; {} when it cannot be read."""
    try:
        found = json.loads(tree.text("package.json"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _node(tree: Tree) -> Iterator[Finding]:
    about = package(tree)
    scripts = about.get("scripts")
    scripts = scripts if isinstance(scripts, dict) else {}
    manager = next((name for lock, name in _LOCKS if tree.has(lock)), "npm")
    if "start" in scripts:
        yield Finding("run", f"{manager} start", "package.json has the script start")
    main = about.get("main")
    if isinstance(main, str) and tree.has(main.removeprefix("./")):
        name = main.removeprefix("./")
        yield Finding("run", f"node {name}", f"package.json says that {name} is the main file", Weight.LIKELY)
    for hit in tree.search(_LISTENS, tree.code(*_NODE[:3])):
        yield Finding("run", f"node {hit.path}", f"{hit.where} listens", Weight.LIKELY)
        break
    for name in (name for name in _NODE_PLAIN if tree.has(name)):
        yield Finding("run", f"node {name}", f"{name} is there", Weight.GUESSED)
    test = scripts.get("test")
    if isinstance(test, str) and "no test specified" not in test:
        yield Finding("test", f"{manager} test", "package.json has the script test")
    if "start" not in scripts and "build" in scripts:
        yield note("package.json has a script build and none called start: say what serves the result")


def _go(tree: Tree) -> Iterator[Finding]:
    mains = {path.rpartition("/")[0] for path in tree.code(".go") if _MAIN_GO.search(tree.text(path))}
    for folder in sorted(mains):
        target = f"./{folder}" if folder else "."
        why = f"{folder or 'the folder'} holds a package main"
        yield Finding("run", f"go run {target}", why, Weight.LIKELY)
    if any(path.endswith("_test.go") for path in tree.paths):
        yield Finding("test", "go test ./...", "there are Go tests", Weight.LIKELY)
