"""YAML, read with a guard and written in one canonical way.

Reads the subset that configuration needs: the core tags, string keys, no merge keys. Values are built from
libyaml's event stream, one event at a time, because its loader recurses and dies on deep nesting. Invariant: any
bytes end in a value or in a CoopError that says `file:line`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from coop_core.errors import CoopError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE_LIMIT_BYTES = 1024 * 1024
DEPTH_LIMIT = 64
NODE_LIMIT = 100_000
"""Both count as if every alias were written out, so that a small file cannot stand for a huge or deep value."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass(slots=True)
class Scalar:
    """A word or a number as its author wrote it."""

    text: str
    line: int
    is_plain: bool
    """Written without quotes, so `true`, `5` and `null` mean more than their letters."""
    size: int = 1
    depth: int = 0

    @property
    def value(self) -> Any:
        return resolve(self.text) if self.is_plain else self.text


@dataclass(slots=True)
class Sequence:
    line: int
    items: list[Node] = field(default_factory=list)
    size: int = 1
    depth: int = 1


@dataclass(slots=True)
class Mapping:
    line: int
    items: dict[str, tuple[int, Node]] = field(default_factory=dict)
    """Key to (line of the key, value)."""
    size: int = 1
    depth: int = 1


Node = Scalar | Sequence | Mapping


def load(text: bytes, where: str) -> Any:
    """The value of the only document; None for an empty file. where: the file's name, for messages."""
    found = [value for value in load_all(text, where) if value is not None]
    if len(found) > 1:
        raise problem(where, 1, "there are several documents", "keep one document in this file")
    return found[0] if found else None


def load_all(text: bytes, where: str) -> list[Any]:
    """The value of each document; None for an empty one."""
    return [plain(node) for node in nodes(text, where)]


def nodes(text: bytes, where: str) -> list[Node]:
    """The documents with their lines. Aliased nodes are shared."""
    if len(text) > SIZE_LIMIT_BYTES:
        raise problem(where, 1, f"the file has {len(text)} bytes", f"keep it under {SIZE_LIMIT_BYTES} bytes")
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise problem(where, line, "the file is not UTF-8", "save it as UTF-8") from error
    try:
        return list(_Composer(where).documents(yaml.parse(decoded, Loader=_LOADER)))
    except yaml.YAMLError as error:
        raise _translated(error, decoded, where) from error


def plain(node: Node) -> Any:
    """A node's value, without lines; aliases become copies."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key: plain(item) for key, (_, item) in node.items.items()}


def problem(where: str, line: int, why: str, remedy: str) -> CoopError:
    """An error at a line of a file."""
    return CoopError(f"cannot read {_shown(where)}", f"{_shown(where)}:{line}: {why}", remedy, ExitCode.CONFIG)


def resolve(text: str) -> Any:
    """What a plain scalar means in YAML 1.2: `no` and `on` are words, `0o17` is a number, `1:30` is not."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if len(text) <= 64:
        if re.fullmatch(r"[-+]?[0-9]+", text):
            return int(text)
        if re.fullmatch(r"0o[0-7]+|0x[0-9a-fA-F]+", text):
            return int(text, 0)
        if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
            return float(text)
        if re.fullmatch(r"[-+]?\.(inf|Inf|INF)", text):
            return -math.inf if text.startswith("-") else math.inf
        if text in (".nan", ".NaN", ".NAN"):
            return math.nan
    return text


def dump(value: Any) -> bytes:
    """Canonical YAML: sorted keys, block style, no aliases, and no string that another parser reads differently."""
    text: str = yaml.dump(
        value, Dumper=_Canonical, sort_keys=True, default_flow_style=False, allow_unicode=True, width=10**6
    )
    return text.encode()


class _Canonical(_DUMPER):  # type: ignore[misc, valid-type]  # libyaml's class where PyYAML has it
    def ignore_aliases(self, data: Any) -> bool:
        return True


# Words that YAML 1.1 parsers, Go's among them, read as booleans; and all that looks like a number or a date.
_AMBIGUOUS = re.compile(r"(?i:y|n|yes|no|on|off|true|false|null|~|<<|=|)|[-+.0-9].*")


