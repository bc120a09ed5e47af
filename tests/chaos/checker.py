"""The history checker: whether what the clients were told and what the database holds are the same story.

It reads through the application's own storage and keys, never through the application's memory or routes.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal
from uuid import UUID

import orjson

from desk.domain import ConversationId, Principal, SubjectId, Tenant
from desk.privacy.pseudonyms import Vault, restore
from desk.privacy.sealing import DataKey
from desk.storage import checkpoint_rows, conversations, effects, messages, turns
from desk.storage.checkpoint_rows import Selection
from desk.storage.checkpoint_seals import open_row
from desk.storage.messages import Message
from desk.storage.pool import Tx
from desk.storage.staging import StagedSaver
from desk.storage.threads import thread_id
from desk.storage.turns import Turn
from graphs.commits.inbox import open_vault
from graphs.reply import restored
from graphs.services import Services
from graphs.state import WINDOW
from tests.chaos.history import LAST, History, Sent, Talk, shown
from tests.chaos.wire import Event

Kind = Literal["lost", "doubled", "changed", "disordered", "stuck", "stale", "stream"]
ISSUER = "deskgraph"
_OF_PEOPLE = {("agent", None), ("assistant", "handoff")}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be."""

    kind: Kind
    what: str


@dataclass(slots=True)
class Verdict:
    """What was found, and how much was looked at."""

    findings: list[Finding] = field(default_factory=list)
    talks: int = 0
    keys: int = 0
    accepted: int = 0
    answered: int = 0
    readings: int = 0

    def count(self, *kinds: Kind) -> int:
        """How many findings are of these kinds."""
        counts = Counter(finding.kind for finding in self.findings)
        return sum(counts[kind] for kind in kinds)

    def found(self, kind: Kind, what: str) -> None:
        """Note a finding."""
        self.findings.append(Finding(kind, what))


@dataclass(frozen=True, slots=True)
class _Kept:
    """One talk as the database has it."""

    key: DataKey
    vault: Vault
    turns: dict[str, Turn]
    messages: list[Message]
    counted: int

    def texts(self, found: list[Message]) -> list[str]:
        """What the messages say to their customer."""
        return [restore(self.stored(message), self.vault) for message in found]

    def stored(self, message: Message) -> str:
        """What a message says with its pseudonyms."""
        return self.key.open_text(message.text_sealed, aad=messages.text_aad(message.id))


async def check(services: Services, history: History) -> Verdict:
    """Look up everything that the history tells; call it when nothing is on its way any more."""
    verdict = Verdict()
    slugs = {talk.tenant for talk in history.talks}
    tenants = {slug: await services.engine.tenants.get(slug) for slug in slugs}
    for talk in history.talks:
        await _check_talk(services, tenants[talk.tenant], talk, verdict)
    for slug, tenant in tenants.items():
        keys = {sent.key for talk in history.talks if talk.tenant == slug for sent in talk.sent}
        await _check_rest(services, tenant, keys, history.began, verdict)
    return verdict


async def _check_talk(services: Services, tenant: Tenant, talk: Talk, verdict: Verdict) -> None:
    verdict.talks += 1
    verdict.keys += len(talk.sent)
    verdict.accepted += sum(sent.accepted for sent in talk.sent)
    verdict.answered += sum(bool(sent.told) for sent in talk.sent)
    for sent in talk.sent:
        _check_readings(sent, verdict)
    subject = await services.engine.keys.subject(tenant.id, ISSUER, talk.email)
    who = Principal(tenant.id, "worker", subject)
    async with services.engine.database.tenant_tx(who) as tx:
        kept = await _kept(services, tx, who, talk)
        if kept is None:
            _check_gone(talk, verdict)
            return
        if talk.deleted == "yes":
            verdict.found("stuck", f"{talk.id} was deleted and is there")
        for sent in talk.sent:
            _check_sent(talk, sent, kept, verdict)
            await _check_ledger(tx, sent, kept, verdict)
        _check_order(talk, kept, verdict)
        await _check_state(tx, who, talk, kept, verdict)


