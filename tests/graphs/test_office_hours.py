"""Office hours: what is understood, when somebody is there, and when a customer must have heard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.domain import TenantSettings
from desk.errors import Misconfigured
from graphs.handoffs.office_hours import due_at, office_hours, parse_office_hours, spoken_time

BERLIN = TenantSettings(timezone="Europe/Berlin", office_hours=("mon-fri 09:00-18:00", "sat 10:00-14:00"))
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-01-05T08:00:00+00:00", "2026-01-05 09:00 (UTC)"),  # Monday, 9 in Berlin: open
        ("2026-01-05T07:59:00+00:00", "2026-01-05 09:00 (Europe/Berlin)"),
        ("2026-07-06T07:00:00+00:00", "2026-07-06 07:00 (UTC)"),  # summer time
        ("2026-01-05T17:00:00+00:00", "2026-01-06 09:00 (Europe/Berlin)"),
        ("2026-01-09T17:30:00+00:00", "2026-01-10 10:00 (Europe/Berlin)"),  # Friday evening
        ("2026-01-10T13:00:00+00:00", "2026-01-12 09:00 (Europe/Berlin)"),  # Saturday, just over
    ],
)
def test_the_next_opening(moment: str, opens: str) -> None:
    hours = office_hours(BERLIN)
    found = hours.next_opening(at(moment))
    if "UTC" in opens:
        assert hours.is_open(at(moment))
        assert found == at(moment)
    else:
        assert not hours.is_open(at(moment))
        assert spoken_time(found) == opens


@given(MOMENTS)
def test_the_next_opening_is_open_and_within_three_days(moment: datetime) -> None:
    hours = office_hours(BERLIN)
    opening = hours.next_opening(moment)
    assert hours.is_open(opening)
    assert timedelta(0) <= opening - moment < timedelta(days=3)


@given(MOMENTS)
def test_no_hours_means_always_open(moment: datetime) -> None:
    assert office_hours(TenantSettings()).is_open(moment)
    assert due_at(TenantSettings(sla_minutes=7), moment) == moment + timedelta(minutes=7)


def test_closed_hours_do_not_count_for_the_promise() -> None:
    assert due_at(BERLIN, at("2026-01-10T20:00:00+00:00")) == at("2026-01-12T08:10:00+00:00")


def test_midnight_lists_and_weekends_across_sunday() -> None:
    hours = parse_office_hours(("fri-mon 00:00-00:00", "Tue,Thu 08:00-12:00"), "utc")
    assert hours.is_open(at("2026-01-04T23:59:00+00:00"))  # Sunday
    assert hours.is_open(at("2026-01-08T11:59:00+00:00"))
    assert not hours.is_open(at("2026-01-07T11:00:00+00:00"))  # Wednesday
    assert hours.next_opening(at("2026-01-06T12:00:00+00:00")) == at("2026-01-08T08:00:00+00:00")


@pytest.mark.parametrize(
    ("span", "zone"),
    [
        ("monday 09:00-18:00", "UTC"),
        ("mon 9:00-18:00", "UTC"),
        ("mon 09:00-25:00", "UTC"),
        ("mon 18:00-09:00", "UTC"),
        ("mon 09:00-09:00", "UTC"),
        ("mon 09:00-18:00", "Europe/Atlantis"),
        ("mon 09:00-18:00", "../etc/passwd"),
        ("", "UTC"),
    ],
)
def test_mistakes_are_told_and_never_lose_a_request(span: str, zone: str) -> None:
    with pytest.raises(Misconfigured, match="write for example"):
        parse_office_hours((span,), zone)
    assert office_hours(TenantSettings(office_hours=(span,), timezone=zone)).is_open(
        at("2026-01-05T03:00:00+00:00")
    )
