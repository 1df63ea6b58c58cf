from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from coop_core.build.images import ImageStore, NotThere
from coop_core.build.local import LocalBuilder
from coop_core.build.request import BuildRequest, Image
from coop_core.errors import CoopError
from coop_core.git import repository
from coop_core.spec import ServiceSpec

SPEC = ServiceSpec("hello", run="python -m hello")


@dataclass(frozen=True)
class Workshop:
    """A repository with a service in `hello/`, and a builder with folders of its own."""

    folder: Path

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def images(self) -> Path:
        return self.folder / "images"

    @property
    def environments(self) -> Path:
        return self.folder / "environments"

    @property
    def store(self) -> ImageStore:
        return ImageStore(self.images, self.environments)

    def git(self, *args: str, stdin: bytes = b"") -> str:
        done = subprocess.run(["git", *args], cwd=self.work, input=stdin, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def write(self, path: str, text: str) -> Path:
        file = self.work / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def build(self, spec: ServiceSpec = SPEC, prefix: str = "hello", commit: str = "") -> Image:
        if not commit:
            self.git("add", "--all")
            self.git("commit", "--quiet", "--allow-empty", "-m", "change")
            commit = self.git("rev-parse", "HEAD")
        request = BuildRequest(repository.find(self.work), commit, prefix, spec)
        return asyncio.run(LocalBuilder(self.images, self.environments).build(request))

    def root(self, image: Image) -> Path:
        return self.store.locate(image.reference).root


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.org\n[init]\ndefaultBranch = main\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    made = Workshop(tmp_path)
    made.work.mkdir()
    made.git("init", "--quiet", "--template=")
    made.write("hello/__main__.py", "import sys\nprint(sys.prefix)\n")
    return made


def test_an_image_holds_the_services_files_and_nothing_else(workshop: Workshop) -> None:
    workshop.write("outside.txt", "x")
    workshop.write("hello/coop.yaml", "name: hello\n")
    workshop.write("hello/k8s/a.yaml", "x")
    workshop.write("hello/deep/er/file.txt", "x")
    workshop.write("hello/run.sh", "#!/bin/sh\n").chmod(0o755)
    (workshop.work / "hello" / "link").symlink_to("deep/er")
    root = workshop.root(workshop.build())
    found = sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())
    assert found == ["__main__.py", "deep/er/file.txt", "run.sh"]
    assert (root / "link" / "file.txt").read_text() == "x"
    assert os.access(root / "run.sh", os.X_OK)
    assert not os.access(root / "__main__.py", os.X_OK)


def test_the_working_tree_is_not_looked_at(workshop: Workshop) -> None:
    workshop.git("add", "--all")
    workshop.git("commit", "--quiet", "-m", "x")
    workshop.write("hello/__main__.py", "dirty")
    root = workshop.root(workshop.build(commit=workshop.git("rev-parse", "HEAD")))
    assert "dirty" not in (root / "__main__.py").read_text()


def test_the_same_files_are_the_same_image(workshop: Workshop) -> None:
    first = workshop.build()
    assert not first.was_cached
    workshop.write("elsewhere/notes.txt", "x")
    workshop.write("hello/coop.yaml", "name: hello\nport: 1\n")
    assert workshop.build() == Image(first.reference, was_cached=True)
    workshop.write("hello/new.txt", "x")
    assert workshop.build().reference != first.reference
    (workshop.work / "hello" / "new.txt").unlink()
    assert workshop.build().reference == first.reference


def test_a_mode_is_part_of_the_image(workshop: Workshop) -> None:
    first = workshop.build()
    (workshop.work / "hello" / "__main__.py").chmod(0o755)
    assert workshop.build().reference != first.reference


