"""From a repository that never heard of coop to a running version: `coop init`, then `coop dev`."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.detection import shapes
from tests.whole.whole_kit import wait_until

if TYPE_CHECKING:
    from tests.detection.shapes import Files
    from tests.whole.whole_kit import User

SERVER = """\
import http.server, os


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"good day")


def main():
    address = (os.environ.get("HOST", "0.0.0.0"), int(os.environ["PORT"]))
    http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""

PACKAGE: Files = {**shapes.SRC_LAYOUT, "src/good_day/server.py": SERVER}
PROCFILE: Files = {"Procfile": 'web: python -c "import shop; shop.main()"\n', "shop.py": SERVER}
ONE_FILE: Files = {"server.py": SERVER + "\n\nif __name__ == '__main__':\n    main()\n"}
SITE: Files = {"public/index.html": "good day"}
NODE: Files = {
    "package.json": '{"name": "hello", "scripts": {"start": "node server.js"}}',
    "server.js": (
        'require("http").createServer((q, s) => s.end("good day")).listen(process.env.PORT, process.env.HOST);\n'
    ),
}


@pytest.mark.parametrize(("files", "name"), [
    (PACKAGE, "good-day"), (PROCFILE, "work"), (ONE_FILE, "work"), (shapes.STATIC, "work"), (SITE, "work"),
    pytest.param(NODE, "hello", marks=pytest.mark.skipif(not shutil.which("node"), reason="there is no Node here")),
], ids=["src layout", "Procfile", "one file", "static", "static below", "Node"])  # fmt: skip
def test_what_init_writes_runs(user: User, files: Files, name: str) -> None:
    shapes.write(files, user.folder)
    user.git("init", "--quiet")
    written = user.coop("init", "--yes")
    assert written.code == 0, written.err
    loop = user.start("dev", "--no-logs")
    host = f"{name}.dev-ada.localhost"
    loop.until("live in", "✗")
    wait_until(lambda: "good day" in user.get(host), f"it answers; the loop said\n{loop.text}")


def test_two_services_of_one_repository_run_side_by_side(user: User) -> None:
    for name in ("a", "b"):
        shapes.write({**ONE_FILE, "requirements.txt": ""}, user.folder / "services" / name)
    user.git("init", "--quiet")
    assert user.coop("init", "--yes").code == 0
    loops = [user.start("dev", "--no-logs", folder=user.folder / "services" / name) for name in ("a", "b")]
    for loop in loops:
        loop.until("live in", "✗")
    hosts = ("a.dev-ada.localhost", "b.dev-ada.localhost")
    wait_until(lambda: [user.get(host) for host in hosts] == ["good day"] * 2, f"both answer; {loops[1].text}")
