"""Which headers pass from one hop to the next. Pure. Source: RFC 9110, section 7.6.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multidict import CIMultiDict

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

_HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te",
        "trailer", "transfer-encoding", "upgrade", "expect",
    }
)  # fmt: skip
WEBSOCKET = frozenset(
    {"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-protocol"}
)
"""Negotiated anew on each hop."""


def passed_on(headers: CIMultiDictProxy[str], also_without: frozenset[str] = frozenset()) -> CIMultiDict[str]:
    """End-to-end headers alone: without those of this hop, and those that Connection names."""
    named = {
        token.strip().lower() for value in headers.getall("Connection", ()) for token in value.split(",") if token
    }
    dropped = _HOP_BY_HOP | named | also_without
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in dropped)


def forwarded(headers: CIMultiDict[str], *, client: str, host: str, port: int) -> None:
    """Tells the program who asked, and for what. Added in place."""
    earlier = headers.get("X-Forwarded-For")
    headers["X-Forwarded-For"] = f"{earlier}, {client}" if earlier else client
    headers["X-Forwarded-Host"] = host
    headers["X-Forwarded-Proto"] = "http"
    headers["X-Forwarded-Port"] = str(port)


def is_websocket(headers: CIMultiDictProxy[str]) -> bool:
    connection = headers.get("Connection", "").lower()
    return "upgrade" in connection and headers.get("Upgrade", "").lower() == "websocket"


def host_name(value: str) -> str:
    """The name in a Host header: no port, no trailing dot, lower case."""
    name = value[: value.find("]") + 1] if value.startswith("[") else value.partition(":")[0]
    return name.rstrip(".").lower()
