"""The playground and the demo page in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.web.wire import HOLD, Refusal, Stream, Wire, accepted, done, frame

pytestmark = pytest.mark.browser

GRAPH = {
    "nodes": ["screen", "route_intent", "canned_reply", "call_llm", "run_tools", "fallback"],
    "edges": [
        ["__start__", "screen"],
        ["screen", "route_intent"],
        ["screen", "fallback", "refused"],
        ["route_intent", "canned_reply", "canned"],
        ["route_intent", "call_llm"],
        ["call_llm", "run_tools"],
        ["run_tools", "call_llm"],
        ["call_llm", "fallback"],
    ],
}
LAY_OUT = """async ({ nodes, edges }) => {
    const { layOut } = await import("/playground/layout.js");
    const known = edges.filter(([from, to]) => nodes.includes(from) && nodes.includes(to));
    const { places } = layOut(nodes, known);
    return Object.fromEntries(nodes.map((name) => [name, places[name].column]));
}"""


LINES = """async ([a, b]) => {
    const { lines } = await import("/playground/diff.js");
    return lines(a, b).map(({ kind, text }) => `${kind} ${text}`);
}"""


async def test_a_turn_lights_its_way_through_the_graph(page: Page, wire: Wire) -> None:
    wire.graph = GRAPH
    steps = (
        frame("step", node="screen", state="started"),
        frame("step", node="screen", state="ended", ms=0.2146),
        frame("step", node="route_intent", state="started"),
    )
    ended = frame("step", node="route_intent", state="ended", ms=12.4)
    prompt = {"name": "support", "version": 3, "sha": "0123456789abcdef"}
    wire.scenes.append(
        Stream((accepted(), *steps, HOLD, ended, frame("token", text="Hi"), done("Hi there.", prompt=prompt)))
    )
    await page.goto(f"{wire.url}/playground")
    await expect(page.locator("#graph .node")).to_have_count(6)
    await page.get_by_label("Message", exact=True).fill("hi")
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator('[data-node="screen"]')).to_have_class("node ended")
    await expect(page.locator('[data-node="screen"] .time')).to_have_text("0.21 ms")
    await expect(page.locator('[data-node="route_intent"]')).to_have_class("node running")
    await expect(page.locator(".edge.taken")).to_have_count(1)
    wire.go.set()
    await expect(page.locator("#state")).to_have_text("done")
    await expect(page.locator('[data-node="route_intent"] .time')).to_have_text("12 ms")
    await expect(page.locator("#answer")).to_have_text("Hi there.")
    await expect(page.locator("#facts")).to_contain_text("0.930")
    await expect(page.locator("#events tr")).to_have_count(7)
    await expect(page.locator("#raw pre")).to_contain_text('"route": "faq"')
    assert wire.turns()[0].body == {"message": "hi"}


async def test_a_refused_turn_says_why(page: Page, wire: Wire) -> None:
    wire.graph = GRAPH
    wire.scenes.append(Refusal(401, "A valid access token is needed."))
    await page.goto(f"{wire.url}/playground")
    await page.get_by_role("button", name="asdkjh qwe").click()
    await expect(page.locator("#state")).to_have_text("failed")
    await expect(page.locator("#answer")).to_contain_text("make run")
    sign_in = page.locator("#answer").get_by_role("link", name="Sign in")
    await expect(sign_in).to_have_attribute("href", "/signin?page=/playground")


async def test_two_texts_are_compared_line_by_line(page: Page, wire: Wire) -> None:
    wire.graph = GRAPH
    await page.goto(f"{wire.url}/playground")
    before = [f"line {number}" for number in range(9)]
    after = [*before[:4], "line four", *before[5:], "line 9"]
    found: Any = await page.evaluate(
        LINES,
        ["\n".join(before), "\n".join(after)],
    )
    assert found == [
        "same ⋯",
        "same line 2",
        "same line 3",
        "gone line 4",
        "new line four",
        "same line 5",
        "same line 6",
        "same line 7",
        "same line 8",
        "new line 9",
    ]


async def test_the_layout_puts_every_node_after_those_that_lead_to_it(page: Page, wire: Wire) -> None:
    wire.graph = GRAPH
    await page.goto(f"{wire.url}/playground")
    columns: Any = await page.evaluate(LAY_OUT, GRAPH)
    assert columns == {
        "screen": 0,
        "route_intent": 1,
        "canned_reply": 2,
        "call_llm": 2,
        "run_tools": 3,
        "fallback": 3,
    }


async def test_the_demo_asks_the_chat_and_fits_a_phone(page: Page, wire: Wire) -> None:
    await page.set_viewport_size({"width": 320, "height": 568})
    wire.scenes.append(Stream((accepted(), done("It is on its way."))))
    await page.goto(f"{wire.url}/demo")
    assert await page.evaluate("document.documentElement.scrollWidth") == 320
    await page.get_by_role("button", name="Where is my order 100234?").click()
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("It is on its way.")
    assert wire.turns()[0].body["message"] == "Where is my order 100234?"
