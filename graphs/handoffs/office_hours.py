"""When a tenant's people are there: spans such as "mon-fri 09:00-18:00" in the tenant's own time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from desk.domain import TenantSettings
from desk.errors import Misconfigured

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = "|".join(DAYS)
_SPAN = re.compile(
    rf"(?P<days>(?:{_DAY})(?:[-,](?:{_DAY}))*) (?P<begin>\d\d:\d\d)-(?P<end>\d\d:\d\d)", re.IGNORECASE
)
LONGEST_ZONE = 64
_WEEK = 8  # days to look ahead: today's opening may be over, next week's is not

log = structlog.get_logger("desk.office_hours")


@dataclass(frozen=True, slots=True)
class Opening:
    """A span on some weekdays (0 is Monday), from `begin` to before `end`; an `end` of 00:00 is midnight."""

    days: frozenset[int]
    begin: time
    end: time


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """The openings of a week in one time zone; no openings means always open."""

    zone: tzinfo = UTC
    openings: tuple[Opening, ...] = ()

    def is_open(self, now: datetime) -> bool:
        """Whether somebody is there at `now` (aware)."""
        return self.next_opening(now) == now

    def next_opening(self, now: datetime) -> datetime:
        """`now` itself while open, else the next beginning, in the tenant's time zone."""
        if not self.openings:
            return now
        return min(max(begin, now) for begin, end in self._spans(now) if end > now)

    def _spans(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        today = now.astimezone(self.zone).date()
        for date in (today + timedelta(days=ahead) for ahead in range(_WEEK)):
            for opening in self.openings:
                if date.weekday() in opening.days:
                    last = date if opening.end > opening.begin else date + timedelta(days=1)
                    yield (
                        datetime.combine(date, opening.begin, self.zone),
                        datetime.combine(last, opening.end, self.zone),
                    )


@lru_cache(maxsize=1000)
def parse_office_hours(spans: tuple[str, ...], timezone: str) -> OfficeHours:
    """The settings as openings; raises Misconfigured with an example of what is understood."""
    return OfficeHours(zone_of(timezone), tuple(_opening(span) for span in spans))


def office_hours(settings: TenantSettings) -> OfficeHours:
    """The tenant's hours. What cannot be read counts as always open: no request for a person is lost."""
    try:
        return parse_office_hours(settings.office_hours, settings.timezone)
    except Misconfigured as error:
        log.error("office_hours_unreadable", detail=error.detail)
        return OfficeHours()


def due_at(settings: TenantSettings, now: datetime) -> datetime:
    """When somebody who begins to wait at `now` must have heard from a person; closed hours do not count."""
    return office_hours(settings).next_opening(now).astimezone(UTC) + timedelta(minutes=settings.sla_minutes)


def spoken_time(moment: datetime) -> str:
    """A moment for a customer to read, with its time zone: `2026-01-05 09:00 (Europe/Berlin)`."""
    return f"{moment:%Y-%m-%d %H:%M} ({moment.tzinfo})"


def _opening(span: str) -> Opening:
    match = _SPAN.fullmatch(span.strip())
    try:
        if match is None:
            raise ValueError
        begin, end = time.fromisoformat(match["begin"]), time.fromisoformat(match["end"])
        if end <= begin and end != time(0):
            raise ValueError
    except ValueError as error:
        raise Misconfigured(
            f"Office hours {span!r} are not understood; write for example 'mon-fri 09:00-18:00'"
            " or 'sat,sun 10:00-14:00'."
        ) from error
    return Opening(_days(match["days"].lower()), begin, end)


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        start, length = DAYS.index(first), (DAYS.index(last or first) - DAYS.index(first)) % 7
        found |= {(start + step) % 7 for step in range(length + 1)}
    return frozenset(found)


def zone_of(name: str) -> tzinfo:
    """The time zone of an IANA name; Misconfigured when there is none."""
    if name.upper() == "UTC":
        return UTC  # also where the system has no time zone database
    try:
        return ZoneInfo(name[:LONGEST_ZONE])  # it is looked for folder by folder
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Misconfigured(
            f"There is no time zone {name[:LONGEST_ZONE]!r}; write for example 'Europe/Berlin' or 'UTC'."
        ) from error
