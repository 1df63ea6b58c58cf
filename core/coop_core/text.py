"""Hostile text made fit for a terminal.

Everything that comes from a cluster, a repository or a program's log passes through here once, where it enters.
"""

from __future__ import annotations

import re
import unicodedata

_INDENT_LIMIT = 40

# CSI and OSC/DCS/PM/APC/SOS sequences whole, so that no half of one stays behind as text.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)


def one_line(text: str, limit: int = 256) -> str:
    """`text` as one printable line of at most `limit` characters; cut text ends in an ellipsis.

    Escape sequences, control characters and bidirectional overrides vanish; line breaks and tabs become spaces.
    """
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text.strip()  # nearly all text; twenty times cheaper than a look at each character
    # Cut early as well: a megabyte in a status message must not cost a megabyte of regular expressions.
    plain = "".join(_printable(c) for c in _ESCAPES.sub("", text[: limit * 8]))
    plain = plain.strip()
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def lines(text: str, limit: int = 1000) -> list[str]:
    """The lines of `text`, each made printable and cut to about `limit` characters; they stay indented."""
    return [_indent(line) + one_line(line, limit) for line in re.split(r"\r\n|\n|\r", text)]


def _indent(line: str) -> str:
    return " " * min(_INDENT_LIMIT, len(line) - len(line.lstrip(" ")))


def _printable(char: str) -> str:
    if char in "\n\r\t\v\f\u2028\u2029":
        return " "
    category = unicodedata.category(char)
    # Cc control, Cf format (bidi overrides, zero width), Cs lone surrogates, Co private use.
    return "" if category in ("Cc", "Cf", "Cs", "Co") else char
