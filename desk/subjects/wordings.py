"""Wordings: how customers asked what nobody answered, opened with their keys as far as others may read it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from desk.domain import Principal, TurnId
from desk.errors import NotFound
from desk.privacy.sealing import SealBroken
from desk.privacy.vaults import TOKEN
from desk.storage import faq_gaps
from desk.storage.faq_gaps import Question
from desk.storage.pool import Database
from desk.subjects.keys import KeyRing
from desk.subjects.reading import message_or_pass
from desk.telemetry.broken_seals import note_broken

# So many of a gap, each of another person.
MOST = 5
LONGEST = 300
# Of an order, an account, a year of birth: it says nothing about what was asked.
_NUMBER = re.compile(r"\d(?:[ .-]?\d){3,}")
_LEFT_OUT = "[number]"


@dataclass(frozen=True, slots=True)
class Wording:
    """A question as others may read it; `plain` if nothing of it had to be hidden, left out or cut off."""

    text: str
    plain: bool


async def wordings_of(
    database: Database, keys: KeyRing, viewer: Principal, gap_ids: Sequence[UUID]
) -> dict[UUID, list[Wording]]:
    """The most central wordings of each gap that can be opened, plain ones first.

    Whether a gap may be read at all is asked of `desk/storage/faq_gaps.py`.
    """
    async with database.tenant_tx(viewer) as tx:
        found = await faq_gaps.wordings(tx, gap_ids, limit=MOST)
    texts = await open_questions(keys, viewer, (question for _, question in found))
    of_gaps: dict[UUID, list[Wording]] = {gap_id: [] for gap_id in gap_ids}
    for gap_id, question in found:
        if question.turn_id in texts:
            of_gaps[gap_id].append(readable(texts[question.turn_id]))
    return {gap_id: sorted(some, key=lambda one: not one.plain) for gap_id, some in of_gaps.items()}


async def open_questions(
    keys: KeyRing, viewer: Principal, questions: Iterable[Question]
) -> dict[TurnId, str]:
    """The texts by turn, with pseudonyms, but those of people who were just erased, or whose seal broke."""
    opened: dict[TurnId, str] = {}
    for question in questions:
        person = Principal(viewer.tenant_id, viewer.scope, question.subject_id)
        try:
            key = await keys.data_key(person)
        except NotFound:
            continue
        except SealBroken:
            note_broken("subject", viewer.tenant_id, question.subject_id)
            continue
        text = message_or_pass(key, question.text_sealed, tenant_id=viewer.tenant_id, row=question.message_id)
        if text is not None:
            opened[question.turn_id] = text
    return opened


def readable(text: str) -> Wording:
    """A text with pseudonyms as one line without long numbers, not too long."""
    line = " ".join(text.split())
    shown = textwrap.shorten(_NUMBER.sub(_LEFT_OUT, line), LONGEST, placeholder="…")
    return Wording(shown, plain=shown == line and TOKEN.search(line) is None)
