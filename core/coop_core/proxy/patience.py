"""How long a client may take over what it does. Pure: told what happens and what time it is, it says what to do."""

from __future__ import annotations

from enum import Enum, auto

HEADER_DEADLINE_S = 10.0
"""From a request's first byte, or the connection's beginning, to the end of its head; as long again for a body."""
IDLE_LIMIT_S = 60.0
"""Between two requests."""
WRITE_LIMIT_S = 20.0
"""For a reader to take 192 KiB; a slower one is cut, and asks again. Also for the rest, when it is the last."""
LINGER_S = 1.0
"""After a refusal the client may still be sending: closing at once would take the answer away from it."""


class Verdict(Enum):
    WAIT = auto()
    CLOSE = auto()
    """In good order."""
    CUT = auto()


class _Phase(Enum):
    SENDING = auto()
    """The client sends a head or a body."""
    ANSWERED = auto()
    """We do."""
    RESTING = auto()
    LEAVING = auto()
    LINGERING = auto()


_LIMITS_S = {
    _Phase.SENDING: HEADER_DEADLINE_S,
    _Phase.RESTING: IDLE_LIMIT_S,
    _Phase.LEAVING: WRITE_LIMIT_S,
    _Phase.LINGERING: LINGER_S,
}


class Patience:
    """With one connection, which begins at `now_s`."""

    __slots__ = ("_blocked_since_s", "_phase", "_since_s")

    def __init__(self, now_s: float) -> None:
        self._phase = _Phase.SENDING
        self._since_s = now_s
        self._blocked_since_s: float | None = None

    def sends(self, now_s: float) -> None:
        """A head or a body has begun to come, or is waited for."""
        if self._phase is not _Phase.SENDING:
            self._phase, self._since_s = _Phase.SENDING, now_s

    def has_sent(self) -> None:
        """It is whole; the rest is up to us."""
        self._phase = _Phase.ANSWERED

    def rests(self, now_s: float) -> None:
        """Nothing is asked."""
        self._phase, self._since_s = _Phase.RESTING, now_s

    def leaves(self, now_s: float, *, lingers: bool) -> None:
        """The last of everything is written. lingers: what the client may still send is of no interest."""
        self._phase, self._since_s = _Phase.LINGERING if lingers else _Phase.LEAVING, now_s

    @property
    def is_over(self) -> bool:
        """Whether nothing more is heard."""
        return self._phase in (_Phase.LEAVING, _Phase.LINGERING)

    def blocks(self, now_s: float) -> None:
        """The client does not take what is written."""
        self._blocked_since_s = now_s

    def takes(self) -> None:
        """It does again."""
        self._blocked_since_s = None

    @property
    def is_blocked(self) -> bool:
        return self._blocked_since_s is not None

    def verdict(self, now_s: float) -> Verdict:
        """What to do now."""
        if self._blocked_since_s is not None and now_s - self._blocked_since_s > WRITE_LIMIT_S:
            return Verdict.CUT
        if self._phase is _Phase.ANSWERED or now_s - self._since_s <= _LIMITS_S[self._phase]:
            return Verdict.WAIT
        return Verdict.CLOSE if self._phase is _Phase.RESTING else Verdict.CUT
