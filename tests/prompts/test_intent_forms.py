"""Intents as a form: an entry is put back into the text, and a mistake is said of its field."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from desk.errors import InvalidInput
from prompts.intent_forms import (
    Entry,
    problems_of,
    problems_of_none,
    put_back,
    put_none_back,
    read_pack,
    without,
)
from prompts.intents import Intent, read_intents

TEXT = read_intents("bookshop")
PACK = read_pack(TEXT)
TOOLS = ["create_ticket", "start_return"]
HOURS = Entry("opening_hours", "canned", None, ("when are you open?",), {"en": "9 to 5."}, {})


def filled(intent: Intent) -> Entry:
    """The form as it shows an intent."""
    return Entry(intent.name, intent.route, intent.tool, intent.examples, intent.reply, intent.suggestions)


def test_what_was_not_changed_is_put_back_to_the_letter() -> None:
    assert [name for name in (one.name for one in PACK.intents) if _again(name) != TEXT] == []


def _again(name: str) -> str:
    found = PACK.find(name)
    assert found is not None
    return put_back(TEXT, name, filled(found))


def test_one_entry_changes_and_every_other_line_stays() -> None:
    greeting = PACK.intents[0]
    words = {"en": "Ahoy: it's #1!\nAnd welcome.", "de": "no"}
    taps = {"en": ('Where is "it"?', "yes")}
    changed = replace(filled(greeting), name="hello", reply=words, suggestions=taps)
    text = put_back(TEXT, "greeting", changed)
    assert filled(read_pack(text).intents[0]) == changed
    assert read_pack(text).intents[1:] == PACK.intents[1:]
    thanks = TEXT.index("  - name: thanks")
    assert text.startswith(TEXT[: TEXT.index("  - name: greeting")])
    assert text.endswith(TEXT[thanks:])


def test_an_entry_is_added_at_the_end_and_taken_away_again() -> None:
    more = put_back(TEXT, None, HOURS)
    assert filled(read_pack(more).intents[-1]) == HOURS
    assert put_back(more, "opening_hours", None) == TEXT


def test_a_comment_stays_with_the_entry_below_it() -> None:
    text = TEXT.replace("  - name: thanks", "  # Say it with care.\n  - name: thanks")
    assert "  # Say it with care.\n  - name: thanks" in put_back(text, "greeting", None)
    assert "  # Say it with care.\n  - name: hello" in put_back(text, "thanks", replace(HOURS, name="hello"))


def test_what_belongs_to_none_changes_and_every_other_line_stays() -> None:
    assert put_none_back(TEXT, PACK.out_of_scope) == TEXT
    said = (*PACK.out_of_scope[1:], "is it: raining, #now?", "no")
    text = put_none_back(TEXT, said)
    assert read_pack(text).out_of_scope == said
    gone = f"  - {PACK.out_of_scope[0]}\n"
    assert text == TEXT.replace(gone, "") + "  - 'is it: raining, #now?'\n  - 'no'\n"


def test_the_intents_below_what_belongs_to_none_stay() -> None:
    head, tail = TEXT.split("out_of_scope:\n")
    turned = f"out_of_scope:\n{tail}\n# What we do.\n{head}"
    text = put_none_back(turned, ("is it raining",))
    assert text == f"out_of_scope:\n  - is it raining\n\n# What we do.\n{head}"


def test_a_text_without_lines_of_its_own_is_written_anew() -> None:
    folded = yaml.safe_dump(yaml.safe_load(TEXT), default_flow_style=True)
    assert read_pack(put_none_back(folded, ("is it raining",))).out_of_scope == ("is it raining",)
    text = put_back(folded, "greeting", HOURS)
    assert filled(read_pack(text).intents[0]) == HOURS
    assert read_pack(text).intents[1:] == PACK.intents[1:]


def test_an_unknown_entry_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no intent 'nothing'"):
        put_back(TEXT, "nothing", None)


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": "Opening hours"}, "name", "Lower-case"),
        ({"name": "thanks"}, "name", "another intent thanks"),
        ({"route": "cannon"}, "route", "Choose one of canned"),
        ({"route": "action", "tool": "calculator"}, "tool", "create_ticket, start_return"),
        ({"examples": ()}, "examples", "at least one message"),
        ({"examples": ("open?", "Open?")}, "examples", "here twice"),
        ({"examples": (" HI ",)}, "examples", "examples of greeting"),
        ({"reply": {}}, "reply.en", "this is what is said"),
        ({"route": "faq", "reply": {"de": "Von 9 bis 5."}}, "reply.en", "falls back"),
        ({"suggestions": {"de": ("Danke",)}}, "suggestions.en", "in English too"),
    ],
)
def test_a_mistake_is_said_of_its_field(changes: dict[str, object], field: str, said: str) -> None:
    (problem,) = problems_of(replace(HOURS, **changes), PACK, TOOLS)  # type: ignore[arg-type]
    assert (problem.field, said in problem.message) == (field, True), problem


def test_every_entry_of_ours_is_without_mistakes() -> None:
    for intent in PACK.intents:
        assert problems_of(filled(intent), without(PACK, intent.name), TOOLS) == []


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ((), "at least one message"),
        (("Is it raining?", "is it  raining?"), "here twice"),
        (("hi",), "among the examples of greeting already"),
    ],
)
def test_a_mistake_among_what_belongs_to_none_is_said(said: tuple[str, ...], wrong: str) -> None:
    (problem,) = problems_of_none(said, PACK)
    assert (problem.field, wrong in problem.message) == ("out_of_scope", True), problem
    assert problems_of_none(PACK.out_of_scope, PACK) == []
