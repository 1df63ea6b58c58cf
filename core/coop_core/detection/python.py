"""Programs in Python: web frameworks, packages that can be run, tests. Pure."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from coop_core.detection.findings import Finding, Weight, note

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from coop_core.detection.tree import Tree

HOST = "${HOST:-0.0.0.0}"
"""Loopback on the local platform, which sets HOST, and every address in a container."""

_MARKS = ("requirements.txt", "pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "manage.py", "uv.lock")
_ASGI = "FastAPI|Starlette|Litestar|Quart|Sanic|BlackSheep"
_APP = re.compile(rf"^(\w+)(?:\s*:\s*[\w.]+)?\s*=\s*(?:\w+\.)?(Flask|{_ASGI})\(")
_FACTORY = re.compile(r"^def (create_app|make_app)\(")
_SETTINGS = re.compile(r"DJANGO_SETTINGS_MODULE['\"]\s*,\s*['\"]([\w.]+)\.settings[\w.]*['\"]")
_GUARD = re.compile(r"^if __name__ == ['\"]__main__['\"]")
_SERVES = re.compile(r"PORT|HTTPServer|run_app\(|serve_forever|\.listen\(|app\.run\(|uvicorn\.run\(")
_SCRIPT = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)")
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
PLAIN = ("app.py", "main.py", "server.py", "run.py", "wsgi.py")


def look(tree: Tree) -> Iterator[Finding]:
    """Nothing unless there is a Python program."""
    if not is_python(tree):
        return
    packages = _packages(tree)
    found = [*_django(tree, packages), *_apps(tree, packages)]
    yield from found or _runnable(tree)
    if _root(tree):
        yield Finding("env.PYTHONPATH", "src", "the packages lie under src/", Weight.RECOGNISED)
    yield from _tests(tree, packages)


def is_python(tree: Tree) -> bool:
    return any(tree.has(mark) for mark in _MARKS) or bool(tree.code(".py"))


def project(tree: Tree) -> dict[str, Any]:
    """The [project] table, or Poetry's; {} when there is none that can be read."""
    try:
        about = tomllib.loads(tree.text("pyproject.toml"))
        return {**about.get("tool", {}).get("poetry", {}), **about.get("project", {})}
    except (tomllib.TOMLDecodeError, AttributeError, TypeError, RecursionError):
        return {}


def _packages(tree: Tree) -> frozenset[str]:
    """Names of what is asked for, for running or for testing, in any of the usual files."""
    lines: list[str] = []
    for path, text in tree.texts.items():
        if re.fullmatch(r"(requirements[^/]*|requirements/[^/]*)\.(txt|in)", path):
            lines += text.splitlines()
    about = project(tree)
    listed = about.get("dependencies", [])
    lines += [str(name) for name in listed] if isinstance(listed, list | dict) else []
    for group in ("optional-dependencies", "dependency-groups"):
        for names in about[group].values() if isinstance(about.get(group), dict) else ():
            lines += [str(name) for name in names] if isinstance(names, list) else []
    lines += re.findall(r"^([\w.-]+)\s*=", tree.text("Pipfile"), re.MULTILINE)
    found = {match[1].lower().replace("_", "-") for line in lines if (match := _REQUIREMENT.match(line))}
    return frozenset(found | ({"uvicorn"} if any("fastapi[standard" in line for line in lines) else set()))


def _django(tree: Tree, packages: frozenset[str]) -> Iterator[Finding]:
    found = next(tree.search(_SETTINGS, ["manage.py"]), None)
    if found is None:
        return
    name, where = found.match[1], f"{found.where} is Django's"
    serves = [server for server in ("gunicorn", "uvicorn") if server in packages]
    if "gunicorn" in serves:
        run = f"gunicorn {name}.wsgi --bind {HOST}:$PORT"
    elif serves and any(path.endswith("asgi.py") for path in tree.paths):
        run = f"python -m uvicorn {name}.asgi:application --host {HOST} --port $PORT"
    else:
        run = f"python manage.py runserver --noreload {HOST}:$PORT"
    yield Finding("run", run, _with(where, serves), Weight.RECOGNISED)
    yield note("Django answers to the hosts in ALLOWED_HOSTS alone: .localhost, and your own domain, belong there")


