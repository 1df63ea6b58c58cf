"""Reads objects of a repository through one `git cat-file --batch` process."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from coop_core.errors import CoopError, ExitCode
from coop_core.git import failures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coop_core.git.runner import Git, Running

OBJECT_LIMIT_BYTES = 256 * 1024 * 1024
"""The largest object that is taken into memory."""

SYMLINK = "120000"
EXECUTABLE = "100755"
FOLDER = "40000"
SUBMODULE = "160000"


@dataclass(frozen=True, slots=True)
class Object:
    """One object: its id, its type (blob, tree, commit, tag) and its bytes."""

    id: str
    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a tree. `path` is relative to where the listing began; not UTF-8: surrogate escapes."""

    mode: str
    path: str
    id: str


@dataclass(frozen=True, slots=True)
class Commit:
    """What coop wants to know of a commit. `at_s` is the committer's time."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: str
    """`Name <email>`"""
    authored_s: int
    at_s: int
    message: str

    @property
    def subject(self) -> str:
        return self.message.strip().split("\n", 1)[0]


class TooLarge(CoopError):
    """An object that is more than its reader takes."""

    def __init__(self, name: str, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            "cannot read this file from Git", f"{name[:12]} has {size_bytes} bytes; the limit is {limit_bytes}",
            "keep large files out of the service's folder", ExitCode.GIT,
        )  # fmt: skip
        self.size_bytes = size_bytes


class Objects:
    """A reader, for one thread and a short while; use it as a context manager.

    One request costs 0.05 ms, where a process of its own costs 2 ms.
    """

    def __init__(self, git: Git) -> None:
        self._git = git
        self._running: Running | None = None

    def __enter__(self) -> Self:
        self._running = self._git.start(["cat-file", "--batch"], has_stdin=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._running is not None:
            self._running.kill()
            self._running = None

    def read(self, name: str, limit_bytes: int = OBJECT_LIMIT_BYTES) -> Object | None:
        """The object that a checked ref or id names; None when there is none. Too large is a CoopError."""
        return next(self.read_all([name], limit_bytes))

    def read_all(self, names: Iterable[str], limit_bytes: int = OBJECT_LIMIT_BYTES) -> Iterator[Object | None]:
        """Many objects in the order asked for; requests run ahead of answers."""
        waiting: list[str] = []
        for name in names:
            waiting.append(name)
            # 64 requests fit any pipe, so neither side can block on the other for ever.
            if len(waiting) == 64:
                yield from self._exchange(waiting, limit_bytes)
                waiting = []
        yield from self._exchange(waiting, limit_bytes)

    def commit(self, name: str) -> Commit | None:
        """The commit a ref or id names, tags followed; None when it is missing or no commit."""
        found = self.read(f"{name}^{{commit}}")
        return parse_commit(found) if found and found.type == "commit" else None

    def tree(self, tree_ish: str, prefix: str = "") -> str | None:
        """The id of the tree at `prefix` ("" for the root); None when there is no such folder."""
        found = self.read(f"{tree_ish}^{{tree}}")
        for part in filter(None, prefix.split("/")):
            entries = self._parse(found) if found else []
            wanted = next((e for e in entries if e.path == part and e.mode == FOLDER), None)
            found = self.read(wanted.id) if wanted else None
        return found.id if found else None

    def entries(self, tree: str) -> list[Entry]:
        """One tree, not its subfolders."""
        found = self.read(tree)
        return self._parse(found) if found and found.type == "tree" else []

    def walk(self, tree: str, limit_entries: int = 100_000) -> list[Entry]:
        """Everything below a tree but the folders themselves, in order of path."""
        done: list[Entry] = []
        todo = [("", tree)]
        while todo:
            folders, todo = todo, []
            for (base, _), found in zip(folders, self.read_all([i for _, i in folders]), strict=True):
                for entry in self._parse(found) if found else ():
                    path = f"{base}{entry.path}"
                    if entry.mode == FOLDER:
                        todo.append((path + "/", entry.id))
                    else:
                        done.append(Entry(entry.mode, path, entry.id))
            if len(done) + len(todo) > limit_entries:
                raise CoopError(
                    "cannot read this folder from Git", f"it holds more than {limit_entries} files",
                    "move what the service does not need out of its folder", ExitCode.GIT,
                )  # fmt: skip
        return sorted(done, key=lambda entry: entry.path)

    def differing(self, old: str, new: str) -> list[str]:
        """Paths of the files that are not the same in two trees, in order; folders that are equal are not read."""
        found: list[str] = []
        todo: list[tuple[str, str | None, str | None]] = [("", old, new)]
        while todo:
            base, *trees = todo.pop()
            before, after = ({e.path: e for e in self.entries(tree)} if tree else {} for tree in trees)
            for name in before.keys() | after.keys():
                pair = before.get(name), after.get(name)
                if pair[0] == pair[1]:
                    continue
                folders = [e.id if e and e.mode == FOLDER else None for e in pair]
                if any(folders):
                    todo.append((f"{base}{name}/", folders[0], folders[1]))
                if any(e and e.mode != FOLDER for e in pair):
                    found.append(f"{base}{name}")
        return sorted(found)

    def _exchange(self, names: list[str], limit_bytes: int) -> Iterator[Object | None]:
        if not names:
            return
        assert self._running is not None, "Objects is used outside its with block"
        process = self._running.process
        try:
            process.stdin.write("".join(f"{name}\n" for name in names).encode())
            process.stdin.flush()
        except BrokenPipeError as error:
            raise self._broken() from error
        for name in names:
            yield self._answer(name, limit_bytes)

    def _answer(self, name: str, limit_bytes: int) -> Object | None:
        assert self._running is not None
        stdout = self._running.process.stdout
        header = stdout.readline()
        if not header:
            raise self._broken()
        words = header.decode().split()
        if len(words) != 3 or words[1] not in ("blob", "tree", "commit", "tag"):
            return None  # "<name> missing", "<name> ambiguous"
        id_, type_, size = words[0], words[1], int(words[2])
        if size > limit_bytes:
            raise TooLarge(name, size, limit_bytes)
        body = stdout.read(size)
        stdout.read(1)
        return Object(id_, type_, body)

    def _broken(self) -> CoopError:
        assert self._running is not None
        result = self._running.finish()
        return failures.translate("read from the Git repository", result.err, self._git.folder)

    def _parse(self, tree: Object) -> list[Entry]:
        return parse_tree(tree.body, len(tree.id) // 2)


def parse_tree(body: bytes, id_bytes: int) -> list[Entry]:
    """The lines of a tree object."""
    entries = []
    at = 0
    while at < len(body):
        space = body.index(b" ", at)
        end = body.index(b"\0", space)
        after = end + 1 + id_bytes
        name = os.fsdecode(body[space + 1 : end])
        entries.append(Entry(body[at:space].decode(), name, body[end + 1 : after].hex()))
        at = after
    return entries


def parse_commit(found: Object) -> Commit:
    """The fields of a commit object; text that is not UTF-8 is replaced."""
    head, _, message = found.body.decode(errors="replace").partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.split("\n"):
        name, _, value = line.partition(" ")
        fields.setdefault(name, []).append(value)
    author, authored_s = _person(fields.get("author", [""])[0])
    _, at_s = _person(fields.get("committer", [""])[0])
    tree = fields.get("tree", [""])[0]
    return Commit(found.id, tree, tuple(fields.get("parent", ())), author, authored_s, at_s, message)


def _person(line: str) -> tuple[str, int]:
    who, _, when = line.rpartition("> ")
    seconds = when.split(" ")[0]
    return (f"{who}>", int(seconds)) if seconds.lstrip("-").isdigit() else (line, 0)
