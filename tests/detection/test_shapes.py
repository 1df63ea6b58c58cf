"""What is proposed for repositories as people have them."""

from __future__ import annotations

from typing import Any

import pytest

from coop_core.detection.proposing import Proposal, propose
from coop_core.detection.writing import text
from coop_core.spec import parse
from tests.detection import shapes
from tests.detection.shapes import Files, tree

HOST = "${HOST:-0.0.0.0}"


def one(files: Files) -> Proposal:
    [found] = propose(tree(files))
    return found


@pytest.mark.parametrize(("files", "wanted"), [
    (shapes.FLASK, {
        "name": "shop", "run": f"python -m flask --app app:app run --host {HOST} --port $PORT",
        "health": "/healthz", "test": "python -m pytest", "port": 8080,
    }),
    (shapes.FLASK_FACTORY, {
        "name": "the-shop", "run": f"gunicorn 'shop:create_app()' --bind {HOST}:$PORT", "health": "", "test": "",
    }),
    (shapes.FASTAPI, {
        "name": "api", "run": f"python -m uvicorn app.main:app --host {HOST} --port $PORT", "health": "/health",
    }),
    (shapes.DJANGO, {
        "run": f"gunicorn mysite.wsgi --bind {HOST}:$PORT", "health": "/healthz/", "test": "python manage.py test",
    }),
    (shapes.EXPRESS, {"name": "web", "run": "npm start", "health": "/healthz", "test": "npm test", "port": 8080}),
    (shapes.EXPRESS_FIXED, {"run": "node server.js", "test": "", "port": 3000}),
    (shapes.STATIC, {"run": "", "health": "/"}),
    (shapes.STATIC_BELOW, {"run": "", "health": "/"}),
    (shapes.GO_DOCKERFILE, {
        "name": "ledger", "run": "", "port": 9000, "health": "/readyz", "test": "go test ./...",
    }),
    (shapes.PROCFILE, {"run": "gunicorn shop:app --bind 0.0.0.0:$PORT", "port": 8080}),
    (shapes.SRC_LAYOUT, {
        "name": "good-day", "run": "python -m good_day", "env": {"PYTHONPATH": "src"}, "test": "python -m pytest",
    }),
    (shapes.DOCKERFILE_PYTHON, {
        "run": "gunicorn --bind 0.0.0.0:$PORT web:application", "port": 8000, "health": "/up",
    }),
    (shapes.STANDARD_LIBRARY, {"run": "python server.py"}),
    (shapes.KUBERNETES, {"run": "python app.py", "port": 9090, "health": "/ready"}),
], ids=lambda value: "" if "name" in value or "run" in value else "-".join(sorted(value))[:30])  # fmt: skip
def test_each_shape_ends_in_a_coop_yaml_that_the_loader_takes(files: Files, wanted: dict[str, Any]) -> None:
    proposal = one(files)
    assert proposal.questions() == []
    spec = parse(text(proposal).encode())
    assert {key: getattr(spec, key) for key in wanted} == wanted


def test_every_line_that_was_found_has_its_reason() -> None:
    lines = text(one(shapes.FLASK)).splitlines()
    assert lines[1:5] == [
        "name: shop                               # part of its URL",
        "# app.py:3 makes the Flask app",
        f"run: python -m flask --app app:app run --host {HOST} --port $PORT",
        "port: 8080                               # given to it as $PORT",
    ]


def test_a_monorepo_gets_a_file_for_each_service_and_none_for_a_library() -> None:
    found = propose(tree(shapes.MONOREPO))
    assert [(proposal.file, proposal.name) for proposal in found] == [
        ("services/api/coop.yaml", "api"), ("services/web/coop.yaml", "web"),
        ("services/worker/coop.yaml", "worker"),
    ]  # fmt: skip
    assert [parse(text(proposal).encode()).run.split()[0] for proposal in found] == ["python", "npm", "python"]


def test_a_compose_file_says_which_folders_are_services_and_what_they_need() -> None:
    backend, frontend = propose(tree(shapes.COMPOSE))
    spec = parse(text(backend).encode())
    assert (backend.folder, spec.name, spec.run, spec.port, spec.health) == (
        "backend", "api", "python -m uvicorn main:app --port $PORT", 8000, "/live",
    )  # fmt: skip
    assert spec.env == {"GREETING": "hello", "DEBUG": "true"}
    assert (frontend.folder, frontend.name, parse(text(frontend).encode()).env) == ("frontend", "web", {})
    assert "compose.yaml also starts db, cache: coop does not" in " ".join(backend.notes)