def test_the_program_runs_in_an_environment_without_coops_packages(workshop: Workshop) -> None:
    workshop.write("hello/__main__.py", "import importlib.util\nprint(importlib.util.find_spec('click'))\n")
    staged = workshop.store.locate(workshop.build().reference)
    assert staged.bin_folder
    done = subprocess.run(["python", "__main__.py"], cwd=staged.root, env={"PATH": str(staged.bin_folder)},
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout == "None\n"


def test_an_environment_is_made_once_for_all_services(workshop: Workshop) -> None:
    first = workshop.store.locate(workshop.build().reference)
    workshop.write("hello/new.py", "x")
    assert workshop.store.locate(workshop.build().reference).bin_folder == first.bin_folder


def test_dependencies_are_installed(workshop: Workshop, tmp_path: Path) -> None:
    wheels = wheel(tmp_path, "greeting")
    workshop.write("hello/requirements.txt", f"--no-index\n--find-links {wheels}\n-r more/base.txt\n")
    workshop.write("hello/more/base.txt", "greeting\n")
    workshop.write("hello/__main__.py", "import greeting\nprint(greeting.TEXT)\n")
    staged = workshop.store.locate(workshop.build().reference)
    done = subprocess.run(["python", "__main__.py"], cwd=staged.root, env={"PATH": str(staged.bin_folder)},
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout == "good day\n"


def wheel(folder: Path, name: str) -> Path:
    """A folder with a wheel of one module, written by hand: nothing is downloaded or built."""
    import zipfile

    wheels = folder / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", "TEXT = 'good day'\n")
        info = f"{name}-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return wheels


def test_what_pip_said_last_is_in_the_error(workshop: Workshop, tmp_path: Path) -> None:
    workshop.write("hello/pyproject.toml", "[project]\nname = 'hello'\ndependencies = ['no-such-package-x']\n")
    (tmp_path / "home" / ".config" / "pip").mkdir(parents=True)
    (tmp_path / "home" / ".config" / "pip" / "pip.conf").write_text("[global]\nno-index = true\n")
    with pytest.raises(CoopError, match="no-such-package-x") as caught:
        workshop.build()
    assert caught.value.what == "cannot install the dependencies"
    assert caught.value.remedy == "correct requirements.txt or pyproject.toml"


@pytest.mark.parametrize(("path", "text", "why"), [
    ("requirements.txt", "-r nowhere.txt\n", "requirements.txt: it includes nowhere.txt, which is not"),
    ("requirements.txt", "-r ../../etc/passwd\n", "requirements.txt: it includes ../../etc/passwd, which"),
    ("requirements.txt", "-e .\n", "requirements.txt: it installs a folder"),
    ("pyproject.toml", "[project\n", "pyproject.toml: "),
    ("pyproject.toml", "[project]\ndependencies = 'x'\n", "pyproject.toml: project.dependencies is no list"),
])  # fmt: skip
def test_unusable_dependencies_are_named(workshop: Workshop, path: str, text: str, why: str) -> None:
    workshop.write(f"hello/{path}", text)
    with pytest.raises(CoopError) as caught:
        workshop.build()
    assert caught.value.why.startswith(why)
    assert caught.value.remedy


def test_a_lock_file_decides_the_version(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = wheel(tmp_path, "greeting")
    shutil.copy(wheels / "greeting-1.0-py3-none-any.whl", wheels / "greeting-2.0-py3-none-any.whl")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    source = '{ registry = "https://pypi.org/simple" }'
    workshop.write("hello/pyproject.toml", "[project]\nname = 'hello'\ndependencies = ['greeting']\n")
    workshop.write("hello/uv.lock", f'[[package]]\nname = "greeting"\nversion = "1.0"\nsource = {source}\n')
    staged = workshop.store.locate(workshop.build().reference)
    assert staged.bin_folder
    assert list(staged.bin_folder.parent.glob("lib/python*/site-packages/greeting-1.0.dist-info"))


@pytest.mark.parametrize(("path", "which"), [
    ("package.json", "a Node program"), ("main.go", "a program"), ("app.py", "a Python program"),
])  # fmt: skip
def test_a_program_that_nobody_says_how_to_start_needs_a_run_line(
    workshop: Workshop, path: str, which: str
) -> None:
    shutil.rmtree(workshop.work / "hello")
    workshop.write(f"hello/{path}", "")
    with pytest.raises(CoopError, match=f"nothing says how {which} starts") as caught:
        workshop.build(ServiceSpec("hello"))
    assert caught.value.remedy.startswith("write how it starts in coop.yaml, e.g. run: python -m hello")
    workshop.build(ServiceSpec("hello", run="./start"))


@pytest.mark.parametrize("folder", ["", "public/", "dist/"])
def test_a_folder_of_static_files_needs_no_run_line(workshop: Workshop, folder: str) -> None:
    shutil.rmtree(workshop.work / "hello")
    workshop.write(f"hello/{folder}index.html", "<h1>good day</h1>")
    staged = workshop.store.locate(workshop.build(ServiceSpec("hello")).reference)
    assert staged.bin_folder
    assert staged.command[0] == "python"
    assert staged.command[-2:] == (folder or ".", "$(PORT)")
    told = workshop.store.locate(workshop.build(ServiceSpec("hello", run="./serve")).reference)
    assert (told.bin_folder, told.command) == (None, ())


def test_a_folder_that_the_commit_does_not_have_is_named(workshop: Workshop) -> None:
    with pytest.raises(CoopError, match="no folder 'nowhere'"):
        workshop.build(prefix="nowhere")


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "..", "deep/../../x", "deep/up/.."])
def test_a_link_out_of_the_folder_is_refused(workshop: Workshop, target: str) -> None:
    workshop.write("hello/deep/file.txt", "x")
    (workshop.work / "hello" / "deep" / "up").symlink_to("..")  # leads to the root: still inside
    (workshop.work / "hello" / "link").symlink_to(target)
    with pytest.raises(CoopError, match="link leads out of the service's folder") as caught:
        workshop.build()
    assert caught.value.what == "cannot build link"
    assert [path for path in workshop.images.iterdir()] == []


def test_a_link_to_itself_and_a_broken_one_do_no_harm(workshop: Workshop) -> None:
    (workshop.work / "hello" / "loop").symlink_to("loop")
    (workshop.work / "hello" / "broken").symlink_to("nothing")
    assert os.readlink(workshop.root(workshop.build()) / "loop") == "loop"


@pytest.mark.parametrize("lines", [
    "100644 blob {blob}\t..\n",
    "100644 blob {blob}\t.git\n",
    "120000 blob {link}\tdeep\n040000 tree {tree}\tdeep\n",
])  # fmt: skip
def test_a_hostile_tree_writes_nothing_outside(workshop: Workshop, lines: str, tmp_path: Path) -> None:
    link = workshop.git("hash-object", "-w", "--stdin", stdin=str(tmp_path / "outside").encode())
    blob = workshop.git("hash-object", "-w", "--stdin", stdin=b"evil")
    inner = workshop.git("mktree", stdin=f"100644 blob {blob}\tevil.txt\n".encode())
    raw = b""
    for line in lines.format(blob=blob, link=link, tree=inner).splitlines():
        mode, _, rest = line.partition(" ")
        sha, _, name = rest.partition(" ")[2].partition("\t")
        raw += f"{mode.lstrip('0')} {name}\0".encode() + bytes.fromhex(sha)
    tree = workshop.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=raw)
    root = workshop.git("mktree", stdin=f"040000 tree {tree}\thello\n".encode())
    (tmp_path / "outside").mkdir()
    with pytest.raises(CoopError):
        workshop.build(commit=workshop.git("commit-tree", root, "-m", "x"))
    assert list((tmp_path / "outside").iterdir()) == []
    assert [path for path in workshop.images.rglob("*")] == []