async def _kept(services: Services, tx: Tx, who: Principal, talk: Talk) -> _Kept | None:
    """What the database has of a talk; None if nothing was ever accepted, or all of it was deleted."""
    found = [await turns.find_by_key(tx, who.subject_id, sent.key) for sent in talk.sent]
    by_key = {turn.idempotency_key: turn for turn in found if turn is not None}
    if not by_key:
        return None
    # Who gave up on the first message before any word came back knows no conversation, and opens another.
    unheard = {sent.key for sent in talk.sent if not sent.accepted}
    ids = {turn.conversation_id for key, turn in by_key.items() if key not in unheard}
    ids = ids or {turn.conversation_id for turn in by_key.values()}
    assert len(ids) == 1, f"one talk lies in {len(ids)} conversations"
    here = ids.pop()
    by_key = {key: turn for key, turn in by_key.items() if turn.conversation_id == here}
    conversation = await conversations.get(tx, here)
    assert conversation is not None, "a turn hangs on its conversation"
    key = await services.engine.keys.data_key(who)
    said = await messages.list_page(
        tx, conversation_id=conversation.id, subject_id=None, after=None, limit=100_000
    )
    return _Kept(key, open_vault(conversation, key), by_key, said, conversation.messages)


def _check_gone(talk: Talk, verdict: Verdict) -> None:
    if talk.deleted == "no":
        for sent in talk.sent:
            if sent.accepted:
                verdict.found("lost", f"{sent.key} was accepted, and there is no such turn")


def _check_sent(talk: Talk, sent: Sent, kept: _Kept, verdict: Verdict) -> None:
    turn = kept.turns.get(sent.key)
    if turn is None:
        if sent.accepted:
            verdict.found("lost", f"{sent.key} was accepted, and there is no such turn")
        return
    if len(sent.turn_ids | {str(turn.id)}) > 1:
        verdict.found("doubled", f"{sent.key} was told to be the turns {sent.turn_ids}, and is {turn.id}")
    said = [message for message in kept.messages if message.turn_id == turn.id]
    if talk.handed:
        said = [m for n, m in enumerate(said) if n < 2 or (m.role, m.route) not in _OF_PEOPLE]
    match turn.state:
        case "accepted":
            verdict.found("stuck", f"{sent.key} is still accepted, and everybody has left")
        case "done":
            _check_done(sent, turn, said, kept, verdict)
        case state:
            wanted = (sent.cancelled or talk.interrupts) if state == "cancelled" else "refuse" in sent.message
            if not wanted:
                verdict.found("lost", f"{sent.key} ended as {state}: {turn.reason}")
            _check_told(sent, turn.problem, verdict)


def _check_done(sent: Sent, turn: Turn, said: list[Message], kept: _Kept, verdict: Verdict) -> None:
    assert turn.reply_sealed is not None
    reply = restored(kept.key.open_json(turn.reply_sealed, aad=turns.reply_aad(turn.id)), kept.vault)
    roles = [message.role for message in said]
    if roles != ["user", "assistant"]:
        kind: Kind = "doubled" if len(roles) > 2 else "lost"
        verdict.found(kind, f"{sent.key} is done and its messages are {roles}")
    elif kept.texts(said) != [sent.message, reply["reply"]["text"]]:
        verdict.found("changed", f"{sent.key} holds {kept.texts(said)}")
    _check_told(sent, reply, verdict)


def _check_told(sent: Sent, stored: Any, verdict: Verdict) -> None:
    """Every last word that a client heard is the one that is stored."""
    kept = orjson.loads(orjson.dumps(stored))
    for told in sent.told:
        if told != kept:
            verdict.found(
                "changed", f"{sent.key} was told {str(told)[:300]}, and {str(kept)[:300]} is stored"
            )


def _check_order(talk: Talk, kept: _Kept, verdict: Verdict) -> None:
    """Each writer's messages stand in the order of sending, each answer behind its question, all counted."""
    place: dict[UUID, int] = {}
    for number, message in enumerate(kept.messages):
        place.setdefault(message.turn_id, number)
    for writer in {sent.writer for sent in talk.sent}:
        mine = [kept.turns[s.key].id for s in talk.sent if s.writer == writer and s.key in kept.turns]
        places = [place[turn_id] for turn_id in mine if turn_id in place]
        if places != sorted(places):
            verdict.found("disordered", f"{talk.id}: messages are not in the order of what was sent")
    for before, message in zip([None, *kept.messages], kept.messages, strict=False):
        foreign = before is None or before.turn_id != message.turn_id
        if message.role == "assistant" and foreign and not talk.handed:
            verdict.found("disordered", f"{talk.id}: an answer without its question")
    if kept.counted != len(kept.messages):
        verdict.found("disordered", f"{talk.id}: {kept.counted} messages counted, {len(kept.messages)} there")


