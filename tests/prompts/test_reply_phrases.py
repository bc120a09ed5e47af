"""Every phrase exists in every language, with the same variables."""

from __future__ import annotations

import pytest

from desk.errors import InvalidInput, Misconfigured
from prompts.intents import load_intents
from prompts.replies import LANGUAGES, load_phrases, phrase, spoken_language, suggestions
from prompts.template import variables_of

ENGLISH = load_phrases("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_same_keys_and_variables(language: str) -> None:
    phrases = load_phrases(language)
    assert phrases.keys() == ENGLISH.keys()
    for key, spoken in phrases.items():
        assert variables_of(spoken.text) == variables_of(ENGLISH[key].text), key
        assert len(spoken.suggestions) == len(ENGLISH[key].suggestions), key


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != "en"])
def test_long_phrases_are_translated(language: str) -> None:
    same = [key for key, spoken in load_phrases(language).items() if spoken.text == ENGLISH[key].text]
    assert same == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_suggestion_leads_somewhere(language: str) -> None:
    understood = {example for intent in load_intents("bookshop").intents for example in intent.examples}
    offered = {tap for spoken in load_phrases(language).values() for tap in spoken.suggestions}
    assert offered
    assert offered <= understood


@pytest.mark.parametrize("key", ["fallback", "fallback_followup", "order_unavailable", "model_unavailable"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_dead_ends_offer_a_person_first_or_at_all(key: str, language: str) -> None:
    human = load_intents("bookshop").find("human")
    assert human is not None
    assert suggestions(key, language)[0] in human.examples


def test_not_found_never_says_whether_the_order_exists() -> None:
    text = phrase("order_not_found", "en", id="100235")
    assert "100235" in text
    assert "e-mail" in text
    assert "postcode" in text


def test_language_tags_and_unknown_languages() -> None:
    assert phrase("order_eta", "de-AT", date="2026-01-02") == "Die Zustellung wird am 2026-01-02 erwartet."
    assert phrase("order_eta", "ja", date="2026-01-02") == "Expected delivery is 2026-01-02."
    assert [spoken_language(tag) for tag in ("PT_br", "fr-CA", "", "zz")] == ["pt", "fr", "en", "en"]


def test_mistakes_are_errors() -> None:
    with pytest.raises(Misconfigured, match="no phrase 'nope'"):
        phrase("nope", "en")
    with pytest.raises(InvalidInput, match="needs a value for: date"):
        phrase("order_eta", "en")
    with pytest.raises(InvalidInput, match="no variable named: x"):
        phrase("greeting", "en", x="1")
