"""What people say around their questions: who they are, a yes or no to nothing, another number in between."""

from __future__ import annotations

import pytest

from tests.graphs.conversing import Customer


async def test_who_introduces_themselves_first_is_answered(ada: Customer) -> None:
    (reply,) = await ada.talk("my name is Peter Miller, phone 415-555-0198. Do you have Dune?")
    assert reply["route"] == "product"
    assert "Dune by Frank Herbert" in reply["text"]


async def test_a_greeting_is_heard_with_what_follows(ada: Customer) -> None:
    (reply,) = await ada.talk("Good morning! Quick question for you")
    assert reply["intent"] == "greeting"


async def test_a_yes_to_a_person_brings_one_and_a_no_is_acknowledged(ada: Customer) -> None:
    *_, after = await ada.talk("asdkjh qwe", "yes please")
    assert after["route"] == "handoff"
    *_, after = await ada.talk("asdkjh qwe", "no")
    assert (after["route"], after["text"]) == ("canned", "All right. What else can I do for you?")
    (after,) = await ada.talk("ok")
    assert after["route"] == "canned"


async def test_another_number_changes_what_is_offered(ada: Customer) -> None:
    offered, after = await ada.talk("I want to return order 100234", "no, 100198 instead")
    assert offered["actions"]
    assert after["intent"] == "start_return"
    assert "100198" in after["text"]


async def test_thanks_and_asking_for_a_person_end_no_subject(ada: Customer) -> None:
    *_, after = await ada.talk("How long does shipping take?", "thanks", "and express?")
    assert after["intent"] == "shipping"


@pytest.mark.parametrize(
    ("message", "language"),
    [("that didn't help", "en"), ("no that's not what I meant", "en"), ("das war nicht meine Frage", "de")],
)
async def test_who_was_not_helped_is_told_so_and_offered_a_person(
    ada: Customer, message: str, language: str
) -> None:
    _, after = await ada.talk("How long does shipping take?", message)
    assert (after["intent"], after["language"]) == ("not_helped", language)
    assert len(after["suggestions"]) == 1
