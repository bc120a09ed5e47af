"""Sealed content opens only with its key, at its place, unchanged."""

from __future__ import annotations

import pickle
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.errors import DeskError, Misconfigured
from desk.privacy.sealing import DataKey, MasterKey, SealBroken

SUBJECT = UUID(int=7)
OTHER = UUID(int=8)
KEY = DataKey.new()


@given(st.binary(max_size=400), st.binary(max_size=40))
def test_what_is_sealed_opens_again(plaintext: bytes, aad: bytes) -> None:
    sealed = KEY.seal(plaintext, aad=aad)
    assert KEY.open(sealed, aad=aad) == plaintext
    assert len(sealed) == len(plaintext) + 29
    assert KEY.seal(plaintext, aad=aad) != sealed


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_breaks_the_seal(position: int, change: int) -> None:
    sealed = bytearray(KEY.seal(b"a private message", aad=b"here"))
    sealed[position % len(sealed)] ^= change
    with pytest.raises(SealBroken):
        KEY.open(bytes(sealed), aad=b"here")


@pytest.mark.parametrize("cut", [0, 1, 12, 28, 45])
def test_a_cut_seal_is_broken(cut: int) -> None:
    sealed = KEY.seal(b"a private message", aad=b"here")
    with pytest.raises(SealBroken):
        KEY.open(sealed[:cut], aad=b"here")


def test_another_place_or_key_does_not_open() -> None:
    sealed = KEY.seal(b"x", aad=b"here")
    with pytest.raises(SealBroken) as broken:
        KEY.open(sealed, aad=b"there")
    assert isinstance(broken.value, DeskError)
    assert broken.value.status == 500
    with pytest.raises(SealBroken):
        DataKey.new().open(sealed, aad=b"here")


def test_text_and_json_come_back() -> None:
    value = {"messages": [{"role": "user", "content": "köln ✓"}], "n": 3, "none": None}
    assert KEY.open_json(KEY.seal_json(value, aad=b"t"), aad=b"t") == value
    assert KEY.open_text(KEY.seal_text("köln ✓", aad=b"t"), aad=b"t") == "köln ✓"


def test_a_long_json_is_kept_small_and_a_short_one_as_it_is() -> None:
    steps = [{"node": f"node_{place}", "update": {"text": "What does shipping cost?"}} for place in range(20)]
    sealed = KEY.seal_json(steps, aad=b"t")
    assert len(sealed) < len(orjson.dumps(steps)) / 5
    assert KEY.open_json(sealed, aad=b"t") == steps
    assert KEY.open(KEY.seal_json("short", aad=b"t"), aad=b"t") == b'"short"'
    assert KEY.open_json(KEY.seal(orjson.dumps(steps), aad=b"t"), aad=b"t") == steps, "as written before"


def test_a_data_key_is_wrapped_for_one_subject() -> None:
    master, key = MasterKey(b"m" * 32), DataKey.new()
    wrapped = master.wrap(key, subject=SUBJECT)
    sealed = key.seal(b"x", aad=b"")
    assert MasterKey(b"m" * 32).unwrap(wrapped, subject=SUBJECT).open(sealed, aad=b"") == b"x"
    for other, subject in ((master, OTHER), (MasterKey(b"n" * 32), SUBJECT)):
        with pytest.raises(SealBroken):
            other.unwrap(wrapped, subject=subject)


def test_a_key_that_was_wrapped_without_a_mark_still_opens() -> None:
    old, master, key = MasterKey(b"o" * 32), MasterKey(b"m" * 32, others=[b"o" * 32]), DataKey.new()
    unmarked = old.wrap(key, subject=SUBJECT)[len(old.mark) :]
    assert unmarked[:1] != old.mark[:1]
    sealed = key.seal(b"x", aad=b"")
    for knows in (old, master):
        assert knows.unwrap(unmarked, subject=SUBJECT).open(sealed, aad=b"") == b"x"
    with pytest.raises(SealBroken):
        old.unwrap(unmarked, subject=OTHER)


def test_derived_keys_are_stable_and_apart() -> None:
    master = MasterKey(b"m" * 32)
    assert master.derive("cookies") == MasterKey(b"m" * 32).derive("cookies")
    assert len({master.derive("cookies"), master.derive("hashes"), b"m" * 32}) == 3
    assert len(master.derive("cookies")) == 32


def test_keys_do_not_show_themselves() -> None:
    master, key = MasterKey(b"m" * 32), DataKey(b"k" * 32)
    assert "k" * 4 not in repr(key)
    assert "m" * 4 not in f"{master} {master!r}"
    for secret in (master, key):
        with pytest.raises(TypeError):
            pickle.dumps(secret)


def test_a_short_master_key_says_what_to_do() -> None:
    with pytest.raises(Misconfigured, match="32 bytes"):
        MasterKey(b"short")
