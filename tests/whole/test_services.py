"""Several services of one repository in one `coop dev`, and why a file deploys or does not."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from tests.whole.whole_kit import PROGRAM, save, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.whole.whole_kit import User


def write(user: User, name: str, needs: str = "") -> Path:
    folder = user.folder / "services" / name
    folder.mkdir(parents=True)
    (folder / "coop.yaml").write_text(f"name: {name}\nrun: python app.py\nhealth: /\n{needs}")
    save(folder / "app.py", PROGRAM.format(message=f"{name} one"))
    return folder


def host(name: str) -> str:
    return f"{name}.dev-ada.localhost"


def test_services_start_after_what_they_need_and_fail_alone(user: User) -> None:
    user.git("init", "--quiet")
    api = write(user, "api")
    web = write(user, "web", "needs: [api]\n")
    save(api / "app.py", "raise SystemExit('api is broken')\n")
    loop = user.start("dev")
    loop.until("waits until api is live")
    loop.until("api is broken")
    assert user.get(host("web")) == ""
    save(api / "app.py", PROGRAM.format(message="api one"))
    wait_until(lambda: user.get(host("web")) == "web one", f"web follows api; the loop said\n{loop.text}")
    save(web / "app.py", "def oops(:\n")
    loop.until("SyntaxError")
    save(api / "app.py", PROGRAM.format(message="api two"))
    wait_until(lambda: user.get(host("api")) == "api two", f"api goes on; the loop said\n{loop.text}")
    assert user.get(host("web")) == "web one"
    assert loop.stop() == 0


ASKING = """\
import http.server, os, urllib.request

API = "http://{0[API_SERVICE_HOST]}:{0[API_SERVICE_PORT]}/".format(os.environ)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = urllib.request.urlopen(API).read()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body + b" to %d" % os.getpid())


http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""


def asked(user: User) -> str:
    """What web has heard of api; "" when it does not answer."""
    return user.get(host("web")).partition(" to ")[0]


def test_a_service_asks_the_one_that_it_needs_also_while_that_rolls_over(user: User) -> None:
    user.git("init", "--quiet")
    api, web = write(user, "api"), write(user, "web", "needs: [api]\n")
    save(web / "app.py", ASKING)
    loop = user.start("dev")
    loop.until("live in")
    wait_until(lambda: asked(user) == "api one", lambda: f"web asks api; it said\n{loop.text}")
    answers: Counter[str] = Counter()
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            answers[asked(user)] += 1

    def is_heard(version: str) -> bool:
        return answers[f"api {version}"] > 20

    clients = [threading.Thread(target=load) for _ in range(3)]
    for client in clients:
        client.start()
    try:
        for version in ("two", "three"):
            save(api / "app.py", PROGRAM.format(message=f"api {version}"))
            wait_until(partial(is_heard, version), lambda: f"{answers}\n{loop.text}")
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert set(answers) == {"api one", "api two", "api three"}
    assert loop.stop() == 0


def test_a_service_still_reaches_another_after_the_platform_was_killed(user: User) -> None:
    user.git("init", "--quiet")
    write(user, "api")
    save(write(user, "web", "needs: [api]\n") / "app.py", ASKING)
    loop = user.start("dev")
    loop.until("live in")
    wait_until(lambda: asked(user) == "api one", lambda: f"web asks api; it said\n{loop.text}")
    assert loop.stop() == 0
    before = user.get(host("web"))
    os.kill(user.platform().pid, signal.SIGKILL)
    assert user.coop("platform", "up").code == 0
    wait_until(lambda: user.get(host("web")) == before, "the same process of web asks api")


def test_a_service_is_run_by_name_with_what_it_needs_and_no_other(user: User) -> None:
    user.git("init", "--quiet")
    for name, needs in (("api", ""), ("web", "needs: [api]\n"), ("docs", "")):
        write(user, name, needs)
    loop = user.start("dev", "web")
    loop.until("live in", "✗")
    wait_until(lambda: user.get(host("web")) == "web one", f"web is served; the loop said\n{loop.text}")
    assert "docs in" not in loop.text
    unknown = user.coop("dev", "wbe")
    assert unknown.code == 3
    assert "hint: write web" in unknown.err


def test_two_services_of_one_name_are_refused_before_anything_starts(user: User) -> None:
    user.git("init", "--quiet")
    for folder in ("api", "web"):
        (user.folder / folder).mkdir()
        (user.folder / folder / "coop.yaml").write_text("name: shop\nrun: python app.py\n")
    refused = user.coop("dev")
    assert refused.code == 3
    assert "api/coop.yaml and web/coop.yaml both say so" in refused.err
    assert user.processes() == []


def test_a_file_that_is_almost_called_coop_yaml_is_named(user: User) -> None:
    user.git("init", "--quiet")
    (user.folder / "web").mkdir()
    (user.folder / "web" / "coop.yml").write_text("name: web\nrun: python app.py\n")
    for folder in (user.folder, user.folder / "web"):
        refused = user.coop("dev", folder=folder)
        assert refused.code == 3
        assert f"hint: mv {user.folder}/web/coop.yml {user.folder}/web/coop.yaml" in refused.err


def test_why_a_file_deploys_or_does_not_is_explained_without_deploying(service: User) -> None:
    (service.folder / ".gitignore").write_text("*.log\n")
    (service.folder / ".dockerignore").write_text("tests\n")
    with (service.folder / "coop.yaml").open("a") as spec:
        spec.write("watch: {ignore: ['*.md']}\n")
    for path in ("debug.log", "tests/test_app.py", "README.md", "k8s/x.yaml", "../y"):
        (service.folder / path).parent.mkdir(exist_ok=True)
        (service.folder / path).touch()
    said = {
        path: service.coop("dev", "--explain", path).out.partition(": ")[2].strip()
        for path in ("app.py", "debug.log", "tests/test_app.py", "README.md", "coop.yaml", "k8s/x.yaml", "../y")
    }
    assert said["app.py"] == "builds and deploys hello"
    assert said["debug.log"] == "deploys nothing: Git ignores it (.gitignore:1: *.log)"
    assert said["tests/test_app.py"] == "deploys nothing: passed over by .dockerignore:1: tests"
    assert said["README.md"] == "deploys nothing: passed over by coop.yaml: watch.ignore *.md"
    assert said["coop.yaml"].startswith("deploys hello, and builds nothing")
    assert said["k8s/x.yaml"].startswith("deploys hello, and builds nothing")
    assert said["../y"].startswith("deploys nothing of hello")
    for path, why in (("ap.py", "ap.py is not there"), ("tests", "tests is no regular file")):
        refused = service.coop("dev", "--explain", path)
        assert (refused.code, refused.out) == (2, "")
        assert why in refused.err
    assert service.processes() == []
