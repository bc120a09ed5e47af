"""Opened: what the sealed columns of a tenant's people hold, read with their keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
from psycopg.rows import dict_row

from desk.domain import SubjectId, Tenant
from desk.privacy.sealing import inflated
from desk.storage import checkpoint_rows, conversations, effects, faq_gaps, feedback, messages, steps, turns
from desk.storage.checkpoint_rows import CheckpointKey
from graphs.services import Services

Row = dict[str, Any]


def _checkpoint(row: Row) -> CheckpointKey:
    return CheckpointKey(row["thread_id"], row["checkpoint_ns"], row["checkpoint_id"])


_AADS: dict[tuple[str, str], Callable[[Row], bytes]] = {
    ("conversations", "title_sealed"): lambda row: conversations.title_aad(row["id"]),
    ("conversations", "vault_sealed"): lambda row: conversations.vault_aad(row["id"]),
    ("turns", "input_sealed"): lambda row: turns.input_aad(row["id"]),
    ("turns", "reply_sealed"): lambda row: turns.reply_aad(row["id"]),
    ("messages", "text_sealed"): lambda row: messages.text_aad(row["id"]),
    ("turn_steps", "steps_sealed"): lambda row: steps.steps_aad(row["turn_id"]),
    ("effects", "request_sealed"): lambda row: effects.effect_aad(row["turn_id"], row["ordinal"], "request"),
    ("effects", "result_sealed"): lambda row: effects.effect_aad(row["turn_id"], row["ordinal"], "result"),
    ("feedback", "comment_sealed"): lambda row: feedback.comment_aad(row["turn_id"]),
    ("faq_gap_questions", "vector_sealed"): lambda row: faq_gaps.vector_aad(row["turn_id"]),
    ("checkpoints", "checkpoint_sealed"): lambda row: checkpoint_rows.checkpoint_aad(_checkpoint(row)),
    ("checkpoints", "metadata_sealed"): lambda row: checkpoint_rows.metadata_aad(_checkpoint(row)),
    ("checkpoint_writes", "value_sealed"): lambda row: checkpoint_rows.write_aad(
        _checkpoint(row), row["task_id"], row["ordinal"], row["channel"]
    ),
}

_NOT_JSON = {
    "title_sealed",
    "text_sealed",
    "comment_sealed",
    "checkpoint_sealed",
    "metadata_sealed",
    "value_sealed",
    "vector_sealed",
}


async def opened(services: Services, owner_url: str, tenant: Tenant) -> AsyncIterator[tuple[str, str, bytes]]:
    """Table, column and plain bytes of every sealed value of a tenant's people who have not been erased."""
    master = services.engine.keys._master
    async with await psycopg.AsyncConnection.connect(owner_url, row_factory=dict_row) as conn:
        people = await (
            await conn.execute(
                "select id, wrapped_key from shared.subjects where tenant_id = %s", (tenant.id,)
            )
        ).fetchall()
        keys = {
            row["id"]: master.unwrap(row["wrapped_key"], subject=SubjectId(row["id"]))
            for row in people
            if row["wrapped_key"]
        }
        for (table, column), aad in _AADS.items():
            query = f"select * from shared.{table} where tenant_id = %s and length({column}) > 1"
            for row in await (await conn.execute(query.encode(), (tenant.id,))).fetchall():
                plain = keys[row["subject_id"]].open(bytes(row[column]), aad=aad(row))
                yield table, column, plain if column in _NOT_JSON else inflated(plain)
