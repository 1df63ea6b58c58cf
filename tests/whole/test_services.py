"""Several services of one repository in one `coop dev`, and why a file deploys or does not."""

from __future__ import annotations

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
