"""Adoption: a visitor who signs in keeps their conversations, sealed anew under the person's key."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from desk.domain import ConversationId, Principal, SubjectId
from desk.errors import Conflict, InvalidInput, NotFound
from desk.privacy.sealing import DataKey
from desk.storage import adoptions, audit, checkpoint_rows
from desk.storage.adoptions import SealedColumn
from desk.storage.checkpoint_rows import Selection
from desk.storage.checkpoint_seals import move_row
from desk.storage.pool import Database, Tx
from desk.storage.threads import thread_id
from desk.subjects.keys import KeyRing

# All of it is sealed anew in one transaction, which must stay short.
MOST_MESSAGES = 5_000

_TRIES, _PAUSE_SECONDS = 20, 0.1


class _TurnRuns(Exception):
    """A message of the visitor is being answered right now."""


async def adopt(database: Database, keys: KeyRing, person: Principal, visitor: SubjectId) -> int:
    """Move the visitor's conversations to the person, in one transaction; how many there were.

    Waits for a running turn, and raises Conflict when there was no pause for two seconds. Raises NotFound
    unless the visitor is one and the person is one, in the same tenant, and InvalidInput when it is too much.
    """
    assert person.subject_id is not None
    worker = Principal(person.tenant_id, "worker")
    old = await keys.data_key(Principal(person.tenant_id, "worker", visitor))
    new = await keys.data_key(Principal(person.tenant_id, "worker", person.subject_id))
    for _ in range(_TRIES):
        try:
            async with database.tenant_tx(worker) as tx:
                return await _move(tx, person, visitor, person.subject_id, (old, new))
        except _TurnRuns:
            await asyncio.sleep(_PAUSE_SECONDS)
    raise Conflict("A message of the visitor is still being answered; try again in a moment.")


async def _move(
    tx: Tx, by: Principal, visitor: SubjectId, person: SubjectId, keys: tuple[DataKey, DataKey]
) -> int:
    if not await adoptions.hold_subjects(tx, visitor, person):
        raise NotFound
    talks = await adoptions.hold_conversations(tx, visitor)
    if talks is None:
        raise _TurnRuns
    if await adoptions.count_messages(tx, talks) > MOST_MESSAGES:
        raise InvalidInput(f"The visitor has more than {MOST_MESSAGES} messages, too many to take over.")
    for column in adoptions.SEALED:
        rows = await column.read(tx, talks)
        await column.write(tx, await asyncio.to_thread(_sealed_anew, column, rows, keys))
    for talk in talks:
        await _move_thread(tx, by, (visitor, person), talk, keys)
    await adoptions.move(tx, visitor, person, talks)
    if talks:
        await audit.record(tx, by, "subject.adopt", str(visitor), {"conversations": len(talks)})
    return len(talks)


def _sealed_anew(
    column: SealedColumn, rows: Sequence[tuple[Any, ...]], keys: tuple[DataKey, DataKey]
) -> list[tuple[Any, ...]]:
    old, new = keys
    anew = []
    for *named, sealed in rows:
        aad = column.aad(*named)
        anew.append((*named, new.seal(old.open(sealed, aad=aad), aad=aad)))
    return anew


async def _move_thread(
    tx: Tx,
    by: Principal,
    subjects: tuple[SubjectId, SubjectId],
    talk: ConversationId,
    keys: tuple[DataKey, DataKey],
) -> None:
    """LangGraph's checkpoints: the thread's id names the person, and is part of what binds the seals."""
    before, after = (thread_id(by.tenant_id, subject, talk) for subject in subjects)
    found = await (await checkpoint_rows.select(tx, Selection(before))).fetchall()
    await checkpoint_rows.delete_threads(tx, [before])
    for row in found:
        await checkpoint_rows.store(tx, move_row(row, after, *keys))
