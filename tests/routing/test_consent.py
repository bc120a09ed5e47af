"""A plain yes or no is told in the words that people use, and anything more is neither."""

from __future__ import annotations

import pytest

from desk.routing.consent import consent, says_yes
from desk.routing.openings import is_introduction


@pytest.mark.parametrize("text", ["nah leave it", "no, mejor no", "ok, cancel that", "nein danke", "no wait"])
def test_a_no_may_be_said_in_several_words(text: str) -> None:
    assert consent(text) == "no"


@pytest.mark.parametrize("text", ["yes, do it please", "ja gerne", "sí, por favor"])
def test_so_may_a_yes(text: str) -> None:
    assert consent(text) == "yes"
    assert says_yes(text)


@pytest.mark.parametrize("text", ["ok thanks", "no, go ahead", "please", "yes but not this one", ""])
def test_what_is_not_plain_is_neither(text: str) -> None:
    assert consent(text) is None


def test_an_ok_is_a_yes_only_to_what_is_offered() -> None:
    assert consent("ok") == "yes"
    assert not says_yes("ok")


def test_who_somebody_is_is_told_by_a_value_and_few_words_around_it() -> None:
    assert is_introduction("my name is [PERSON_1], phone [PHONE_1].")
    assert not is_introduction("[PERSON_1] was rude to me")
    assert not is_introduction("my name is")