async def _check_ledger(tx: Tx, sent: Sent, kept: _Kept, verdict: Verdict) -> None:
    """What was drawn stands in the ledger once, was said as it stands there, and later runs wrote later."""
    turn = kept.turns.get(sent.key)
    if turn is None or "record" not in sent.message:
        return
    rows = await effects.list_for_turn(tx, turn.id)
    drawn = [
        str(
            kept.key.open_json(row.result_sealed, aad=effects.effect_aad(turn.id, row.ordinal, "result"))[
                "drawn"
            ]
        )
        for row in rows
        if row.kind == "model" and row.result_sealed is not None
    ]
    for reply in sent.replies:
        if re.findall(r"drawn-(\d+)", reply["reply"]["text"]) != drawn:
            verdict.found(
                "doubled", f"{sent.key}: the ledger has {drawn}, the answer {reply['reply']['text']}"
            )
    cursor = await tx.execute("select fence from effects where turn_id = %s order by ordinal", (turn.id,))
    fences = [row[0] for row in await cursor.fetchall()]
    if fences != sorted(fences):
        verdict.found("stale", f"{sent.key}: a run that had lost the turn wrote into its ledger")


async def _check_state(tx: Tx, who: Principal, talk: Talk, kept: _Kept, verdict: Verdict) -> None:
    """The thread has one checkpoint, and its window is the end of the talk."""
    assert who.subject_id is not None
    assert talk.id is not None
    conversation_id = next(iter(kept.turns.values())).conversation_id
    thread = thread_id(who.tenant_id, SubjectId(who.subject_id), ConversationId(conversation_id))
    rows = await (await checkpoint_rows.select(tx, Selection(thread, checkpoint_ns=""))).fetchall()
    if len(rows) > 1:
        verdict.found("stale", f"{talk.id} has {len(rows)} checkpoints")
    # While a person has the talk no graph runs, and the state stays behind.
    if not rows or any("person" in sent.message for sent in talk.sent[:-1]):
        return
    window = StagedSaver(thread, open_row(rows[0], kept.key)).state.get("window", [])
    lines = [(message.role, kept.stored(message)) for message in kept.messages][-WINDOW:]
    if [(line["role"], line["text"]) for line in window] != lines:
        verdict.found("stale", f"{talk.id}: the state is not that of its last message")


def _check_readings(sent: Sent, verdict: Verdict) -> None:
    """A reader's ids only grow, there is one last event, and what was shown is the answer."""
    for events in sent.readings:
        verdict.readings += 1
        ids = [event.id for event in events]
        if any(later <= earlier for earlier, later in pairwise(ids)):
            verdict.found("stream", f"{sent.key}: ids {ids} do not grow")
        ends = [number for number, event in enumerate(events) if event.name in LAST]
        if ends and ends != [len(events) - 1]:
            verdict.found("stream", f"{sent.key}: something was told after the last event")
        if ends and events[-1].name == "done" and shown(events) != events[-1].data["reply"]["text"]:
            verdict.found("stream", f"{sent.key}: {shown(events)!r} was shown by {_brief(events)}")


async def _check_rest(
    services: Services, tenant: Tenant, keys: set[str], began: datetime, verdict: Verdict
) -> None:
    """Nothing is in the queue, nothing is accepted with nobody running it, and nothing came of itself."""
    async with services.engine.database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        cursor = await tx.execute("select count(*) from turn_queue where tenant_id = %s", (tenant.id,))
        queued = (await cursor.fetchone() or (0,))[0]
        cursor = await tx.execute(
            "select idempotency_key, state from turns where accepted_at >= %s", (began,)
        )
        rows = await cursor.fetchall()
    if queued:
        verdict.found("stuck", f"{queued} turns of {tenant.slug} are in the queue")
    for key, state in rows:
        if key not in keys:
            verdict.found("doubled", f"a turn of {tenant.slug} has the key {key}, which nobody sent")
        elif state == "accepted":
            verdict.found("stuck", f"{key} is accepted, and nobody runs it")


def _brief(events: list[Event]) -> str:
    return " ".join(f"{event.id}:{event.name}" for event in events)
