"""The door through which text from clusters, logs and the dev loop's file enters the board.

Past it, every string is printable; nothing behind it cleans again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from coop_core.build.images import in_source
from coop_core.text import one_line

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

VALUE_LIMIT = 2000
"""Characters kept of one value of an object; a screen shows far less."""
LINE_LIMIT = 2000
"""Characters kept of one log line."""
_INDENT_LIMIT = 80


def clean_object(raw: Raw) -> Raw:
    """A copy of a Kubernetes object in which every string is one printable line."""
    return cast("Raw", clean(raw))


def clean(value: Any) -> Any:
    """JSON with every string in it, keys too, made one printable line."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(key): clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [clean(inner) for inner in value]
    return value


def clean_text(value: object) -> str:
    # Nearly all text is plain ASCII; asking so first is a hundred times cheaper than looking at each character.
    text = value if isinstance(value, str) else str(value)
    if len(text) <= VALUE_LIMIT and text.isascii() and text.isprintable():
        return text
    return one_line(text, VALUE_LIMIT)


def clean_log_line(line: str) -> str:
    """One log line, its indentation kept: a traceback without it is hard to read."""
    return in_source(_printable(line))


def _printable(line: str) -> str:
    text = line.rstrip("\r\n").expandtabs(4) if "\t" in line else line.rstrip("\r\n")
    if len(text) <= LINE_LIMIT and text.isascii() and text.isprintable():
        return text.rstrip()
    body = text.lstrip(" ")
    return " " * min(len(text) - len(body), _INDENT_LIMIT) + one_line(body, LINE_LIMIT)
