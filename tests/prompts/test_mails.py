"""Mail to a shop's people exists for every reason, with the same names and variables in every language."""

from __future__ import annotations

from typing import get_args

import pytest

from desk.domain import HandoffReason
from desk.errors import InvalidInput, Misconfigured
from prompts.mails import AccountMail, account_mail, handoff_mail, languages, load_mails
from prompts.template import variables_of

ENGLISH = load_mails("en")
VALUES = {"shop": "Marginalia", "since": "then", "due": "soon", "link": "http://desk/console#1"}


@pytest.mark.parametrize("language", languages())
def test_same_mails_reasons_and_variables(language: str) -> None:
    spoken = load_mails(language)
    assert spoken.mails.keys() == ENGLISH.mails.keys()
    assert set(spoken.reasons) == set(get_args(HandoffReason))
    for name, mail in spoken.mails.items():
        for ours, english in (
            (mail.subject, ENGLISH.mails[name].subject),
            (mail.text, ENGLISH.mails[name].text),
        ):
            assert variables_of(ours) == variables_of(english), name


@pytest.mark.parametrize("name", [name for name in ENGLISH.mails if name.startswith("handoff_")])
@pytest.mark.parametrize("reason", get_args(HandoffReason))
def test_a_mail_says_which_shop_since_when_why_and_where(name: str, reason: HandoffReason) -> None:
    mail = handoff_mail(name, "en", reason, **VALUES)
    assert "Marginalia" in mail.subject
    for told in (*VALUES.values(), ENGLISH.reasons[reason]):
        assert told in mail.text
    assert "{{" not in mail.subject + mail.text


@pytest.mark.parametrize("name", get_args(AccountMail))
def test_a_mail_to_an_account_holder_says_where_and_has_the_code(name: AccountMail) -> None:
    mail = account_mail(name, "en", shop="Marginalia", link="http://desk/signin", code="AAAA-BBBB-CCCC")
    assert "Marginalia" in mail.subject
    assert "http://desk/signin" in mail.text
    assert ("AAAA-BBBB-CCCC" in mail.text) == (name != "known")
    assert "AAAA" not in mail.subject  # subjects show on locked screens
    assert "{{" not in mail.subject + mail.text


def test_a_language_without_a_file_is_english() -> None:
    for tag in ("ja", "en-GB", "", "../../x"):
        assert handoff_mail("handoff_queued", tag, "other", **VALUES) == handoff_mail(
            "handoff_queued", "en", "other", **VALUES
        )


def test_a_value_is_one_line() -> None:
    mail = handoff_mail("handoff_queued", "en", "other", **(VALUES | {"shop": "A\r\nBcc: b@c.example"}))
    assert mail.subject == "A Bcc: b@c.example: somebody waits for a person"


def test_mistakes_are_errors() -> None:
    with pytest.raises(Misconfigured, match="no 'nope'"):
        handoff_mail("nope", "en", "other", **VALUES)
    with pytest.raises(InvalidInput, match="needs a value for: due, link, since"):
        handoff_mail("handoff_queued", "en", "other", shop="x")
