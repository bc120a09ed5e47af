"""The judge sees what must not be told, and what tells foreign from unknown."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from desk.domain import Tenant, TenantId
from tests.security.askers import Asker
from tests.security.asking import Answer
from tests.security.doors import Door, Slot
from tests.security.judge import differs, leaks
from tests.security.owners import Owner, Town

DOOR = Door("GET", "/api/v1/conversations/{conversation_id}", ())
SLOT = Slot("conversation_id", "conversation", "path")


def town() -> Town:
    owner = Owner("owner@example.com", {"conversation": str(uuid4())})
    owner.word("said")
    return Town(
        Tenant(TenantId(uuid4()), "a-town", "A town"), owner, Owner("gone@x.org"), "k@x.org", "a@x.org"
    )


def asker(role: str) -> Asker:
    return Asker(role, town(), town(), httpx.AsyncClient(), "", "")


def answer(text: str, status: int = 404, headers: str = "") -> Answer:
    return Answer(status, "application/json", headers, text)


def test_a_word_of_somebody_else_is_seen_in_the_body_and_in_the_headers() -> None:
    who = asker("user")
    word = who.home.owner.words[0]
    assert leaks(who, DOOR, "", answer(f"... {word.upper()} ..."), unchecked=False) == [word]
    assert leaks(who, DOOR, "", answer("", headers=f"x-about: {word}"), unchecked=False) == [word]
    assert leaks(who, DOOR, "", answer("nothing"), unchecked=False) == []


def test_an_id_may_come_back_only_to_who_sent_it() -> None:
    who = asker("user")
    theirs = who.home.owner.ids["conversation"]
    assert leaks(who, DOOR, theirs, answer(theirs), unchecked=False) == []
    assert leaks(who, DOOR, str(uuid4()), answer(theirs), unchecked=False) == [theirs]


def test_staff_see_their_own_tenants_people_and_no_others() -> None:
    who = asker("agent")
    near, far = who.home.owner.words[0], who.away.owner.words[0]
    assert leaks(who, DOOR, "", answer(f"{near} {far}"), unchecked=False) == [far]


UNKNOWN = answer('{"detail":"There is no such thing.","correlation_id":"0f3c5b7a9d1e4f60"}')


@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        (UNKNOWN.text.replace("0", "1"), 404, ""),
        (UNKNOWN.text, 403, "403 instead of 404"),
        (UNKNOWN.text.replace("no such", "another's"), 404, "another body"),
    ],
)
def test_foreign_is_told_from_unknown_by_status_and_body(text: str, status: int, told: str) -> None:
    found = differs(SLOT, "stranger", answer(text, status), UNKNOWN, "one", "other")
    assert found.startswith(told)
    assert bool(found) == bool(told)


def test_an_unknown_id_that_is_found_is_a_difference_too() -> None:
    found = answer("{}", 200)
    assert differs(SLOT, "stranger", found, found, "one", "other") == "200 for an unknown id"