def test_a_file_kept_by_lfs_is_refused(workshop: Workshop) -> None:
    workshop.write("hello/big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(CoopError, match="Git LFS"):
        workshop.build()


def test_a_submodule_is_refused_unless_it_is_left_out(workshop: Workshop) -> None:
    workshop.git("add", "--all")
    workshop.git("commit", "--quiet", "-m", "x")
    workshop.git("update-index", "--add", "--cacheinfo", f"160000,{workshop.git('rev-parse', 'HEAD')},hello/lib")
    workshop.git("commit", "--quiet", "-m", "y")
    with pytest.raises(CoopError, match="it is a Git submodule") as caught:
        workshop.build(commit=workshop.git("rev-parse", "HEAD"))
    assert (caught.value.what, ".dockerignore" in caught.value.remedy) == ("cannot build lib", True)
    workshop.write("hello/.dockerignore", "lib\n")
    workshop.git("add", "hello/.dockerignore")
    workshop.git("commit", "--quiet", "-m", "z")
    built = workshop.build(commit=workshop.git("rev-parse", "HEAD"))
    assert "lib" not in os.listdir(workshop.root(built))


def test_a_file_that_is_too_large_is_named(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coop_core.build.staging.FILE_LIMIT_BYTES", 1000)
    workshop.write("hello/data/huge.bin", "x" * 1001)
    with pytest.raises(CoopError, match="it has 1001 bytes; the limit is 1000") as caught:
        workshop.build()
    assert caught.value.what == "cannot build data/huge.bin"


def test_odd_file_names_are_kept(workshop: Workshop) -> None:
    names = ["with space", "new\nline", "ünï", "a\udcff"]
    for name in names:
        workshop.write(f"hello/{name}", "x")
    assert sorted(os.listdir(workshop.root(workshop.build()))) == sorted([*names, "__main__.py"])


def test_several_builders_at_once_make_one_image(workshop: Workshop) -> None:
    workshop.git("add", "--all")
    workshop.git("commit", "--quiet", "-m", "x")
    commit = workshop.git("rev-parse", "HEAD")
    found: list[Image] = []
    threads = [threading.Thread(target=lambda: found.append(workshop.build(commit=commit))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({image.reference for image in found}) == 1
    assert len(found) == 6
    assert [path.name for path in workshop.images.iterdir()] == [found[0].reference[-64:]]
    assert workshop.root(found[0]).is_dir()


def test_what_a_killed_builder_left_is_replaced_and_collected(workshop: Workshop) -> None:
    image = workshop.build()
    digest = image.reference[-64:]
    (workshop.images / digest / "image.json").unlink()  # as when the disk was full
    half = workshop.images / f".{digest}.abcd"
    half.mkdir()
    with pytest.raises(NotThere):
        workshop.store.locate(image.reference)
    assert not workshop.build().was_cached
    assert workshop.root(image).is_dir()
    os.utime(half, (0, 0))
    assert workshop.store.collect({digest}, older_than_s=60) == []
    assert not half.exists()


def test_an_environment_without_its_mark_is_made_again(workshop: Workshop) -> None:
    image = workshop.build()
    staged = workshop.store.locate(image.reference)
    assert staged.bin_folder
    (staged.bin_folder.parent / "ready").unlink()
    (staged.bin_folder / "python").unlink()
    with pytest.raises(NotThere, match="language environment"):
        workshop.store.locate(image.reference)
    workshop.build()
    assert workshop.store.locate(image.reference) == staged


def test_images_nobody_keeps_are_collected_once_they_are_old(workshop: Workshop) -> None:
    first = workshop.build()
    workshop.write("hello/new.txt", "x")
    second = workshop.build()
    assert workshop.store.collect({second.reference[-64:]}, older_than_s=3600) == []
    for path in (*workshop.images.glob("*/image.json"), *workshop.environments.iterdir()):
        os.utime(path, (0, 0))
    assert workshop.store.collect({second.reference[-64:]}, older_than_s=3600) == [first.reference[-64:]]
    with pytest.raises(NotThere, match="deploy the service again"):
        workshop.store.locate(first.reference)
    assert workshop.root(second).is_dir()
    workshop.store.collect(set(), older_than_s=3600)
    assert [path for path in workshop.environments.iterdir() if path.is_dir()] == []


def test_a_folder_that_goes_while_images_are_collected_does_no_harm(workshop: Workshop) -> None:
    image = workshop.build()
    for path in workshop.images.glob("*/image.json"):
        os.utime(path, (0, 0))

    class Racing(set[str]):
        """Asked about a folder, it is gone, as when a builder puts it into its place."""

        def __contains__(self, name: object) -> bool:
            (workshop.images / str(name)).rename(workshop.images / ".elsewhere")
            return False

    assert workshop.store.collect(Racing(), older_than_s=60) == []
    assert (workshop.images / ".elsewhere").is_dir()
    with pytest.raises(NotThere):
        workshop.store.locate(image.reference)


@pytest.mark.parametrize("name", [
    "", "nginx:latest", "coop.local/hello:latest", f"coop.local/hello@sha256:{'0' * 64}",
    "coop.local/hello@sha256:../../../etc",
])  # fmt: skip
def test_an_image_that_is_not_there_says_so(workshop: Workshop, name: str) -> None:
    with pytest.raises(NotThere):
        workshop.store.locate(name)


def test_the_environments_python_is_the_one_that_runs_coop(workshop: Workshop) -> None:
    staged = workshop.store.locate(workshop.build().reference)
    assert staged.bin_folder
    assert (staged.bin_folder / "python").resolve() == Path(sys.executable).resolve()


def test_what_dockerignore_leaves_out_is_in_no_image_and_makes_no_new_one(workshop: Workshop) -> None:
    workshop.write("hello/__main__.py", "")
    workshop.write("hello/.dockerignore", "notes\n**/*.log\n!keep.log\n")
    for path in ("notes/a.txt", "deep/b.log", "keep.log"):
        workshop.write(f"hello/{path}", "x")
    first = workshop.build()
    staged = workshop.store.locate(first.reference).root
    assert sorted(str(path.relative_to(staged)) for path in staged.rglob("*") if path.is_file()) == [
        ".dockerignore", "__main__.py", "keep.log",
    ]  # fmt: skip
    workshop.write("hello/notes/a.txt", "other")
    assert workshop.build() == Image(first.reference, was_cached=True)
