"""Intent packs are complete where shipped and refused with a reason where broken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from desk.errors import Misconfigured
from prompts.intents import Intent, IntentPack, load_intents
from prompts.replies import LANGUAGES

PACK = load_intents("bookshop")
GENERAL = load_intents("general")
FIRST = "intents:\n  - {name: hello, route: canned, reply: {en: Hi}, examples: [hi, hello]}\n"
OTHERS = "out_of_scope: [weather]\n"


def intent(name: str) -> Intent:
    found = PACK.find(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("message", "name", "route"),
    [
        ("hi", "greeting", "canned"),
        ("How long does shipping take?", "shipping", "canned"),
        ("What is your return policy?", "returns", "canned"),
        ("Which cards do you take?", "payment", "canned"),
        ("recommend me a mystery", "product_recommendation", "product"),
        ("let me talk to a person", "human", "handoff"),
        ("Where is my order?", "order_status", "order"),
    ],
)
def test_known_messages_stand_in_their_intent(message: str, name: str, route: str) -> None:
    assert message in intent(name).examples
    assert intent(name).route == route


@pytest.mark.parametrize("entry", PACK.intents + GENERAL.intents, ids=lambda entry: entry.name)
def test_every_intent_is_rich_enough(entry: Intent) -> None:
    assert len(entry.examples) >= 15
    if entry.route == "canned":
        assert entry.reply.keys() == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("shipping", ["5-7", "2-3"]),
        ("returns", ["30"]),
        ("payment", ["Visa", "Mastercard", "American Express", "PayPal"]),
    ],
)
def test_facts_are_the_same_in_every_language(language: str, name: str, facts: list[str]) -> None:
    text, spoken = intent(name).reply_in(language)
    assert spoken == language
    assert [fact for fact in facts if fact not in text] == []


@pytest.mark.parametrize("pack", [PACK, GENERAL], ids=lambda pack: pack.name)
def test_suggestions_of_intents_are_understood(pack: IntentPack) -> None:
    understood = {example for entry in pack.intents for example in entry.examples}
    offered = {tap for entry in pack.intents for taps in entry.suggestions.values() for tap in taps}
    assert offered <= understood


def test_who_has_no_intents_of_their_own_promises_nothing() -> None:
    said = " ".join(text for entry in GENERAL.intents for text in entry.reply.values())
    assert not re.search(r"\d|book|lib", said.lower())
    assert {"How long does shipping take?", "What is your return policy?"}.isdisjoint(
        example for entry in GENERAL.intents for example in entry.examples
    )


def test_replies_fall_back_to_english() -> None:
    assert intent("greeting").reply_in("ja") == (intent("greeting").reply["en"], "en")
    assert intent("greeting").suggestions_in("ja") == intent("greeting").suggestions["en"]
    assert intent("greeting").suggestions_in("de") == intent("greeting").suggestions["de"]
    assert intent("shipping").suggestions_in("de") == ()
    assert PACK.find("nothing") is None


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (FIRST, "exactly intents"),
        ("intents: {}\n" + OTHERS, "exactly intents"),
        (FIRST + "out_of_scope: []\n", "not empty"),
        (FIRST + "out_of_scope: [no]\n", "False is not a text"),
        (FIRST + "out_of_scope: ['Hi ']\n", "example 'Hi ' stands there twice"),
        (FIRST + FIRST.split("\n", 1)[1] + OTHERS, "intent 'hello' stands there twice"),
        (FIRST + "  - {name: two, route: faq, examples: [HELLO]}\n" + OTHERS, "'HELLO' stands there twice"),
        (FIRST.replace("route: canned", "route: kanned") + OTHERS, "unknown route 'kanned'"),
        (FIRST.replace("route: canned", "route: [canned]") + OTHERS, "unknown route"),
        (FIRST.replace("reply: {en: Hi}, ", "") + OTHERS, "needs a reply"),
        (FIRST.replace("{en: Hi}", "{de: Hallo}") + OTHERS, "needs at least en"),
        (FIRST.replace("{en: Hi}", "{en: 1}") + OTHERS, "every reply must be a text"),
        (FIRST.replace("{en: Hi}", "{en: Hi, xx: Hi}") + OTHERS, "must be a mapping from"),
        (FIRST.replace("[hi, hello]", "[]") + OTHERS, "hello: examples must be a list"),
        (FIRST.replace("name: hello", "name: Hello there") + OTHERS, "lower_case"),
        (FIRST.replace("examples:", "phrases: [a], examples:") + OTHERS, "keys are"),
        ("intents: [hello]\n" + OTHERS, "needs a name"),
        (FIRST + FIRST + OTHERS, "stands here twice"),
    ],
)
def test_broken_packs_say_what_is_wrong(tmp_path: Path, body: str, complaint: str) -> None:
    (tmp_path / "shop.yaml").write_text(body, encoding="utf-8")
    with pytest.raises(Misconfigured, match=complaint):
        load_intents("shop", folder=tmp_path)


@pytest.mark.parametrize("name", ["nothing", "../bookshop", "", "Bookshop"])
def test_unknown_packs_say_what_to_do(name: str) -> None:
    with pytest.raises(Misconfigured, match="There is no intent pack"):
        load_intents(name)
