"""Adoptions: what of a visitor's conversations must be sealed anew for the person they became, and moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from desk.domain import ConversationId, SubjectId
from desk.storage import conversations, effects, faq_gaps, feedback, messages, steps, turns
from desk.storage.pool import Tx


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed bytes: the columns that name its row, and what binds a seal to that row."""

    table: LiteralString
    column: LiteralString
    key: tuple[LiteralString, ...]
    aad: Callable[..., bytes]

    @property
    def _where(self) -> LiteralString:
        if self.table == "conversations":
            return "id = any(%s)"
        if self.table in ("turns", "messages"):
            return "conversation_id = any(%s)"
        return "turn_id in (select t.id from turns t where t.conversation_id = any(%s))"

    async def read(self, tx: Tx, talks: Sequence[ConversationId]) -> list[tuple[Any, ...]]:
        """The rows of these conversations that hold something: the key's columns, then the bytes."""
        cursor = tx.cursor(binary=True)
        await cursor.execute(
            f"select {', '.join(self.key)}, {self.column} from {self.table}"  # noqa: S608
            f" where {self._where} and {self.column} <> ''".encode(),
            (list(talks),),
        )
        return await cursor.fetchall()

    async def write(self, tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
        """Store rows as `read` gives them, sealed anew."""
        named = " and ".join(f"{name} = %s" for name in self.key)
        statement = f"update {self.table} set {self.column} = %s where {named}"  # noqa: S608
        await tx.cursor().executemany(statement.encode(), [(row[-1], *row[:-1]) for row in rows])


SEALED = (
    SealedColumn("conversations", "title_sealed", ("id",), conversations.title_aad),
    SealedColumn("conversations", "vault_sealed", ("id",), conversations.vault_aad),
    SealedColumn("turns", "input_sealed", ("id",), turns.input_aad),
    SealedColumn("turns", "reply_sealed", ("id",), turns.reply_aad),
    SealedColumn("messages", "text_sealed", ("id",), messages.text_aad),
    SealedColumn("turn_steps", "steps_sealed", ("turn_id",), steps.steps_aad),
    SealedColumn("feedback", "comment_sealed", ("turn_id",), feedback.comment_aad),
    SealedColumn("faq_gap_questions", "vector_sealed", ("turn_id",), faq_gaps.vector_aad),
    SealedColumn(
        "effects",
        "request_sealed",
        ("turn_id", "ordinal"),
        lambda turn, ordinal: effects.effect_aad(turn, ordinal, "request"),
    ),
    SealedColumn(
        "effects",
        "result_sealed",
        ("turn_id", "ordinal"),
        lambda turn, ordinal: effects.effect_aad(turn, ordinal, "result"),
    ),
)


async def hold_subjects(tx: Tx, visitor: SubjectId, person: SubjectId) -> bool:
    """Keep both from being erased until the transaction ends; False unless both live, one of each kind."""
    cursor = await tx.execute(
        "select id, kind from subjects where id = any(%s) and erased_at is null order by id"
        " for no key update",
        ([visitor, person],),
    )
    return dict(await cursor.fetchall()) == {visitor: "anonymous", person: "person"}


async def hold_conversations(tx: Tx, visitor: SubjectId) -> list[ConversationId] | None:
    """The visitor's conversations, into which no turn comes until the transaction ends; None while one runs.

    A turn is accepted with a foreign key to its conversation, so it waits for the lock; what was accepted
    before is seen by the second statement.
    """
    cursor = await tx.execute(
        "select id from conversations where subject_id = %s order by id for update", (visitor,)
    )
    talks = [ConversationId(row[0]) for row in await cursor.fetchall()]
    cursor = await tx.execute("select from turn_queue where conversation_id = any(%s) limit 1", (talks,))
    return talks if await cursor.fetchone() is None else None


async def count_messages(tx: Tx, talks: Sequence[ConversationId]) -> int:
    """How many messages the conversations hold together."""
    cursor = await tx.execute("select count(*) from messages where conversation_id = any(%s)", (list(talks),))
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def move(tx: Tx, visitor: SubjectId, person: SubjectId, talks: Sequence[ConversationId]) -> None:
    """Give the rows to the person; what hangs on a conversation follows it by its foreign keys.

    Idempotency-Keys are freed, as they were the visitor's; a service's session begins a new conversation.
    """
    values = {"visitor": visitor, "person": person, "talks": list(talks)}
    for statement in _MOVE:
        await tx.execute(statement, values)


_MOVE: tuple[LiteralString, ...] = (
    "update turns set idempotency_key = 'freed·' || id where conversation_id = any(%(talks)s)",
    "update usage set subject_id = %(person)s"
    " where turn_id in (select t.id from turns t where t.conversation_id = any(%(talks)s))",
    "update handoff_events set subject_id = %(person)s where conversation_id = any(%(talks)s)",
    "update agent_replies set subject_id = %(person)s"
    " where handoff_id in (select h.id from handoffs h where h.conversation_id = any(%(talks)s))",
    "delete from sessions where conversation_id = any(%(talks)s)",
    "insert into subject_spend as s (tenant_id, subject_id, day, usd)"
    " select v.tenant_id, %(person)s, v.day, v.usd from subject_spend v where v.subject_id = %(visitor)s"
    " on conflict (subject_id, day, tenant_id) do update set usd = s.usd + excluded.usd",
    "delete from subject_spend where subject_id = %(visitor)s",
    "update consents set subject_id = %(person)s where subject_id = %(visitor)s",
    "update conversations set subject_id = %(person)s where id = any(%(talks)s)",
)
