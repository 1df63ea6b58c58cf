"""`coop init`: from a repository as it is to a coop.yaml."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coop_core.errors import CoopError, ExitCode
from coop_core.spec.reading import NEAR_MISS, rename
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coop_core.detection.proposing import Proposal


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: take the best of what is ambiguous.")
@click.option("--name", help="The service's name.")
@click.option("--run", help="How it starts.")
@click.option("--port", help="The port that it listens on.")
@click.option("--health", help="A path that answers 200 once it is ready.")
@click.option("--move-k8s", is_flag=True, help="Move Kubernetes YAML that coop can take under k8s/.")
@click.option("--print", "is_printing", is_flag=True, help="Print coop.yaml, and write nothing.")
def command(folder: Path, yes: bool, move_k8s: bool, is_printing: bool, **told: str | None) -> None:
    """Look at what is in FOLDER, and write a coop.yaml for each service in it.

    Shows what it found and why, and asks only what is ambiguous. Never overwrites a file.
    """
    from coop_core.detection.gathering import gather
    from coop_core.detection.proposing import propose
    from coop_tui import introducing

    root = folder.resolve()
    proposals = _with(propose(gather(root)), {key: value for key, value in told.items() if value is not None})
    new = [proposal for proposal in proposals if is_printing or not proposal.is_there]
    if not new:
        raise CoopError(
            "cannot write coop.yaml", f"it is there already: {one_line(str(root / proposals[0].file))}",
            "edit it; coop init --print shows what coop would write",
        )  # fmt: skip
    if not is_printing and (near := [p for p in new if (root / p.folder / NEAR_MISS).is_file()]):
        file = one_line(str(root / near[0].folder / NEAR_MISS))
        raise CoopError("cannot write coop.yaml", f"{file} is there, which coop does not read", rename(file))
    is_asking = not yes and _is_terminal()
    settled = []
    for proposal in new:
        for line in introducing.show(proposal):
            click.echo(line, err=is_printing)
        if proposal.questions() and not yes and not is_asking:
            raise _nobody_to_ask(proposal) if proposal.starts else introducing.no_start(proposal)
        settled.append(introducing.settle(proposal, is_asking=is_asking))
    if is_printing:
        _print(settled)
        return
    _move(root, settled, is_asking=is_asking, is_told=move_k8s)
    for path in introducing.write(root, settled):
        click.echo(f"wrote {path.relative_to(root)}")
    click.echo(f"next: {_next(root, settled)}")


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _with(proposals: list[Proposal], told: dict[str, str]) -> list[Proposal]:
    if told and len(proposals) > 1:
        names = ", ".join(proposal.folder or "." for proposal in proposals)
        raise CoopError(
            f"cannot tell which service --{next(iter(told))} is for", f"there are several: {one_line(names)}",
            f"coop init {one_line(proposals[-1].folder)} --{next(iter(told))} …", ExitCode.USAGE,
        )  # fmt: skip
    for key, value in told.items():
        proposals = [proposal.chosen(key, value) for proposal in proposals]
    return proposals


def _nobody_to_ask(proposal: Proposal) -> CoopError:
    key = proposal.questions()[0].key
    options = " or ".join(one_line(option.value, 120) for option in proposal.questions()[0].options)
    return CoopError(
        f"cannot choose what {proposal.name} has as {key}",
        f"it may be {options}, and there is no terminal to ask on" if options else "nothing in the files tells it",
        f"coop init --yes takes the first; coop init --{key} … says it" if options else f"coop init --{key} …",
        ExitCode.CONFIG,
    )


def _print(proposals: Sequence[Proposal]) -> None:
    from coop_core.detection.writing import text

    for proposal in proposals:
        if len(proposals) > 1:
            click.echo(f"---\n# {one_line(proposal.file)}")
        click.echo(text(proposal), nl=False)


def _move(root: Path, proposals: Sequence[Proposal], *, is_asking: bool, is_told: bool) -> None:
    """Kubernetes YAML that lies elsewhere: told where it stays, moved where the user says so."""
    from coop_tui.introducing import move

    for proposal in proposals:
        for manifest in proposal.manifests:
            name, holds = one_line(manifest.path), one_line(manifest.contents)
            if manifest.why_not:
                click.echo(f"{name} ({holds}) stays where it is: {one_line(manifest.why_not)}")
            elif is_told or (is_asking and click.confirm(f"Move {name} ({holds}) to {one_line(manifest.target)}?")):
                move(root / proposal.folder, manifest)
                click.echo(f"moved {name} to {one_line(manifest.target)}")
            else:
                click.echo(f"{name} ({holds}) stays where it is: coop init --move-k8s takes it along")


def _next(root: Path, proposals: Sequence[Proposal]) -> str:
    from coop_core.git import repository as repositories

    folder = proposals[0].folder
    cd = f"cd {one_line(folder)} && " if folder and len(proposals) > 1 else ""
    try:
        repositories.find(root)
    except CoopError as error:
        return f"{error.remedy} && {cd}coop dev"
    return f"{cd}coop dev"
