"""Query strings, read strictly and built anew. Pure.

Only known keys with well-formed values pass; unknown keys are dropped, as a server ignores them too. A repeated
key is refused: servers read the first of them, others the last.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from coop_core.proxy.answers import Refusal

QUERY_LIMIT = 8000
_PAIRS_LIMIT = 40
LONGEST_WATCH_S = 3600

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NUMBER = re.compile(r"[0-9]{1,18}")
_FLAG = re.compile(r"|0|1|true|false")
_SELECTOR = re.compile(r"[A-Za-z0-9_./=!,() -]{0,4000}")
_CONTINUE = re.compile(r"[A-Za-z0-9_=.+/-]{1,4000}")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]{8,20}([Zz]|[+-][0-9]{2}:[0-9]{2})")
_MATCH = re.compile(r"Exact|NotOlderThan")
_OBJECT = re.compile(r"None|Metadata|Object")

_LIST = {
    "labelSelector": _SELECTOR,
    "fieldSelector": re.compile(r"[\s\S]{0,4000}"),
    "limit": _NUMBER,
    "continue": _CONTINUE,
    "resourceVersion": _NUMBER,
    "resourceVersionMatch": _MATCH,
    "includeObject": _OBJECT,
}
_WATCH = {
    **_LIST,
    "watch": _FLAG,
    "allowWatchBookmarks": _FLAG,
    "sendInitialEvents": _FLAG,
    "timeoutSeconds": _NUMBER,
}
_GET = {"resourceVersion": _NUMBER, "includeObject": _OBJECT}
_LOG = {
    "container": _NAME,
    "follow": _FLAG,
    "previous": _FLAG,
    "timestamps": _FLAG,
    "tailLines": _NUMBER,
    "sinceSeconds": _NUMBER,
    "sinceTime": _TIME,
    "limitBytes": _NUMBER,
}

Query = dict[str, str]


def parse(raw: str) -> Query:
    """Keys and values, decoded once. Raises Refusal, as everything here does."""
    if len(raw) > QUERY_LIMIT:
        raise Refusal(400, "the query is too long")
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=_PAIRS_LIMIT, separator="&")
    except ValueError as error:
        raise Refusal(400, "the query cannot be read") from error
    query: Query = {}
    for key, value in pairs:
        if key in query:
            raise Refusal(400, "a query key is given twice")
        if _CONTROL.search(key) or _CONTROL.search(value):
            raise Refusal(400, "the query contains a control character")
        query[key] = value
    return query


def is_watch(query: Query) -> bool:
    """Whether the query asks for a watch. A bare key counts as true, as in Kubernetes; odd values are refused."""
    value = query.get("watch", "false")
    if not _FLAG.fullmatch(value):
        raise Refusal(400, "watch must be true or false")
    return value not in ("0", "false")


def for_list(query: Query) -> Query:
    return _picked(query, _LIST)


def for_watch(query: Query) -> Query:
    picked = _picked(query, _WATCH)
    for key in ("limit", "continue"):
        picked.pop(key, None)
    picked["watch"] = "true"
    if "timeoutSeconds" in picked:
        picked["timeoutSeconds"] = str(min(int(picked["timeoutSeconds"]), LONGEST_WATCH_S))
    return picked


def for_get(query: Query) -> Query:
    return _picked(query, _GET)


def for_log(query: Query) -> Query:
    picked = _picked(query, _LOG)
    if "sinceSeconds" in picked and "sinceTime" in picked:
        raise Refusal(400, "sinceSeconds and sinceTime exclude each other")
    return picked


def _picked(query: Query, patterns: dict[str, re.Pattern[str]]) -> Query:
    picked: Query = {}
    for key, pattern in patterns.items():
        if key not in query:
            continue
        # An empty value is what clients send for "not set".
        if query[key] == "" and pattern is not _FLAG:
            continue
        if not pattern.fullmatch(query[key]):
            raise Refusal(400, f"{key} is malformed")
        picked[key] = "true" if pattern is _FLAG and query[key] == "" else query[key]
    return picked
