"""Cron schedules as Kubernetes reads them: five fields or a word like @daily, in a time zone. Pure.

Source: robfig/cron v3, which Kubernetes uses. When clocks go forward, what was due in the gap is left out; when
they go back, what is due in the hour that comes twice comes twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _DAYS),
)  # fmt: skip
_EVERY = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(h|m|s|ms)")
_UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_LOOK_AHEAD = timedelta(days=5 * 366)
"""A schedule that is not due within five years, such as on 30 February, never is."""


class BadSchedule(Exception):
    """The text is no schedule, or the time zone is not known."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The values of each field at which it is due. every_s: not 0 for "@every 90m", which has no fields."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Both day fields are restricted: then one of them is enough."""
    zone: tzinfo
    every_s: float = 0.0

    def after(self, at_s: float) -> float | None:
        """The first time due after `at_s`, in seconds since the epoch; None when there is none."""
        if self.every_s:
            return float(int(at_s) + self.every_s)
        moment = datetime.fromtimestamp(int(at_s) // 60 * 60 + 60, UTC)
        end = moment + _LOOK_AHEAD
        while moment < end:
            later = self._later(moment)
            if later is None:
                return moment.timestamp()
            moment = later
        return None

    def _later(self, moment: datetime) -> datetime | None:
        """The next moment worth a look; None when it is due at this one. In UTC, so it always goes forward."""
        local = moment.astimezone(self.zone)
        if local.month not in self.months:
            first = datetime(local.year + local.month // 12, local.month % 12 + 1, 1)
            return self._local(first, moment)
        if not self._is_day(local):
            midnight = datetime(local.year, local.month, local.day) + timedelta(days=1)
            return self._local(midnight, moment)
        if local.hour not in self.hours:
            return moment + timedelta(minutes=60 - local.minute)
        if local.minute not in self.minutes:
            following = min((one for one in self.minutes if one > local.minute), default=60)
            return moment + timedelta(minutes=following - local.minute)
        return None

    def _local(self, wall: datetime, after: datetime) -> datetime:
        found = wall.replace(tzinfo=self.zone).astimezone(UTC)
        return max(found, after + timedelta(minutes=1))

    def _is_day(self, local: datetime) -> bool:
        by_date, by_weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        return by_date or by_weekday if self.either_day else by_date and by_weekday


@lru_cache(maxsize=256)
def parse(text: str, zone: str = "") -> Schedule:
    """Reads a schedule. zone: an IANA name, "" for UTC. Raises BadSchedule with what is wrong."""
    place = _zone(zone)
    words = _WORDS.get(text.strip(), text).split()
    if words[:1] == ["@every"]:
        return _every(" ".join(words[1:]), place)
    if len(words) != len(_FIELDS):
        raise BadSchedule(f"expected exactly 5 fields, found {len(words)}: [{text}]")
    minutes, hours, days, months, weekdays = (
        _values(word, *field) for word, field in zip(words, _FIELDS, strict=True)
    )
    either_day = not (words[2][0] in "*?" or words[4][0] in "*?")
    return Schedule(minutes, hours, days, months, weekdays, either_day, place)


def _zone(name: str) -> tzinfo:
    if name in ("", "UTC", "Etc/UTC"):
        return UTC
    if name.lower() == "local":
        raise BadSchedule(f"invalid timeZone: {name}: must be an explicit time zone")
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # OSError: a folder of the time zone database
        raise BadSchedule(f"invalid timeZone: {name}: unknown time zone") from error


def _every(text: str, zone: tzinfo) -> Schedule:
    parts = _EVERY.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise BadSchedule(f"failed to parse duration @every {text}")
    every_s = max(1.0, sum(float(number) * _UNITS_S[unit] for number, unit in parts) // 1)
    none: frozenset[int] = frozenset()
    return Schedule(none, none, none, none, none, False, zone, every_s)


def _values(word: str, name: str, least: int, most: int, names: tuple[str, ...]) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        span, slash, step = part.partition("/")
        if span in ("*", "?"):
            first, last = least, most
        else:
            first_word, dash, last_word = span.partition("-")
            first = _number(first_word, name, names, least)
            last = _number(last_word, name, names, least) if dash else most if slash else first
        if slash and not (step.isdecimal() and len(step) < 9 and int(step)):
            raise BadSchedule(f"step of range should be a positive number: {part}")
        if not least <= first <= last <= most:
            raise BadSchedule(f"{name} is from {least} to {most}: {part}")
        found.update(range(first, last + 1, int(step) if slash else 1))
    return frozenset(found)


def _number(word: str, name: str, names: tuple[str, ...], least: int) -> int:
    if word.lower() in names:
        return names.index(word.lower()) + least
    if not (word.isascii() and word.isdecimal() and len(word) < 9):
        raise BadSchedule(f"failed to parse {name} from {word or 'nothing'}")
    return int(word)
