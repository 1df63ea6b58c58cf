"""Styled text as plain data: what the pure renderers make and the widgets paint. Markup does not exist here."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells, set_cell_size

if TYPE_CHECKING:
    from collections.abc import Iterable


class Tone(Enum):
    """What a piece of text means; the theme decides how that looks. No meaning rests on a tone alone."""

    PLAIN = "plain"
    DIM = "dim"
    STRONG = "strong"
    GOOD = "good"
    BUSY = "busy"
    BAD = "bad"
    ACCENT = "accent"


Span = tuple[str, Tone]
Line = tuple[Span, ...]

EMPTY: Line = ()


def plain(text: str, tone: Tone = Tone.PLAIN) -> Line:
    return ((text, tone),)


def text_of(line: Line) -> str:
    return "".join(text for text, _ in line)


def width(text: str) -> int:
    """Cells on screen."""
    return cell_len(text)


def fitted(text: str, cells: int) -> str:
    """`text` in exactly so many cells: padded, or cut with an ellipsis."""
    if cells <= 0:
        return ""
    if cell_len(text) <= cells:
        return text + " " * (cells - cell_len(text))
    return set_cell_size(text, cells - 1) + "…"


def cut(text: str, cells: int) -> str:
    """`text` in at most so many cells."""
    return text if cell_len(text) <= cells else fitted(text, cells)


def wrapped(text: str, cells: int) -> list[str]:
    """`text` in pieces of at most so many cells, broken at spaces where there are any; "" stays one piece."""
    pieces: list[str] = []
    while cells > 0 and len(text) * 2 > cells and cell_len(text) > cells:
        piece = chop_cells(text, cells)[0]
        space = piece.rfind(" ", len(piece) // 2)
        if space > 0 and text[len(piece)] != " ":
            piece = piece[: space + 1]
        pieces.append(piece.rstrip())
        text = text[len(piece) :].lstrip()
    return [*pieces, text] if text or not pieces else pieces


def joined(lines: Iterable[Line], gap: str) -> Line:
    """One line of several, with a dim gap between them."""
    spans: list[Span] = []
    for line in lines:
        if spans and line:
            spans.append((gap, Tone.DIM))
        spans.extend(line)
    return tuple(spans)
