"""The services of a repository: which of them run together, and in which order they start. Pure."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from coop_core.errors import CoopError, ExitCode
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


def by_name(names: Mapping[str, str]) -> dict[str, str]:
    """The file of each service. names: what each `coop.yaml` calls its own. CoopError when two say the same."""
    files: dict[str, str] = {}
    for file, name in names.items():
        if name in files:
            raise CoopError(
                f"cannot tell which service is {name}", f"{one_line(files[name])} and {one_line(file)} both say so",
                f"change the name in {one_line(file)}", ExitCode.CONFIG,
            )  # fmt: skip
        files[name] = file
    return files


def chosen(needs: Mapping[str, Sequence[str]], wanted: Collection[str]) -> list[str]:
    """The wanted services and all that they need, each after what it needs.

    needs: every service of the repository, and the services that have to run before it. CoopError for a name that
    is none, and for services that need each other.
    """
    order: list[str] = []
    for name in sorted(wanted):
        _add(name, needs, order, ())
    return order


def _add(name: str, needs: Mapping[str, Sequence[str]], order: list[str], path: tuple[str, ...]) -> None:
    if name in path:
        ring = (*path[path.index(name) :], name)
        why = f"they need each other: {' → '.join(ring)}" if len(ring) > 2 else f"{name} needs itself"
        raise CoopError(
            "cannot tell which service starts first", why,
            f"remove {name} from needs in the coop.yaml of {path[-1]}", ExitCode.CONFIG,
        )  # fmt: skip
    if name in order:
        return
    if name not in needs:
        raise _unknown(name, needs, path[-1] if path else "")
    for needed in needs[name]:
        _add(needed, needs, order, (*path, name))
    order.append(name)


def _unknown(name: str, known: Collection[str], by: str) -> CoopError:
    nearest = difflib.get_close_matches(name, known, n=1)
    told = f"{by} needs {one_line(name, 60)}" if by else f"you asked for {one_line(name, 60)}"
    return CoopError(
        "cannot find the service", f"{told}, and this repository holds: {', '.join(sorted(known))}",
        f"write {nearest[0]}" if nearest else "use one of these names", ExitCode.CONFIG,
    )  # fmt: skip
