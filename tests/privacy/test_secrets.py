"""Passwords, codes and account numbers are found by their word, and by nothing else."""

from __future__ import annotations

import pytest

from desk.privacy.detect import detect
from desk.privacy.pseudonyms import Vault, scrub


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("my password is hunter2", "PASSWORD", "hunter2"),
        ("the name and password 5698", "PASSWORD", "5698"),
        ("Password: Tr0ub4dor&3!", "PASSWORD", "Tr0ub4dor&3!"),
        ("the one-time code is 611284", "PASSWORD", "611284"),
        ("CVV 7731", "PASSWORD", "7731"),
        ("my password is raj 123", "PASSWORD", "raj 123"),
        ("my pasword is jxo 87 y", "PASSWORD", "jxo 87 y"),
        ("password jo 563", "PASSWORD", "jo 563"),
        ("my password is 145", "PASSWORD", "145"),
        ("the pass is 2344", "PASSWORD", "2344"),
        ("mein Passwort lautet geheim99", "PASSWORD", "geheim99"),
        ("my account number is 5842", "ACCOUNT_NUMBER", "5842"),
        ("close the old account 6945", "ACCOUNT_NUMBER", "6945"),
        ("the last four digits of my account are 7245", "ACCOUNT_NUMBER", "7245"),
        ("from account 87889876564 please", "ACCOUNT_NUMBER", "87889876564"),
        ("a/c no. 1234 5678 90", "ACCOUNT_NUMBER", "1234 5678 90"),
        ("das Konto: 0648489890", "ACCOUNT_NUMBER", "0648489890"),
    ],
)
def test_what_opens_a_door_is_found(text: str, kind: str, value: str) -> None:
    assert [(span.type, span.value) for span in detect(text)] == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "I forgot my password 2 days ago",
        "how do I change my password?",
        "my password expired in 2024",
        "is the password case sensitive?",
        "my password is 12 characters long",
        "the password is wrong",
        "I pass is what he said",
        "how is my passport 12345 read?",
        "I opened an account in 2019",
        "I bought it at the last four sales of 2019",
        "my account shows order 100234 as lost",
        "the promo code SAVE2024 does not work",
        "order no 5842331",
    ],
)
def test_talk_about_them_is_left_alone(text: str) -> None:
    assert detect(text) == []


def test_a_password_is_hidden_wherever_it_is_said_again() -> None:
    vault = scrub("my password is hunter2", Vault()).vault
    assert scrub("yes, hunter2, as I said", vault).text == "yes, [PASSWORD_1], as I said"