def _represent_text(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text else ("'" if _AMBIGUOUS.fullmatch(text) else None)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Canonical.add_representer(str, _represent_text)


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been seen."""

    node: Sequence | Mapping
    anchor: str | None
    key: tuple[str, int] | None = None


class _Composer:
    """Builds nodes from events, without recursion."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._anchors: dict[str, Node] = {}
        self._open: list[_Open] = []
        self._nodes = 0

    def documents(self, events: Iterator[Any]) -> Iterator[Node]:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                continue
            node = self._take(event)
            if node is not None and not self._open:
                yield node

    def _take(self, event: Any) -> Node | None:
        """The node that this event completes; None when it completes nothing."""
        if isinstance(event, yaml.AliasEvent):
            aliased = self._aliased(event)
            self._check_depth(aliased.depth, event)
            return self._placed(aliased, event)
        if isinstance(event, yaml.ScalarEvent):
            return self._placed(self._scalar(event), event)
        if isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            done = self._open.pop()
            if done.anchor:
                self._anchors[done.anchor] = done.node
            return self._placed(done.node, event)
        return None

    def _begin(self, event: Any) -> None:
        self._check_depth(1, event)
        is_sequence = isinstance(event, yaml.SequenceStartEvent)
        self._check_tag(event, "tag:yaml.org,2002:seq" if is_sequence else "tag:yaml.org,2002:map")
        if self._open and isinstance(self._open[-1].node, Mapping) and self._open[-1].key is None:
            raise self._problem(event, "a key is a list or a mapping", "use a word as the key")
        line = event.start_mark.line + 1
        self._open.append(_Open(Sequence(line) if is_sequence else Mapping(line), event.anchor))

    def _scalar(self, event: Any) -> Scalar:
        is_plain = not event.style and event.tag is None
        if event.tag not in (None, "!"):
            self._check_tag(event, "tag:yaml.org,2002:str")
        scalar = Scalar(event.value, event.start_mark.line + 1, is_plain)
        if event.anchor:
            self._anchors[event.anchor] = scalar
        return scalar

    def _aliased(self, event: Any) -> Node:
        found = self._anchors.get(event.anchor)
        if found is None:
            raise self._problem(event, f"nothing is called *{_shown(event.anchor)} here", "name an earlier &anchor")
        return found

    def _placed(self, node: Node, event: Any) -> Node | None:
        """Puts a finished node where it belongs; gives it back when it is a whole document."""
        if not self._open:
            return node
        top = self._open[-1]
        if isinstance(top.node, Sequence):
            top.node.items.append(node)
        elif top.key is None:
            top.key = self._key(top.node, node, event)
            return None
        else:
            top.node.items[top.key[0]] = (top.key[1], node)
            top.key = None
        top.node.depth = max(top.node.depth, node.depth + 1)
        top.node.size += node.size
        if top.node.size > NODE_LIMIT:
            raise self._problem(event, f"it holds more than {NODE_LIMIT} values", "make it smaller; use no aliases")
        return None

    def _key(self, mapping: Mapping, node: Node, event: Any) -> tuple[str, int]:
        line = event.start_mark.line + 1
        if not isinstance(node, Scalar):
            raise self._problem(event, "a key is a list or a mapping", "use a word as the key")
        if node.text == "<<" and node.is_plain:
            raise self._problem(event, "merge keys (<<) are not read", "write the keys out")
        if node.text in mapping.items:
            first = mapping.items[node.text][0]
            raise self._problem(event, f"{_shown(node.text)!r} is there already, in line {first}", "remove one")
        return node.text, line

    def _check_depth(self, more: int, event: Any) -> None:
        if len(self._open) + more > DEPTH_LIMIT:
            raise self._problem(event, f"it is nested more than {DEPTH_LIMIT} levels deep", "flatten it")

    def _check_tag(self, event: Any, allowed: str) -> None:
        if event.tag not in (None, "!", allowed):
            raise self._problem(event, f"the tag {_shown(event.tag)} is not read", "remove the tag")

    def _problem(self, event: Any, why: str, remedy: str) -> CoopError:
        return problem(self._where, event.start_mark.line + 1, why, remedy)


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:120])


def _translated(error: yaml.YAMLError, text: str, where: str) -> CoopError:
    mark = getattr(error, "problem_mark", None)
    position = getattr(error, "position", None)
    line = 1
    if mark is not None:
        line = mark.line + 1
    elif isinstance(position, int):
        line = text.count("\n", 0, position) + 1
    told = _shown(str(getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"))
    remedy = "use spaces, not tabs" if "\\t" in told or "tab" in told else "mend the YAML in that line"
    return problem(where, line, told, remedy)
