"""The widget for everybody: keyboard, input methods, small screens, contrast, names, languages, direction."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.web.driving import open_chat, say
from tests.web.wire import HOLD, Stream, Wire, accepted, done, frame

pytestmark = pytest.mark.browser

# Every visible text of the widget with its contrast ratio by WCAG 2.2, for those below 4.5.
FAINT = """() => {
    const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
        .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const parse = (color) => color.match(/[\\d.]+/g).map(Number);
    const over = ([r, g, b, a = 1], below) => [r, g, b].map((v, i) => v * a + below[i] * (1 - a));
    const ground = (node) => {
        const up = node.parentElement ?? node.getRootNode().host;
        return up === document.body || !up
            ? [255, 255, 255] : over(parse(getComputedStyle(node).backgroundColor), ground(up));
    };
    const root = document.querySelector("deskgraph-chat").shadowRoot;
    const faint = [];
    for (const node of root.querySelectorAll("*")) {
        const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
        if (!own || !node.checkVisibility() || node.closest(".unseen")) continue;
        const style = getComputedStyle(node);
        const back = ground(node);
        const [r, g, b] = parse(style.color);
        const ink = over([r, g, b, Number(style.opacity)], back);
        const [light, dark] = [luminance(ink), luminance(back)].sort((a, b) => b - a);
        const ratio = (light + 0.05) / (dark + 0.05);
        if (ratio < 4.5) faint.push([node.className, node.textContent, ratio]);
    }
    return faint;
}"""

WORDS = """async (locales) => {
    const { wordsFor } = await import("/widget/words.js");
    const english = Object.keys(wordsFor("en").words);
    return Object.fromEntries(locales.map((locale) => {
        const { words } = wordsFor(locale);
        return [locale, { person: words.person, missing: english.filter((key) => !words[key]) }];
    }));
}"""


async def test_escape_closes_and_gives_focus_back(page: Page, wire: Wire) -> None:
    await page.goto(f"{wire.url}/demo")
    await page.locator(".launcher").press("Enter")
    await expect(page.locator("textarea")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.locator(".launcher")).to_be_focused()
    await expect(page.locator(".launcher")).to_have_attribute("aria-expanded", "false")


async def test_shift_enter_breaks_the_line_and_enter_waits_for_the_input_method(
    page: Page, wire: Wire
) -> None:
    wire.scenes.append(Stream((accepted(), done("Hello."))))
    await open_chat(page, wire)
    box = page.locator("textarea")
    await box.fill("one")
    await box.press("Shift+Enter")
    await box.press_sequentially("two")
    await box.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
    await box.dispatch_event("keydown", {"key": "Enter", "keyCode": 229, "bubbles": True})
    await expect(box).to_have_value("one\ntwo")
    await box.press("Enter")
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("Hello.")
    assert [turn.body["message"] for turn in wire.turns()] == ["one\ntwo"]


async def test_enter_during_an_answer_sends_nothing_and_keeps_the_text(page: Page, wire: Wire) -> None:
    wire.scenes.append(Stream((accepted(), HOLD, done("Hello."))))
    await open_chat(page, wire)
    await say(page, "hi")
    await say(page, "and another thing")
    await expect(page.get_by_role("button", name="Send")).to_have_attribute("aria-disabled", "true")
    wire.go.set()
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("Hello.")
    await expect(page.locator("textarea")).to_have_value("and another thing")
    assert len(wire.turns()) == 1


async def test_a_small_phone_gets_the_whole_screen_and_keeps_focus_inside(page: Page, wire: Wire) -> None:
    await page.set_viewport_size({"width": 320, "height": 568})
    wire.scenes.append(Stream((accepted(), done("a" * 200, suggestions=["b" * 120]))))
    await open_chat(page, wire)
    await say(page, "c" * 200)
    await expect(page.locator(".choices button")).to_be_visible()
    box = await page.get_by_role("dialog").bounding_box()
    assert box == {"x": 0, "y": 0, "width": 320, "height": 568}
    scroller: Any = await page.locator(".scroller").evaluate("node => [node.scrollWidth, node.clientWidth]")
    assert scroller[0] == scroller[1]
    assert await page.evaluate("document.documentElement.scrollWidth") == 320
    await page.get_by_role("button", name="Close chat").focus()
    await page.keyboard.press("Shift+Tab")
    await expect(page.get_by_role("button", name="Send")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Close chat")).to_be_focused()


async def test_contrast_and_names(page: Page, wire: Wire) -> None:
    source = {"source_id": "f", "kind": "faq", "version": 1, "title": "T", "quote": "Q", "score": 0.9}
    offer = {"id": "a", "label": "Return", "tool": "t", "arguments": {"order": "1"}, "expires_at": None}
    failed = frame("error", title="Unavailable", status=503, detail="The store is away.")
    wire.scenes += [
        Stream((accepted(), frame("handoff", handoff_id="h", state="queued"), done("A."))),
        Stream((accepted(), failed)),
        Stream(
            (
                accepted(),
                frame("degraded", what="model", instead="help pages"),
                done("B.", citations=[source], actions=[offer], suggestions=["More"]),
            )
        ),
    ]
    await open_chat(page, wire)
    for count, text in enumerate(["one", "two", "three"], start=1):
        await say(page, text)
        await expect(page.locator(".log .user")).to_have_count(count)
        await expect(page.locator(".draft")).to_be_hidden()
    await page.get_by_text("Sources (1)").click()
    assert await page.evaluate(FAINT) == []
    controls = page.get_by_role("dialog").locator("button, textarea, summary")
    snapshot = [await control.aria_snapshot() for control in await controls.all()]
    assert len(snapshot) >= 8
    assert [line for line in snapshot if '"' not in line and ": " not in line] == []
    await expect(page.get_by_role("dialog", name="Marginalia Books")).to_be_visible()
    await expect(page.get_by_role("log")).to_have_attribute("aria-live", "polite")
    await expect(page.get_by_role("textbox", name="Your message")).to_be_visible()


async def test_the_locale_chooses_every_word(page: Page, wire: Wire) -> None:
    await page.goto(f"{wire.url}/demo")
    person = {
        "de-AT": "Mit einem Menschen sprechen",
        "fr": "Parler à une personne",
        "es": "Hablar con una persona",
        "it": "Parlare con una persona",
        "nl": "Met een medewerker praten",
        "pt-BR": "Falar com uma pessoa",
        "xx": "Talk to a person",
    }
    found: Any = await page.evaluate(WORDS, list(person))
    assert found == {locale: {"person": text, "missing": []} for locale, text in person.items()}


async def test_the_attributes_open_title_and_locale(page: Page, wire: Wire) -> None:
    await page.goto(f"{wire.url}/demo")
    await page.evaluate(
        """() => {
            document.querySelector("deskgraph-chat").remove();
            document.documentElement.dir = "rtl";
            const chat = document.createElement("deskgraph-chat");
            chat.setAttribute("title", "Hilfe");
            chat.setAttribute("locale", "de");
            chat.setAttribute("open", "");
            document.body.append(chat);
        }"""
    )
    panel = page.get_by_role("dialog", name="Hilfe")
    await expect(panel).to_be_visible()
    await expect(page.get_by_role("button", name="Mit einem Menschen sprechen")).to_be_visible()
    box = await panel.bounding_box()
    assert box
    assert box["x"] == 20  # right to left: the chat stands on the left


async def test_less_motion_means_none(page: Page, wire: Wire) -> None:
    wire.scenes.append(Stream((accepted(), HOLD, done("Hello."))))
    await open_chat(page, wire)
    await say(page, "hi")
    await expect(page.locator(".dots")).to_be_visible()
    moving = (
        "dots => [...dots.children].filter((dot) => getComputedStyle(dot).animationName !== 'none').length"
    )
    assert await page.locator(".dots").evaluate(moving) == 0
    await page.emulate_media(reduced_motion="no-preference")
    assert await page.locator(".dots").evaluate(moving) == 3
