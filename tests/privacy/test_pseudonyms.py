"""A value has one pseudonym for a whole conversation, and comes back only where it belongs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.privacy.pseudonyms import StreamRestorer, Vault, restore, scrub

RAW = "Hello: my name is Mia Oak, mia@example.com, +1 212 555 0187, card 4242 4242 4242 4242."


def test_values_become_typed_tokens() -> None:
    scrubbed = scrub(RAW, Vault())
    assert scrubbed.text == "Hello: my name is [PERSON_1], [EMAIL_1], [PHONE_1], card [CREDIT_CARD_1]."
    assert [span.value for span in scrubbed.spans] == [
        "Mia Oak",
        "mia@example.com",
        "+1 212 555 0187",
        "4242 4242 4242 4242",
    ]
    assert restore(scrubbed.text, scrubbed.vault) == RAW


@pytest.mark.parametrize(
    ("again", "masked"),
    [
        ("MIA@Example.com", "[EMAIL_1]"),
        ("mia%40example.com", "[EMAIL_1]"),
        ("ｍｉａ@example.com", "[EMAIL_1]"),
        ("it's mia oak, again", "it's [PERSON_1], again"),
        ("MIA  OAK", "[PERSON_1]"),
        ("(212) 555-0187", "[PHONE_1]"),
        ("212.555.0187", "[PHONE_1]"),
        ("order 2125550187", "order [PHONE_1]"),
        ("order 4242-4242-4242-4242", "order [CREDIT_CARD_1]"),
        ("4242\u200b424242424242", "[CREDIT_CARD_1]"),
        ("x4242424242424242x", "x[CREDIT_CARD_1]x"),
        ("m i a @ e x a m p l e . c o m", "[EMAIL_1]"),
    ],
)
def test_a_known_value_is_masked_in_every_spelling(again: str, masked: str) -> None:
    vault = scrub(RAW, Vault()).vault
    scrubbed = scrub(again, vault)
    assert scrubbed.text == masked
    assert scrubbed.vault is vault


@pytest.mark.parametrize(
    "text",
    ["Mia Oakley", "mia.oak", "order 552125550", "order 21255501870", "order 42424242424242424", "soak mia"],
)
def test_other_values_are_not_taken_for_known_ones(text: str) -> None:
    scrubbed = scrub(text, scrub(RAW, Vault()).vault).text
    assert not any(known in scrubbed for known in ("PERSON_1", "PHONE_1", "CREDIT_CARD_1"))


def test_what_is_told_at_one_place_is_masked_at_all_of_them() -> None:
    scrubbed = scrub("Ask for rutherford, my name is Ann Rutherford: ann rutherford", Vault())
    assert scrubbed.text == "Ask for rutherford, my name is [PERSON_1]: [PERSON_1]"


def test_new_values_take_the_next_number_and_the_old_vault_stays() -> None:
    first = scrub("a@example.com", Vault()).vault
    second = scrub("b@example.com and A@example.com", first)
    assert second.text == "[EMAIL_2] and [EMAIL_1]"
    assert dict(first.values) == {"[EMAIL_1]": "a@example.com"}


def test_a_name_that_is_a_word_is_masked_only_as_a_name() -> None:
    vault = scrub("My name is Will.", Vault()).vault
    assert scrub("will Will pay?", vault).text == "will [PERSON_1] pay?"


def test_a_typed_token_is_never_restored_to_a_value() -> None:
    vault = scrub("a@example.com", Vault()).vault
    typed = "what is [EMAIL_1]? ［EMAIL_1］ [EMAIL_[EMAIL_1]] [LITERAL_1] [E\u200bMAIL_1]"
    scrubbed = scrub(typed, vault)
    assert "[EMAIL_1]" not in scrubbed.text
    assert restore(scrubbed.text, scrubbed.vault) == typed


def test_a_vault_survives_json() -> None:
    vault = scrub(RAW, Vault()).vault
    copy = Vault.from_json(vault.to_json())
    assert copy == vault
    assert scrub("mia oak", copy).text == "[PERSON_1]"
    assert "mia" not in repr(vault).lower()
    with pytest.raises(ValueError, match="pseudonym"):
        Vault.from_json({"[NOPE_1]": "x"})


PARTS = st.sampled_from(
    [
        *(
            "hello ",
            "order 482913 ",
            "a@example.com ",
            "b@example.com ",
            "+1 212 555 0187 ",
            "[EMAIL_1]",
            "[EMAIL_2",
        ),
        *(
            "[",
            "]",
            "\u200b",
            "½",
            "é",
            "my name is Mia Oak. ",
            "4242424242424242 ",
            "[LITERAL_1] ",
            "203.0.113.9 ",
            "\n",
        ),
    ]
)


@given(st.lists(st.lists(PARTS, max_size=8).map("".join), max_size=4))
def test_a_conversation_round_trips(messages: list[str]) -> None:
    vault = Vault()
    for message in messages:
        scrubbed = scrub(message, vault)
        vault = scrubbed.vault
        assert "@example.com" not in scrubbed.text
        assert restore(scrubbed.text, vault) == message


@given(st.text(max_size=60))
def test_any_text_round_trips(text: str) -> None:
    scrubbed = scrub(text, Vault())
    assert restore(scrubbed.text, scrubbed.vault) == text


STREAM = "Dear [PERSON_1], [EMAIL_1][EMAIL_12] [EMAIL_2] [[EMAIL_1] [EMA [note] a[0] [PERSON_1"


def stream_vault() -> Vault:
    return Vault.from_json({"[PERSON_1]": "Mia", "[EMAIL_1]": "[EMAIL_12]", "[EMAIL_12]": "m@x.com"})


def test_a_stream_is_restored_at_every_cut() -> None:
    vault = stream_vault()
    expected = restore(STREAM, vault)
    for first in range(len(STREAM) + 1):
        for second in range(first, len(STREAM) + 1):
            stream = StreamRestorer(vault)
            chunks = (STREAM[:first], STREAM[first:second], STREAM[second:])
            assert "".join(map(stream.feed, chunks)) + stream.flush() == expected


def test_a_stream_holds_back_only_a_possible_token() -> None:
    vault = stream_vault()
    stream = StreamRestorer(vault)
    fed = shown = ""
    for char in STREAM:
        fed += char
        shown += stream.feed(char)
        held = len(restore(fed, vault)) - len(shown)
        assert held < vault.longest_token
        assert held == 0 or fed[-held] == "["
    assert StreamRestorer(vault).feed("see [note") == "see [note"
