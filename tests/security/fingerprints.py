"""Fingerprints: what a town's people own, table by table, so that a change of one byte is seen."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import sql

from tests.security.owners import Owner, Town

# Notes of use, and not of what is kept.
_PASSING = {"api_keys": ("last_used_at",)}


async def fingerprints(owner_url: str, towns: tuple[Town, ...]) -> Mapping[str, str]:
    """A hash for each table of the rows of all owners and of their towns' FAQs and keys; all schemas."""
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        found = {}
        for table in await _tables(conn):
            found[table] = await _fingerprint(conn, table, towns)
    return found


async def _tables(conn: psycopg.AsyncConnection[tuple[object, ...]]) -> list[str]:
    cursor = await conn.execute(
        "select c.relname from pg_policy p join pg_class c on c.oid = p.polrelid"
        " where p.polname = 'person' and c.relname <> 'subjects' order by 1"
    )
    return [str(row[0]) for row in await cursor.fetchall()] + ["subjects", "faqs", "api_keys"]


async def _fingerprint(
    conn: psycopg.AsyncConnection[tuple[object, ...]], table: str, towns: tuple[Town, ...]
) -> str:
    column, ids = _whose(table, [town.owner for town in towns])
    schema = "desk_control" if table == "api_keys" else "shared"
    kept = sql.SQL("to_jsonb(t)") + sql.SQL("").join(
        sql.SQL(" - {}").format(sql.Literal(name)) for name in _PASSING.get(table, ())
    )
    query = sql.SQL(
        "select count(*) || ':' || coalesce(md5(string_agg(w::text, '|' order by w::text)), '')"
        " from (select {} as w from {} t where t.{}::text = any(%s)) found"
    ).format(kept, sql.Identifier(schema, table), sql.Identifier(column))
    row = await (await conn.execute(query, (ids,))).fetchone()
    assert row is not None
    return str(row[0])


def _whose(table: str, owners: list[Owner]) -> tuple[str, list[str]]:
    if table == "faqs":
        return "external_id", [owner.ids["faq"] for owner in owners]
    if table == "api_keys":
        return "id", [owner.ids["api_key"] for owner in owners]
    return "id" if table == "subjects" else "subject_id", [
        who for owner in owners for who in (owner.ids["subject"], owner.ids["visitor"])
    ]
