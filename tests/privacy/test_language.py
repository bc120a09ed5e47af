"""The language of a message is named when it can be told, and kept when it cannot."""

from __future__ import annotations

import pytest
from py3langid import langid

from desk.privacy.language import _identifier, _mapped, detect_language

SUPPORTED = ("en", "de", "fr", "es", "it", "ja")
ALL = ("en", "de", "fr", "es", "it", "nl", "pt")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How long does the delivery take?", "en"),
        ("Wie lange dauert die Lieferung?", "de"),
        ("Combien de temps prend la livraison ?", "fr"),
        ("¿Cuánto tiempo tarda el envío?", "es"),
        ("Quanto tempo ci vuole per la consegna?", "it"),
        ("配送にはどのくらいかかりますか", "ja"),
    ],
)
@pytest.mark.parametrize("previous", [None, "en", "de"])
def test_a_sentence_is_recognised(text: str, language: str, previous: str | None) -> None:
    assert detect_language(text, previous=previous, supported=SUPPORTED) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok",
        "100234",
        "[PERSON_1] [EMAIL_1]",
        "#W7310042 ?",
        "👍👍👍",
        "www.example.com/de/seite",
    ],
)
def test_what_cannot_be_told_keeps_the_conversations_language(text: str) -> None:
    assert detect_language(text, previous="fr", supported=SUPPORTED) == "fr"
    assert detect_language(text, previous=None, supported=SUPPORTED) == "en"
    assert detect_language(text, previous="xx", supported=SUPPORTED) == "en"


def test_only_supported_languages_are_answered() -> None:
    dutch = "Hoe lang duurt het voordat mijn bestelling wordt bezorgd?"
    assert detect_language(dutch, previous="en", supported=("en", "zz")) in {"en", "zz"}
    assert detect_language(dutch, previous=None, supported=("en", "nl")) == "nl"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Guten Morgen", "de"),
        ("Hallo", "de"),
        ("Bonjour !", "fr"),
        ("hola", "es"),
        ("ciao", "it"),
        ("hoi", "nl"),
        ("olá", "pt"),
        ("hi", "en"),
    ],
)
def test_the_first_greeting_names_the_language_and_a_later_one_keeps_it(text: str, language: str) -> None:
    assert detect_language(text, previous=None, supported=ALL) == language
    assert detect_language(text, previous=None, supported=ALL, default="nl") == language
    assert detect_language(text, previous="fr", supported=ALL) == "fr"


def test_a_short_message_of_two_languages_leaves_the_default() -> None:
    assert detect_language("hi, hola", previous=None, supported=ALL, default="nl") == "nl"


def test_the_model_is_that_of_the_package_and_stays_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    whole.set_languages(sorted(SUPPORTED))
    ours = _identifier(tuple(sorted(SUPPORTED)))
    texts = ("Wo bleibt mein Paket?", "où est mon colis", "Ελληνικά και emoji \U0001f600", "ça va, señor?")
    assert [ours.classify(text) for text in texts] == [whole.classify(text) for text in texts]
    assert isinstance(ours.tk_nextmove, memoryview)

    def refused() -> None:
        raise PermissionError

    monkeypatch.setattr("desk.privacy.language.TemporaryFile", refused)
    assert _mapped(whole.tk_nextmove) is whole.tk_nextmove


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("hola, dónde está mi pedido 100241", "es"),
        ("donde esta mi pedido", "es"),
        ("onde está a minha encomenda", "pt"),
    ],
)
@pytest.mark.parametrize("previous", [None, "en"])
def test_near_languages_are_told_apart_by_their_frequent_words(
    text: str, language: str, previous: str | None
) -> None:
    assert detect_language(text, previous=previous, supported=ALL) == language
