"""Messages are cut only where a wish may begin, and heard apart only where the pieces are clearer."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from desk.routing.clauses import MOST_CLAUSES, Clause, Verdict, clauses, wishes
from desk.routing.openings import asks, is_courtesy

CUT = [
    ("Where is my order 100234 and how long does shipping take?", 2),
    ("hi, what's your return policy? also recommend me a mystery", 2),
    ("Do you wrap gifts? Which cards do you take? How much is shipping?", 3),
    ("where is order 100234, how long does shipping take, and do you wrap presents?", 3),
    ("Is gift wrapping possible?\nHow long does delivery take?", 2),
    ("Wie lange dauert der Versand und wie kann ich ein Buch zurückgeben?", 2),
    ("Combien de temps prend la livraison et puis-je renvoyer un livre ?", 2),
    ("¿Cuánto tarda el envío y puedo devolver un libro?", 2),
    ("Quanto costa la spedizione e posso restituire un libro?", 2),
    ("Hoe lang duurt de verzending en wat is jullie retourbeleid?", 2),
    ("Quanto tempo demora o envio e posso devolver um livro?", 2),
]
WHOLE = [
    "",
    "hi",
    "How long does shipping take?",
    "Hello, good morning! How long does shipping take? Thank you very much.",
    "recommend me a mystery and a thriller",
    "Do you have Pride and Prejudice?",
    "Where are my orders 100234 and 100235?",
    'Do you have "Where are you? And why is it so"?',
    "Do you have «Où es-tu ? Et pourquoi» ?",
    "It costs $4.95 and 1,000.00 or 10:30.",
    "See https://shop.example/a?b=1, please",
    "Is Dr. Seuss or Mr. Men in stock?",
    "my mail is a.b@c.example",
    "x" * 1001 + ". How are you?",
]


@pytest.mark.parametrize(("message", "count"), CUT)
def test_a_message_is_cut_where_wishes_begin(message: str, count: int) -> None:
    found = clauses(message)
    assert len(found) == count
    assert all(clause.asks for clause in found)
    assert all(message[clause.start : clause.end].strip() == clause.text for clause in found)


@pytest.mark.parametrize("message", WHOLE)
def test_most_messages_are_not_cut(message: str) -> None:
    assert len(clauses(message)) < 2


@given(some.text(alphabet="ab? .,;\n\"'()[]@1:/-&«»„“”andy eu", max_size=300))
def test_pieces_are_in_order_and_none_overlaps_another(message: str) -> None:
    found = clauses(message)
    assert len(found) <= MOST_CLAUSES
    ends = [0, *(clause.end for clause in found)]
    assert all(start <= clause.start < clause.end for start, clause in zip(ends, found, strict=False))
    assert found == clauses(message)


def test_a_quotation_is_never_cut() -> None:
    dice = random.Random(7)
    for _ in range(50):
        quoted = f'"{" and ".join(dice.choices(["is it", "how are you?", "what now."], k=3))}"'
        message = f"do you have {quoted} and how long does shipping take?"
        assert clauses(message)[0].text.endswith(quoted)


def test_what_only_greets_is_a_courtesy() -> None:
    for text in ("hi", "Hello, good morning!", "Vielen Dank", "muchas gracias", "thanks and bye"):
        assert is_courtesy(text)
    for text in ("hi, where is it", "thanks for nothing, fix it", "please cancel it"):
        assert not is_courtesy(text)


def test_a_wish_begins_in_seven_languages() -> None:
    for text in ("How long", "Ich möchte", "Où est", "¿Cuánto tarda", "Dov'è il", "Hoe lang", "O que é"):
        assert asks(text)
    for text in ("a thriller", "Prejudice", "ein Krimi", "un policier", "the pages are torn"):
        assert not asks(text)


def heard(*pieces: tuple[str | None, float, bool], whole: float = 0.1) -> list[str | None]:
    """The intents of the wishes in a message of such pieces: intent, margin, whether it asks."""
    found = [Clause(at, at + 1, str(at), asking) for at, (_, _, asking) in enumerate(pieces)]
    verdicts = [Verdict(intent, margin) for intent, margin, _ in pieces]
    return [wish.intent for wish in wishes(found, verdicts, Verdict("any", whole))]


def test_two_clear_and_different_intents_are_two_wishes() -> None:
    assert heard(("a", 0.8, True), ("b", 0.7, True)) == ["a", "b"]
    assert heard(("a", 0.8, True), ("a", 0.7, True)) == []
    assert heard(("a", 0.8, True), (None, 0.7, True)) == []


def test_what_is_clearer_as_a_whole_is_one_wish() -> None:
    assert heard(("a", 0.8, True), ("b", 0.3, True), whole=0.4) == []
    assert heard(("a", 0.8, True), ("b", 0.7, True), whole=0.6) == []


def test_a_statement_must_be_clearer_than_a_question() -> None:
    assert heard(("a", 0.8, True), ("b", 0.4, True)) == ["a", "b"]
    assert heard(("a", 0.8, True), ("b", 0.4, False)) == []


def test_a_question_that_nobody_is_sure_of_is_a_wish_and_a_statement_is_not() -> None:
    assert heard(("a", 0.8, True), (None, 0.1, True), ("b", 0.7, True)) == ["a", None, "b"]
    assert heard(("a", 0.8, True), (None, 0.1, False), ("b", 0.7, True)) == ["a", "b"]
    assert heard((None, 0.1, False), ("a", 0.8, True), ("b", 0.7, True)) == ["a", "b"]


def test_pieces_of_one_intent_in_a_row_are_one_wish() -> None:
    assert heard(("a", 0.8, True), ("a", 0.6, True), ("b", 0.7, True)) == ["a", "b"]
