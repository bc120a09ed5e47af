"""Stored handoffs follow the rules, and their log loses nothing whatever commits first."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import uuid4

import pytest

from desk.domain import ConversationId, HandoffState, MessageId, Principal, SubjectId, TurnId
from desk.storage import conversations, handoff_events, handoffs
from desk.storage.handoffs import Handoff, HandoffRequest
from desk.storage.pool import Database, Tx
from desk.storage.turns import Claim
from graphs.handoffs.ground import change_to, situation_of
from graphs.handoffs.machine import Move, Situation, mode_of, transition

ANNE = SubjectId(uuid4())
DUE = datetime.now(UTC) + timedelta(minutes=10)


async def converse(tx: Tx, user: Principal) -> Claim:
    """A new conversation of the user with a claimed turn."""
    conversation = ConversationId(uuid4())
    await conversations.add(tx, user, conversation, "web", None)
    assert user.subject_id is not None
    return Claim(TurnId(uuid4()), user.tenant_id, conversation, user.subject_id, 1, 1)


async def hand_over(tx: Tx, user: Principal, state: HandoffState = "queued") -> tuple[Claim, Handoff]:
    claim = await converse(tx, user)
    asked = HandoffRequest("requested", "ticketed" if state == "ticketed" else "queued", "en", DUE)
    await handoffs.request(tx, user, claim, asked)
    handoff = await handoffs.get_open(tx, claim.conversation_id)
    assert handoff is not None
    if state in ("human", "returned", "closed"):
        after = Situation(state, ANNE if state == "human" else None, awaited=state == "human")
        assert await handoffs.change(tx, handoff, change_to(after, DUE))
    changed = await handoffs.get(tx, handoff.id)
    assert changed is not None
    return claim, changed


@pytest.mark.parametrize("state", get_args(HandoffState))
@pytest.mark.parametrize("office_open", [True, False])
async def test_a_stored_request_does_what_the_rules_say(
    database: Database, user: Principal, state: HandoffState, office_open: bool
) -> None:
    async with database.tenant_tx(user) as tx:
        claim, before = await hand_over(tx, user, state)
        wanted = HandoffRequest("requested", "queued" if office_open else "ticketed", "en", DUE)
        opened = await (await handoffs.request(tx, user, claim, wanted)).fetchone()
        after = await handoffs.get_open(tx, claim.conversation_id)
        conversation = await conversations.get(tx, claim.conversation_id)
    assert after is not None
    assert conversation is not None
    assert opened == (after.id, after.state)
    assert (after.id == before.id) == (state in handoffs.OPEN)
    assert situation_of(after) == transition(
        situation_of(before), Move("request", "customer", office_open=office_open)
    )
    assert conversation.mode == mode_of(after.state)


@pytest.mark.parametrize("state", get_args(HandoffState))
async def test_a_stored_message_does_what_the_rules_say(
    database: Database, user: Principal, state: HandoffState
) -> None:
    async with database.tenant_tx(user) as tx:
        claim, before = await hand_over(tx, user, state)
        await handoffs.note_message(tx, claim.conversation_id, MessageId(uuid4()), DUE)
        after = await handoffs.get(tx, before.id)
        conversation = await conversations.get(tx, claim.conversation_id)
    assert after is not None
    assert conversation is not None
    expected = transition(situation_of(before), Move("message", "customer"))
    assert isinstance(expected, Situation)
    assert conversation.mode == mode_of(expected.state)
    if state in handoffs.OPEN:
        assert situation_of(after) == expected


async def test_a_change_of_what_changed_since_is_refused(database: Database, user: Principal) -> None:
    async with database.tenant_tx(user) as tx:
        _, handoff = await hand_over(tx, user)
        taken = change_to(Situation("human", ANNE, awaited=True), DUE)
        assert await handoffs.change(tx, handoff, taken)
        assert not await handoffs.change(tx, handoff, taken)


async def test_a_reader_of_the_log_misses_nothing_whatever_commits_first(
    database: Database, user: Principal
) -> None:
    """Writers number their events and then dawdle before the commit; the reader asks for "all above n"."""
    async with database.tenant_tx(user) as tx:
        found = [(await hand_over(tx, user))[1] for _ in range(5)]
        began = await handoff_events.newest(tx)
    dice = random.Random(7)

    async def write(handoff: Handoff) -> None:
        for _ in range(6):
            async with database.tenant_tx(user) as tx:
                await handoff_events.add(tx, handoff.id)
                await asyncio.sleep(dice.random() * 0.01)

    seen: list[int] = []
    writing = asyncio.gather(*map(write, found))
    finished = False
    while not finished:
        finished = writing.done()  # asked before the look, so that the last look sees the last commit
        async with database.tenant_tx(user) as tx:
            page = await handoff_events.after(tx, seen[-1] if seen else began)
        seen += [event.number for event in page]
    assert len(seen) == 30
    assert seen == sorted(set(seen))
