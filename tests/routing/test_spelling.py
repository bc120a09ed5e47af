"""A slip of the pen is mended towards the words of the examples, and nothing else is touched."""

from __future__ import annotations

import pytest

from desk.routing.spelling import Spelling

EXAMPLES = (
    "how do I cancel my order",
    "cancel the order please",
    "I need help with cancelling",
    "help me, cancelling does not work",
    "track my order",
    "can I track it",
    "check the invoice",
    "check my invoice please",
    "how to track it",
    "how to check it",
    "only here: unique",
)
KNOWN = frozenset({"corder", "coder", "tracks", "trick"})
spelled = Spelling(EXAMPLES, KNOWN)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("cancdling", "cancdling"),  # two slips
        ("i need cancellling", "i need cancelling"),
        ("Cancelin my order", "Cancelin my order"),
        ("casncel my ordr", "cancel my order"),
        ("how tocancel ordr 00004587345", "how to cancel order 00004587345"),
        ("pelase cehck the invoce", "please check the invoice"),
        ("chck it", "check it"),
        ("uniqe", "uniqe"),  # one example has it, which may be misspelled itself
        ("that is a trick with tracks of a corder", "that is a trick with tracks of a corder"),
        ("the trick of coders", "the trick of coders"),  # several of what is known
        ("trcak it, my ordre is ehre", "track it, my order is ehre"),
        ("teh ordr", "teh order"),  # what is short is left alone
        ("ORDRE 100234", "order 100234"),
        ("", ""),
    ],
)
def test_one_slip_is_mended(written: str, meant: str) -> None:
    assert spelled(written) == meant


def test_long_messages_and_words_are_left_as_they_are() -> None:
    story = "casncel " * 100
    assert spelled(story) == story
    assert spelled("c" * 300) == "c" * 300
