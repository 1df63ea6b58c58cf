"""Commits on environment branches, written by one `git fast-import` without index or work tree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coop_core.git import failures
from coop_core.git.repository import COOP, Identity
from coop_core.git.runner import check_id, check_ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coop_core.git.repository import Repository
    from coop_core.git.runner import Running

_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*\.yaml")
_SERVICE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def is_service(name: str) -> bool:
    """Whether a folder of this name can be a service's."""
    return bool(_SERVICE.fullmatch(name))


def is_manifest(name: str) -> bool:
    """Whether coop writes files of this name; those need no quoting either."""
    return bool(_FILE_NAME.fullmatch(name))


def start(repository: Repository) -> Running:
    """git, waiting for what `finish` tells it. Use as a context manager."""
    importing = ("fast-import", "--quiet", "--done", "--force", "--date-format=raw")
    return repository.git.start(importing, has_stdin=True)


def finish(
    writing: Running,
    repository: Repository,
    *,
    ref: str,
    base: str | None,
    author: Identity,
    text: str,
    now_s: float,
    changes: Iterable[bytes],
) -> str:
    """Writes one commit on `base` (None: without a parent) and gives its id; `ref` keeps it reachable."""
    who = f"{_person(author)} {int(now_s)} +0000"
    message = text.encode(errors="replace")
    head = f"commit {check_ref(ref)}\nmark :1\nauthor {who}\ncommitter {who}\ndata {len(message)}\n".encode()
    origin = f"from {check_id(base)}\n".encode() if base else b""
    result = writing.finish(b"".join([head, message, b"\n", origin, *changes, b"get-mark :1\ndone\n"]))
    if result.status != 0:
        raise failures.translate("write the deploy commit", result.err, repository.root)
    return check_id(result.text)


def no_commit(writing: Running) -> None:
    """Ends what `start` began, without a commit."""
    writing.finish(b"done\n")


def folder_of(name: str, files: Mapping[str, bytes], *, is_new: bool) -> list[bytes]:
    """Makes the folder `name` hold these files alone. is_new: the commit has no parent, so there is none yet."""
    gone = [] if is_new else [f"D {name}\n".encode()]
    return gone + [part for path, body in sorted(files.items()) for part in file_of(f"{name}/{path}", body)]


def file_of(path: str, body: bytes) -> list[bytes]:
    """Makes the file at `path` say `body`."""
    return [f"M 100644 inline {path}\ndata {len(body)}\n".encode(), body, b"\n"]


def folder_from(name: str, tree: str) -> list[bytes]:
    """Makes the folder `name` be a tree that the repository has."""
    return [f"M 040000 {check_id(tree)} {name}\n".encode()]


def _person(identity: Identity) -> str:
    name, email = (re.sub(r"[\x00-\x1f<>]", "", part).strip() for part in (identity.name, identity.email))
    return f"{name or COOP.name} <{email or COOP.email}>"
