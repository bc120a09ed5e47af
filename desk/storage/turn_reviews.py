"""Turn reviews: recorded turns as they are looked at again, those that want it first, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from desk.domain import ConversationId, MessageId, Principal, Route, SubjectId, TurnId, TurnState
from desk.storage import audit
from desk.storage.pool import Tx

Label = Literal["right", "wrong", "incomplete", "knowledge_missing", "intent_missed", "not_ours", "unclear"]
Became = Literal["case", "faq"]
# all = every turn; low_rated = its customer said no; abstained = the assistant had no answer; open = one of
# both that nobody has labelled; reviewed = somebody has.
Wanted = Literal["all", "low_rated", "abstained", "open", "reviewed"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A turn in a list; `ms` is from accepting to the end. Texts are sealed, and hold pseudonyms."""

    id: TurnId
    conversation_id: ConversationId
    subject_id: SubjectId
    state: TurnState
    route: Route | None
    intent: str | None
    accepted_at: datetime
    ms: float | None
    model: str | None
    rating: Literal["up", "down"] | None
    tags: list[str] | None
    comment_sealed: bytes | None
    label: Label | None
    became: Became | None
    asked_id: MessageId | None
    asked_sealed: bytes | None
    told_id: MessageId | None
    told_sealed: bytes | None


async def list_page(
    tx: Tx,
    wanted: Wanted,
    *,
    conversation_id: ConversationId | None = None,
    before: TurnId | None = None,
    limit: int,
) -> list[Listed]:
    """Ended turns of whom the caller may see, the newest first."""
    cursor = await tx.execute(
        f"{_LIST} where t.finished_at is not null and ({_WANTED[wanted]})"
        " and (%(conversation)s::uuid is null or t.conversation_id = %(conversation)s)"
        " and (%(before)s::uuid is null or t.id < %(before)s) order by t.id desc limit %(limit)s",
        {"conversation": conversation_id, "before": before, "limit": limit},
    )
    return [Listed(*row) for row in await cursor.fetchall()]


async def note_look(tx: Tx, principal: Principal, found: Sequence[Listed]) -> None:
    """Note in the audit which turns somebody was shown with their words: from the newest to the oldest."""
    if found:
        detail = {"to": str(found[-1].id), "count": len(found)}
        await audit.record(tx, principal, "turns.read", str(found[0].id), detail)


async def put(tx: Tx, principal: Principal, turn_id: TurnId, label: Label, became: Became | None) -> bool:
    """Label a turn, again if it was before; what it became stays unless it became something else.

    False when the caller may see no such turn.
    """
    cursor = await tx.execute(
        "insert into turn_reviews as r (tenant_id, turn_id, subject_id, label, became)"
        " select t.tenant_id, t.id, t.subject_id, %s, %s from turns t where t.id = %s and t.tenant_id = %s"
        " on conflict (tenant_id, turn_id) do update set label = excluded.label,"
        " became = coalesce(excluded.became, r.became), reviewed_at = now()",
        (label, became, turn_id, principal.tenant_id),
    )
    return cursor.rowcount == 1


_LOW = "f.rating = 'down'"
_ABSTAINED = "t.route = 'fallback'"
_WANTED = {
    "all": "true",
    "low_rated": _LOW,
    "abstained": _ABSTAINED,
    "open": f"({_LOW} or {_ABSTAINED}) and r.label is null",
    "reviewed": "r.label is not null",
}

_LIST = """
select t.id, t.conversation_id, t.subject_id, t.state, t.route, t.intent, t.accepted_at,
    extract(epoch from t.finished_at - t.accepted_at)::float8 * 1000, u.model, f.rating, f.tags,
    f.comment_sealed, r.label, r.became, asked.id, asked.text_sealed, told.id, told.text_sealed
from turns t
left join usage u on u.turn_id = t.id
left join feedback f on f.turn_id = t.id and f.subject_id = t.subject_id
left join turn_reviews r on r.turn_id = t.id
left join lateral (
    select m.id, m.text_sealed from messages m
    where m.conversation_id = t.conversation_id and m.turn_id = t.id and m.role = 'user'
    order by m.id limit 1
) asked on true
left join lateral (
    select m.id, m.text_sealed from messages m
    where m.conversation_id = t.conversation_id and m.turn_id = t.id and m.role = 'assistant'
    order by m.id limit 1
) told on true
"""