@pytest.mark.parametrize("files", [shapes.COMPOSE, shapes.PROCFILE])
def test_a_secret_gets_neither_into_the_file_nor_onto_the_terminal(files: Files) -> None:
    for proposal in propose(tree(files)):
        shown = text(proposal) + " ".join(proposal.notes)
        assert "hunter2" not in shown
        assert "s3cret" not in shown


def test_a_root_that_starts_is_the_service_and_others_are_told() -> None:
    files = {**shapes.FLASK, "frontend/package.json": '{"scripts": {"start": "vite"}}'}
    proposal = one(files)
    assert proposal.folder == ""
    assert proposal.left_out == ("frontend",)


def test_folders_with_a_program_and_no_other_mark_are_left_out_by_name() -> None:
    plain = {"api/main.py": "print()\n", "web/server.js": "", "web/ui/app.py": ""}
    aside = {"tests/main.py": "", "src/app.py": "", "shop/__init__.py": "", "shop/app.py": "", "a/b/c/main.py": ""}
    assert one({**plain, **aside}).left_out == ("api", "web")
    assert one({"api/coop.yaml": "name: api\n", **plain}).left_out == ("web",)
    services = propose(tree({**shapes.MONOREPO, **plain}))
    assert [proposal.folder for proposal in services] == ["services/api", "services/web", "services/worker"]
    assert [proposal.left_out for proposal in services] == [("api", "web"), (), ()]


def test_two_apps_are_a_question_with_both_as_answers() -> None:
    [question] = one(shapes.TWO_APPS).questions()
    assert [option.value.split()[4] for option in question.options] == ["admin:app", "public:app"]
    settled = one(shapes.TWO_APPS).chosen("run", question.options[1].value)
    assert settled.questions() == []
    assert parse(text(settled).encode()).run == question.options[1].value


@pytest.mark.parametrize("files", [shapes.NOTHING, shapes.EMPTY])
def test_without_any_hint_the_start_is_asked_for_and_not_invented(files: Files) -> None:
    [question] = one(files).questions()
    assert (question.key, question.options) == ("run", ())
    assert parse(text(one(files).chosen("run", "./start")).encode()).run == "./start"


def test_a_deployment_is_evidence_and_stays_while_what_coop_can_take_may_move() -> None:
    proposal = one(shapes.KUBERNETES)
    spec = parse(text(proposal).encode())
    assert (spec.main.replicas, spec.main.host) == (4, "shop.example.org")
    assert {manifest.path: (manifest.target, manifest.why_not) for manifest in proposal.manifests} == {
        "deploy/app.yaml": ("k8s/app.yaml", "coop makes the Deployment"),
        "deploy/nightly.yaml": ("k8s/nightly.yaml", ""),
        "deploy/secret.yaml": ("k8s/secret.yaml", "a Secret would be readable by everybody who can read Git"),
    }


def test_what_lies_under_k8s_already_is_looked_at_with_coops_eyes() -> None:
    deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\n"
    files = {**shapes.STATIC, "k8s/app.yaml": deployment, "k8s/base/app.yaml": deployment}
    assert one(files).notes == (
        "k8s/ holds k8s/base/app.yaml: the only folders that coop knows there are main/ and personal/",
        "k8s/app.yaml holds a Deployment: it is merged onto the one that coop makes, its image too",
    )


def test_a_go_program_with_an_image_of_its_own_gets_no_run_line_but_a_hint() -> None:
    proposal = one(shapes.GO_DOCKERFILE)
    assert "# no run: the image starts with /ledger -v (Dockerfile:9 starts it)\n" in text(proposal)
    assert proposal.notes == ("the local platform reads no Dockerfile: to work there, add run: go run .",)


def test_a_folder_with_a_coop_yaml_says_so() -> None:
    assert one({**shapes.FLASK, "coop.yaml": "name: x\n"}).is_there
    assert not one(shapes.FLASK).is_there


def test_services_of_one_name_are_told_apart_by_their_folders() -> None:
    start = '{"name": "app", "scripts": {"start": "node ."}}'
    found = propose(tree({"a/package.json": start, "b/package.json": start}))
    assert [proposal.name for proposal in found] == ["a", "b"]
