"""The audit log: one line for each request, without its token, query or body."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coop_core.clock import Clock
    from coop_core.proxy.policy import Asked

audit = logging.getLogger("coop.proxy.audit")

_OF_THE_PLATFORM = frozenset({404, 410, 422, 499, 502, 503, 504})
"""Answers to requests that were allowed, and came to nothing."""


class Exchange:
    """A request on its way, as the audit log will tell of it. peer: the address that it came from."""

    __slots__ = ("_clock", "_peer", "_started_s", "asked", "method", "path", "user")

    def __init__(self, clock: Clock, peer: str) -> None:
        self._clock = clock
        self._peer = peer
        self._started_s = clock.monotonic_s()
        self.user = "-"
        self.method = "-"
        self.path = "-"
        self.asked: Asked | None = None

    def note(self, status: int) -> None:
        """Writes the line. 499: the client went away."""
        if not audit.isEnabledFor(logging.INFO):
            return
        asked = self.asked
        if asked is not None:
            resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
            what = (
                f"verb={asked.verb} resource={resource} namespace={asked.namespace or '-'} name={asked.name or '-'}"
            )
        else:
            what = f"method={self.method} path={self.path}"
        decision = "allowed" if status < 400 or status in _OF_THE_PLATFORM else "refused"
        took_ms = (self._clock.monotonic_s() - self._started_s) * 1000
        who = f"from={self._peer} user={self.user}"
        audit.info(f"{who} {what} decision={decision} status={status} ms={took_ms:.1f}")
