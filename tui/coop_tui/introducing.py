"""`coop init` without its command: shows what was found and why, asks what is ambiguous, writes what is new."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from coop_core.detection import writing
from coop_core.errors import CoopError, ExitCode
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from coop_core.detection.findings import Choice
    from coop_core.detection.kubernetes import Manifest
    from coop_core.detection.proposing import Proposal

_ORDER = ("name", "run", "image", "site", "port", "health", "test", "env", "main")
_WORDS = {"image": "starts", "site": "serves"}
_QUESTIONS = {"run": "How does {name} start?", "port": "Which port does {name} listen on?"}


def show(proposal: Proposal) -> list[str]:
    """What was found of one service, a line each, with its reason."""
    where = f" in {one_line(proposal.folder)}/" if proposal.folder else ""
    lines = [f"{click.style(proposal.name, bold=True)}{where}"]
    for key, choice in sorted(proposal.choices.items(), key=lambda item: _place(item[0])):
        best = choice.best
        if key != "name":
            others = f" (one of {len(choice.options)})" if choice.is_ambiguous else ""
            reason = click.style(f"{one_line(best.because, 160)}{others}", dim=True)
            lines.append(f"  {_WORDS.get(key, key):8} {one_line(best.value, 160)}  {reason}")
    notes = proposal.notes
    if proposal.left_out:
        notes = (*notes, f"{_left_out(proposal)}: {_there(proposal)}")
    return lines + [f"  {click.style('note', fg='yellow')}     {one_line(note, 400)}" for note in notes]


def _left_out(proposal: Proposal) -> str:
    which = "a service of its own" if len(proposal.left_out) == 1 else "services of their own"
    return f"{one_line(', '.join(proposal.left_out))} may be {which}"


def _there(proposal: Proposal) -> str:
    """The command for the first folder that was left out."""
    return f"cd {shlex.quote(one_line(proposal.left_out[0]))} && coop init"


def _place(key: str) -> tuple[int, str]:
    first = key.partition(".")[0]
    return (_ORDER.index(first) if first in _ORDER else len(_ORDER), key)


def settle(proposal: Proposal, *, is_asking: bool) -> Proposal:
    """Without ambiguities: the user's answers, or the best of each when nobody is to be asked."""
    for question in proposal.questions():
        if is_asking:
            proposal = _asked(proposal, question)
        elif not question.options:
            raise no_start(proposal)
    return proposal


def no_start(proposal: Proposal) -> CoopError:
    """Nothing tells how it starts, and nobody is asked."""
    why = "there is no Procfile, no Dockerfile, no script and no framework that coop knows"
    remedy = f"coop init{_at(proposal)} --run 'python -m {proposal.name}'"
    if proposal.left_out:
        why, remedy = f"its own files start nothing; {_left_out(proposal)}", f"{_there(proposal)}; or {remedy}"
    return CoopError(f"cannot tell how {proposal.name} starts", why, remedy, ExitCode.CONFIG)


def _at(proposal: Proposal) -> str:
    return f" {one_line(proposal.folder)}" if proposal.folder else ""


def _asked(proposal: Proposal, question: Choice) -> Proposal:
    """Asks until the answer is one that `coop.yaml` can have: the number of an option, or a value."""
    click.echo(f"\n{_QUESTIONS[question.key].format(name=proposal.name)}")
    for number, option in enumerate(question.options, 1):
        click.echo(f"  {number}  {one_line(option.value, 160)}  {click.style(one_line(option.because), dim=True)}")
    wanted = "A number, or something else" if question.options else "The command"
    while True:
        answer: str = click.prompt(wanted, default="1" if question.options else None)
        is_number = answer.isdecimal() and 1 <= int(answer) <= len(question.options)
        value = question.options[int(answer) - 1].value if is_number else answer
        try:
            return proposal.chosen(question.key, value)
        except CoopError as error:
            click.echo(f"{error.why}: {error.remedy}", err=True)


def write(root: Path, proposals: Sequence[Proposal]) -> list[Path]:
    """Writes each `coop.yaml` that is not there yet. Nothing is ever overwritten."""
    written = []
    for proposal in proposals:
        path = root / proposal.file
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(writing.text(proposal))
        except FileExistsError:
            continue
        except OSError as error:
            raise CoopError(
                f"cannot write {path}", error.strerror or str(error), f"ls -ld '{path.parent}'"
            ) from error
        written.append(path)
    return written


def move(folder: Path, manifest: Manifest) -> None:
    """Puts a file of resources under `k8s/`, where coop takes it from. Nothing is ever overwritten."""
    source, target = folder / manifest.path, folder / manifest.target
    try:
        target.parent.mkdir(exist_ok=True)
        content = source.read_bytes()
        with target.open("xb") as file:
            file.write(content)
        source.unlink()
    except OSError as error:
        raise CoopError(
            f"cannot move {manifest.path} to {manifest.target}", error.strerror or str(error),
            f"mv '{manifest.path}' '{manifest.target}'",
        ) from error  # fmt: skip
