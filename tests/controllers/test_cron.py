from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coop_core.cluster import cron


def after(schedule: str, moment: str, zone: str = "") -> str:
    """The next time due, as local wall time with its offset."""
    at_s = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
    found = cron.parse(schedule, zone).after(at_s)
    assert found is not None
    return datetime.fromtimestamp(found, ZoneInfo(zone or "UTC")).isoformat(timespec="minutes")


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("* * * * *", "2024-02-28T12:01+00:00"),
        ("*/15 * * * *", "2024-02-28T12:15+00:00"),
        ("5/20 * * * *", "2024-02-28T12:05+00:00"),
        ("0 0 29 2 *", "2024-02-29T00:00+00:00"),
        ("30 9-17/4 * * mon-fri", "2024-02-28T13:30+00:00"),
        ("0 0 1 JAN,jul ?", "2024-07-01T00:00+00:00"),
        ("0 0 13 * 5", "2024-03-01T00:00+00:00"),
        ("0 0 * * 5", "2024-03-01T00:00+00:00"),
        ("@weekly", "2024-03-03T00:00+00:00"),
        ("@hourly", "2024-02-28T13:00+00:00"),
        ("@every 1h30m", "2024-02-28T13:30+00:00"),
    ],
)
def test_the_next_time_of_a_schedule(schedule: str, expected: str) -> None:
    assert after(schedule, "2024-02-28T12:00:00") == expected


def test_a_time_that_is_due_is_not_after_itself() -> None:
    assert after("0 12 * * *", "2024-02-28T12:00:00") == "2024-02-29T12:00+00:00"


def test_a_day_that_never_comes_is_never_due() -> None:
    assert cron.parse("0 0 30 2 *").after(0) is None


def test_the_wall_clock_of_the_zone_counts() -> None:
    assert after("30 8 * * *", "2024-01-10T00:00:00", "America/New_York") == "2024-01-10T08:30-05:00"
    assert after("30 8 * * *", "2024-07-10T00:00:00", "America/New_York") == "2024-07-10T08:30-04:00"
    assert after("0 0 * * *", "2024-07-10T12:00:00", "Asia/Kathmandu") == "2024-07-11T00:00+05:45"


def test_what_is_due_in_the_hour_that_is_skipped_is_left_out() -> None:
    assert after("30 2 * * *", "2024-03-30T12:00:00", "Europe/Berlin") == "2024-04-01T02:30+02:00"


def test_an_hour_that_comes_twice_has_both_its_runs() -> None:
    first = after("30 2 * * *", "2024-10-26T12:00:00", "Europe/Berlin")
    assert first == "2024-10-27T02:30+02:00"
    assert after("30 2 * * *", "2024-10-27T00:30:00", "Europe/Berlin") == "2024-10-27T02:30+01:00"


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ("", "expected exactly 5 fields, found 0"),
        ("* * * *", "expected exactly 5 fields, found 4"),
        ("60 * * * *", "minute is from 0 to 59"),
        ("* * 0 * *", "day of month is from 1 to 31"),
        ("* * * * 7", "day of week is from 0 to 6"),
        ("9-5 * * * *", "minute is from 0 to 59"),
        ("*/0 * * * *", "step of range should be a positive number"),
        ("x * * * *", "failed to parse minute from x"),
        ("²0 * * * *", "failed to parse minute"),
        ("@every soon", "failed to parse duration"),
        ("TZ=UTC * * * * *", "expected exactly 5 fields"),
    ],
)
def test_what_is_no_schedule_says_why(schedule: str, why: str) -> None:
    with pytest.raises(cron.BadSchedule, match=why):
        cron.parse(schedule)


@pytest.mark.parametrize("zone", ["Nowhere/City", "Local", "../../etc/passwd", "/etc/passwd", "America", "\0"])
def test_what_is_no_time_zone_says_so(zone: str) -> None:
    with pytest.raises(cron.BadSchedule, match="invalid timeZone"):
        cron.parse("* * * * *", zone)


def field(least: int, most: int) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    stepped = st.tuples(st.one_of(st.just("*"), span), st.integers(1, 20)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    return st.one_of(st.just("*"), number.map(str), span, stepped)


@settings(max_examples=150, deadline=None)
@given(
    fields=st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)),
    start=st.datetimes(datetime(2023, 1, 1), datetime(2026, 1, 1)),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
)
def test_nothing_is_due_between_a_moment_and_the_next_time(
    fields: tuple[str, ...], start: datetime, zone: str
) -> None:
    schedule = cron.parse(" ".join(fields), zone)
    at_s = start.replace(tzinfo=UTC).timestamp()
    found = schedule.after(at_s)
    minutes = range(int(at_s) // 60 + 1, int(at_s) // 60 + 1 + 3 * 24 * 60)
    due = next((minute * 60.0 for minute in minutes if is_due(schedule, minute * 60.0)), None)
    if due is not None or (found is not None and found <= minutes[-1] * 60):
        assert found == due
    elif found is not None:
        assert is_due(schedule, found)


def is_due(schedule: cron.Schedule, at_s: float) -> bool:
    """Asked minute by minute, without any leap."""
    local = datetime.fromtimestamp(at_s, schedule.zone)
    by_date, by_weekday = local.day in schedule.days, local.isoweekday() % 7 in schedule.weekdays
    day = by_date or by_weekday if schedule.either_day else by_date and by_weekday
    return (
        day and local.month in schedule.months and local.hour in schedule.hours and local.minute in schedule.minutes
    )
