"""All findings about one service, and what `coop.yaml` is to say. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coop_core import yamls
from coop_core.detection import compose as composes
from coop_core.detection import declared, kubernetes, other_languages, python, routes, services
from coop_core.detection.findings import Choice, Finding, Weight, choices
from coop_core.errors import CoopError
from coop_core.spec.reading import FILE_NAME, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from coop_core.detection.compose import Compose
    from coop_core.detection.kubernetes import Manifest
    from coop_core.detection.tree import Tree

ASKED = ("run", "port")
"""Where only the user can tell which of several values is right."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One service. folder: where its `coop.yaml` goes, "" for the root. choices: by key, as in `Finding`."""

    folder: str
    choices: Mapping[str, Choice]
    notes: tuple[str, ...] = ()
    manifests: tuple[Manifest, ...] = ()
    is_there: bool = False
    """A `coop.yaml` lies there already."""
    left_out: tuple[str, ...] = ()
    """Folders of the repository that may hold services of their own; only the first proposal has them."""

    @property
    def file(self) -> str:
        return f"{self.folder}/{FILE_NAME}" if self.folder else FILE_NAME

    @property
    def name(self) -> str:
        return self.choices["name"].best.value

    @property
    def starts(self) -> bool:
        """Whether it is known how it starts: by a run line, by its image, or as static files."""
        return bool({"run", "image", "site"} & set(self.choices))

    def questions(self) -> list[Choice]:
        """What is ambiguous; a choice without options for a start that nothing tells."""
        found = [self.choices[key] for key in ASKED if key in self.choices and self.choices[key].is_ambiguous]
        return found if self.starts else [Choice("run", ()), *found]

    def chosen(self, key: str, value: str, because: str = "you said so") -> Proposal:
        """With one value for a key; raises CoopError when `coop.yaml` cannot have it."""
        found = Finding(key, value, because, Weight.DECLARED)
        parse(_line(found).encode())
        return replace(self, choices={**self.choices, key: Choice(key, (found,))})


def propose(tree: Tree) -> list[Proposal]:
    """A proposal for each service of a repository, or of a folder in one."""
    compose = composes.read(tree)
    split = services.split(tree, compose)
    every = (*split.folders, *split.others)
    found = [_one(tree, folder, every, compose) for folder in split.folders]
    if split.others:
        found[0] = replace(found[0], left_out=split.others)
    return _with_names_of_their_own(found)


def _one(tree: Tree, folder: str, every: tuple[str, ...], compose: Compose | None) -> Proposal:
    own = services.own(tree, folder, every)
    manifests = kubernetes.manifests(own)
    name = _name(own)
    findings = [
        *name,
        *kubernetes.look(manifests, name[0].value),
        *_findings(own),
        *(composes.look(compose, folder) if compose else ()),
        *(composes.backing(compose) if compose and folder in ("", every[0]) else ()),
        *kubernetes.already(own),
    ]
    notes = [finding.value for finding in findings if finding.key == "note"]
    found = choices(finding for finding in findings if _fits(finding))
    run = found.get("run")
    if "image" in found and run and run.best.weight >= Weight.LIKELY:
        # The image's own command is the better one, and a run line would take its place.
        del found["run"]
        notes.append(f"the local platform reads no Dockerfile: to work there, add run: {run.best.value}")
    return Proposal(folder, found, tuple(dict.fromkeys(notes)), tuple(manifests), tree.has(_file(folder)))


def _findings(tree: Tree) -> Iterator[Finding]:
    """In order: of two that count the same, the first is the better one."""
    yield from declared.procfile(tree)
    yield from declared.dockerfile(tree)
    yield from python.look(tree)
    yield from other_languages.look(tree)
    yield from declared.makefile(tree)
    yield from routes.health(tree)
    yield from routes.fixed_port(tree)
    yield from declared.example_of_env(tree)
    if (page := other_languages.site(tree)) and not declared.has_dockerfile(tree):
        yield Finding("site", page.rpartition("/")[0] or ".", f"{page} is there, and no program")
        yield Finding("health", "/", "a folder of static files answers there", Weight.LIKELY)


def _name(tree: Tree) -> list[Finding]:
    """Never empty; the best first."""
    module = re.search(r"^module\s+\S*?([^/\s]+)$", tree.text("go.mod"), re.MULTILINE)
    candidates = (
        (python.project(tree).get("name"), "pyproject.toml"),
        (other_languages.package(tree).get("name"), "package.json"),
        (module[1] if module else None, "go.mod"), (tree.name, "the folder"), ("hello", "nothing"),
    )  # fmt: skip
    return [
        Finding("name", label, f"from {where}", Weight.GUESSED)
        for name, where in candidates
        if isinstance(name, str) and (label := as_name(name.rpartition("/")[2]))
    ][:1]


def as_name(text: str) -> str:
    """`text` as the name of a service; "" when nothing of it can be kept."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-").lstrip("0123456789-")[:40].rstrip("-")


def _with_names_of_their_own(found: list[Proposal]) -> list[Proposal]:
    names = [proposal.name for proposal in found]
    return [
        proposal.chosen("name", as_name(proposal.folder) or proposal.name, "from the folder: another has its name")
        if names.count(proposal.name) > 1
        else proposal
        for proposal in found
    ]


def _fits(finding: Finding) -> bool:
    """Whether `coop.yaml` can say it: the loader decides."""
    if finding.key in ("image", "site"):
        return True
    try:
        parse(_line(finding).encode())
    except CoopError:
        return False
    return True


def _line(finding: Finding) -> str:
    """The smallest `coop.yaml` that says it."""
    start, _, last = finding.key.rpartition(".")
    number = finding.key in ("port", "main.replicas") and finding.value.isdecimal()
    body: object = {last: int(finding.value) if number else finding.value}
    for outer in reversed([{"main": "environments.main"}.get(start, start)] if start else []):
        for word in reversed(outer.split(".")):
            body = {word: body}
    text = yamls.dump(body).decode()
    return text if finding.key == "name" else f"name: hello\n{text}"


def _file(folder: str) -> str:
    return f"{folder}/{FILE_NAME}" if folder else FILE_NAME