def _apps(tree: Tree, packages: frozenset[str]) -> Iterator[Finding]:
    if tree.has("manage.py"):
        return
    paths = tree.code(".py")
    apps = list(tree.search(_APP, paths))
    for app in apps:
        run, serves = _served(_module(tree, app.path), app.match[1], app.match[2], packages)
        yield Finding("run", run, _with(f"{app.where} makes the {app.match[2]} app", serves), Weight.RECOGNISED)
    if not apps and "flask" in packages:
        for factory in tree.search(_FACTORY, paths):
            run, serves = _served(_module(tree, factory.path), f"{factory.match[1]}()", "Flask", packages)
            yield Finding("run", run, _with(f"{factory.where} makes the Flask app", serves), Weight.RECOGNISED)
    if "streamlit" in packages:
        for path in [path for path in paths if re.search(r"^import streamlit", tree.text(path), re.MULTILINE)][:1]:
            run = f"streamlit run {path} --server.address {HOST} --server.port $PORT --server.headless true"
            yield Finding("run", run, f"{path} is a Streamlit page", Weight.RECOGNISED)


def _served(module: str, app: str, framework: str, packages: frozenset[str]) -> tuple[str, list[str]]:
    """The command, and the server that was chosen because it is asked for."""
    target = f"'{module}:{app}'" if app.endswith(")") else f"{module}:{app}"
    if framework == "Flask":
        if "gunicorn" in packages:
            return f"gunicorn {target} --bind {HOST}:$PORT", ["gunicorn"]
        return f"python -m flask --app {target} run --host {HOST} --port $PORT", []
    if "gunicorn" in packages and "uvicorn" in packages:
        return f"gunicorn {target} --worker-class uvicorn.workers.UvicornWorker --bind {HOST}:$PORT", ["gunicorn"]
    if "hypercorn" in packages and "uvicorn" not in packages:
        return f"hypercorn {target} --bind {HOST}:$PORT", ["hypercorn"]
    return f"python -m uvicorn {target} --host {HOST} --port $PORT", ["uvicorn"] if "uvicorn" in packages else []


def _runnable(tree: Tree) -> Iterator[Finding]:
    """What can be run with `python -m`, or as a file."""
    paths = tree.code(".py")
    mains = [path for path in paths if path.endswith("/__main__.py")]
    for path in mains:
        module = _module(tree, path.removesuffix("/__main__.py"))
        yield Finding("run", f"python -m {module}", f"{path} is there", Weight.LIKELY)
    if mains:
        return
    scripts = project(tree).get("scripts", {})
    for name, target in scripts.items() if isinstance(scripts, dict) else ():
        if isinstance(target, str) and (match := _SCRIPT.fullmatch(target)):
            run = f'python -c "from {match[1]} import {match[2]}; {match[2]}()"'
            yield Finding("run", run, f"pyproject.toml names it as the script {name}", Weight.LIKELY)
    guarded = {hit.path: hit for hit in tree.search(_GUARD, paths) if _SERVES.search(tree.text(hit.path))}
    for path, hit in guarded.items():
        yield Finding("run", _run_file(tree, path), f"{hit.where} starts it", Weight.LIKELY)
    for path in (name for name in PLAIN if tree.has(name) and name not in guarded):
        weight = Weight.LIKELY if _SERVES.search(tree.text(path)) else Weight.GUESSED
        yield Finding("run", f"python {path}", f"{path} is there", weight)


def _run_file(tree: Tree, path: str) -> str:
    return f"python -m {_module(tree, path)}" if "/" in path else f"python {path}"


def _tests(tree: Tree, packages: frozenset[str]) -> Iterator[Finding]:
    tests = sorted(path for path in tree.paths if re.search(r"(^|/)(test_[^/]*|[^/]*_test)\.py$", path))
    if tests and ("pytest" in packages or tree.has("pytest.ini") or "[tool.pytest" in tree.text("pyproject.toml")):
        yield Finding("test", "python -m pytest", f"pytest is asked for, and there is {tests[0]}")
    elif tree.has("manage.py") and (tests or any(path.endswith("/tests.py") for path in tree.paths)):
        yield Finding("test", "python manage.py test", "it is a Django project with tests")
    elif any("unittest" in tree.text(path) for path in tests):
        yield Finding("test", "python -m unittest", f"{tests[0]} is a unittest")


def _module(tree: Tree, path: str) -> str:
    """The name under which a file is imported, from the folder that the program runs in."""
    inside = path.removeprefix(_root(tree))
    return inside.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _root(tree: Tree) -> str:
    """Where packages lie when that is not the folder itself."""
    is_layout = not tree.has("src/__init__.py") and any(path.startswith("src/") for path in tree.code(".py"))
    return "src/" if is_layout else ""


def _with(where: str, servers: Sequence[str]) -> str:
    return f"{where}, and {servers[0]} is asked for" if servers else where
