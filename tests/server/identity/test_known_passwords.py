"""Known passwords are known in every spelling, and what nobody else has is not."""

from __future__ import annotations

import pytest

from server.identity.known_passwords import _listed, is_known


@pytest.mark.parametrize(
    "password",
    [
        "1234567890",
        "qwertyuiop",
        "1q2w3e4r5t",
        "password123",
        "Password123!",
        "P@ssw0rd2024",
        "!!sunshine99",
        "Manchester",
        "wonderland",
        "butterfly5",
        "qwertyqwerty",
        "123456123456",
        "dragondragon1",
    ],
)
def test_what_many_have_is_known(password: str) -> None:
    assert is_known(password)


@pytest.mark.parametrize(
    "password",
    ["correct horse battery staple", "k3v9xq2pzl", "a7391846203", "bookshop-ada-77", "", "0" * 200, "ß" * 10],
)
def test_what_is_nobody_elses_is_not(password: str) -> None:
    assert not is_known(password)


def test_enough_is_listed() -> None:
    """At least the 3,000 most common ones of what may be chosen; edges and stand-ins multiply them."""
    assert len(_listed()) > 80_000
