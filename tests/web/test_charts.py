"""The charts of the review and usage pages say in words what they draw, and round no part away."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

from tests.web.wire import Wire

pytestmark = pytest.mark.browser

DAYS = [["2026-01-01", 0.5], ["2026-01-02", None], ["2026-01-05", 0.25]]


async def charts(page: Page, wire: Wire, expression: str, given: Any = None) -> Any:
    """What an expression over the module `charts` gives."""
    await page.goto(f"{wire.url}/demo")
    return await page.evaluate(
        f"async (given) => {{ const charts = await import('/review/charts.js'); return {expression}; }}",
        given,
    )


async def test_a_small_part_is_not_none_and_a_large_one_not_all(page: Page, wire: Wire) -> None:
    parts = [[0, 300], [1, 300], [150, 300], [299, 300], [300, 300]]
    said = await charts(page, wire, "given.map(([n, of]) => charts.share({ n, of }))", parts)
    assert said == ["0 %", "0.3 %", "50 %", "99.7 %", "100 %"]


async def test_a_line_says_its_span_and_leaves_out_what_nobody_knows(page: Page, wire: Wire) -> None:
    drawn = await charts(
        page,
        wire,
        "(({ ariaLabel, children }) => [ariaLabel, [...children].filter((node) => node.tagName === 'circle')"
        ".map((node) => [Number(node.getAttribute('cx')), node.textContent])])"
        "(charts.lines(given, { percent: true }))",
        DAYS,
    )
    label, [first, last] = drawn
    assert label == "From 2026-01-01 to 2026-01-05, between 25 % and 50 %; last 25 %."
    assert (first[1], last[1]) == ("2026-01-01: 50 %", "2026-01-05: 25 %")
    assert first[0] < last[0]


async def test_days_that_nothing_is_known_of_keep_their_room(page: Page, wire: Wire) -> None:
    places = await charts(
        page,
        wire,
        "[...charts.lines(given).querySelectorAll('circle')].map((dot) => Number(dot.getAttribute('cx')))",
        [["2026-01-01", 1], ["2026-01-02", 1], ["2026-01-05", 1]],
    )
    day = places[1] - places[0]
    assert places[2] - places[1] == pytest.approx(3 * day)


async def test_bars_say_their_number_and_part(page: Page, wire: Wire) -> None:
    said = await charts(
        page,
        wire,
        "[...charts.bars(given).querySelectorAll('.number')].map((node) => node.textContent)",
        [["canned", 3], ["faq", 1]],
    )
    assert said == ["3 · 75 %", "1 · 25 %"]
    assert await charts(page, wire, "charts.bars([]).textContent") == "Nothing yet."
    assert await charts(page, wire, "charts.lines([]).textContent") == "Nothing yet."
