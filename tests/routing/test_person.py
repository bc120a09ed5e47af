"""A request for a person is heard in seven languages and with typos; talk about persons is not one."""

from __future__ import annotations

import pytest

from desk.routing.person import wants_person

REQUESTS = [
    "let me talk to a person",
    "I want to speak to a human",
    "can i talk to somebody please",
    "human",
    "agent please",
    "a real person, please!",
    "get me a manager",
    "connect me with customer service",
    "not a bot",
    "Where is my parcel?? HUMAN!!",
    "this is useless.\nAgent",
    "The lamp came broken. " * 30 + "I want to speak to a human",
    "Let me talk to somebody. " + "The lamp came broken. " * 30,
    "TALK TO A HUMAN NOW",
    "i need to spaek to an agnet",
    "ich möchte mit einem Menschen sprechen",
    "verbinden Sie mich mit einem Mitarbeiter",
    "je voudrais parler à un conseiller",
    "quiero hablar con una persona",
    "vorrei parlare con un operatore",
    "ik wil een medewerker spreken",
    "quero falar com um atendente",
]
OTHERS = [
    "hi",
    "How long does shipping take?",
    "recommend me a mystery",
    "is there a book about a person who travels in time?",
    "I need a gift for someone who likes cats",
    "who is the author of Dune",
    "Is the hero of it a dog? Human?",
    "I read it twice. My favourite person",
    "my personal data",
    "where is my order 100234",
    "do you have a book for someone who likes history",
    "How long can I return a book? My colleague Priya asks.",
]


@pytest.mark.parametrize("text", REQUESTS)
def test_a_request_is_heard(text: str) -> None:
    assert wants_person(text)


@pytest.mark.parametrize("text", OTHERS)
def test_other_talk_is_left_alone(text: str) -> None:
    assert not wants_person(text)
