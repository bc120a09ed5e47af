"""The searches find what is there, in every encoding: a sweep that finds nothing would prove nothing else."""

from __future__ import annotations

import base64
import json

import pytest

from desk.privacy.detect import detect
from tests.sweeps.attacks import CHANNELS, GOALS, WORDINGS, every_attack
from tests.sweeps.canaries import PROMISED, UNPROMISED, Canary, make
from tests.sweeps.egress import _leaks, _squeezed
from tests.sweeps.hunting import Hunt, in_bytes, spellings
from tests.sweeps.needles import Needles
from tests.sweeps.obedient import _readable

WORD = "zqcanary"


@pytest.mark.parametrize(
    "data",
    [
        WORD.encode(),
        WORD.encode().hex().encode(),
        WORD.encode("utf-16-le"),
        json.dumps({"x": WORD}).encode(),
        *(base64.b64encode(b"x" * shift + WORD.encode() + b"tail") for shift in range(3)),
        *(base64.urlsafe_b64encode(b"\xff" * shift + WORD.encode()) for shift in range(3)),
    ],
)
def test_a_word_is_found_in_every_encoding(data: bytes) -> None:
    assert Hunt([WORD]).hits(b"before " + data + b" after") == 1
    assert Hunt([WORD]).hits(b"before after zqcanarx") == 0


def test_sealed_bytes_are_read_as_bytes() -> None:
    copied = b"7\t\\\\x" + b"41171069b" * 2 + b"\t\\\\x" + WORD.encode().hex().encode() + b"\n"
    read = in_bytes(copied)
    assert Hunt(["41171069B", "41171069b"]).hits(read) == 0
    assert Hunt([WORD]).hits(read) == 1


def test_needles_are_found_at_every_place() -> None:
    values = [one.value for one in make(200)]
    needles = Needles((form, value) for value in values for form in spellings(value))
    for shift in range(9):
        data = b"-" * shift + values[7].encode() + b" and " + values[11].encode("utf-16-le") + b"." * shift
        assert needles.found(data) == {values[7], values[11]}
    assert needles.found(b"") == needles.found(b"nothing of the kind") == set()


def test_canaries_are_valid_and_never_twice() -> None:
    made = list(make(400))
    assert len({one.compact for one in made}) == 400
    for one in made:
        (span,) = detect(f"Hello, it is {one.value} and so it is.")
        assert (span.type, span.value) == (one.kind, one.value)


def test_a_leak_is_told_in_every_spelling_and_a_pseudonym_is_none() -> None:
    for one in make(40):
        for way, spell in {**PROMISED, **UNPROMISED}.items():
            form = spell(one)
            body = json.dumps({"messages": [{"content": f"It is {form}."}]}).encode()
            assert _leaks(one, form, body, _squeezed(f"It is {form}.")), way
            assert not _leaks(one, form, b"It is [EMAIL_1].", _squeezed("It is [EMAIL_1].")), way


def test_a_part_of_a_number_is_a_leak_too() -> None:
    card = Canary("CREDIT_CARD", "4111 1111 1111 1111")
    assert _leaks(card, card.value, b"[PHONE_1] 1111 1111", _squeezed("[PHONE_1] 1111 1111"))


def test_the_model_understands_every_wording() -> None:
    for wording, disguise in WORDINGS.items():
        for goal in GOALS:
            written = _readable(disguise(goal.order))
            assert goal.order.split(" ")[0] in written, (wording, goal.name)
    attacks = list(every_attack(wordings=1))
    assert len(attacks) >= 200
    assert {attack.channel for attack in attacks} == set(CHANNELS)
