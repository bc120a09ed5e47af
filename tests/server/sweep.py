"""A sweep behind the curtain: in which tables, keys of Redis or files a word stands, in any spelling."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from redis.asyncio import Redis

from desk.embedded import Engines


async def tables_with(owner_url: str, words: Iterable[str]) -> dict[str, int]:
    """Rows by table in which one of the words stands in clear or as bytes; read by the owner, all schemas."""
    spellings = [form for word in words for form in (word, word.encode().hex(), _base64(word))]
    found: dict[str, int] = {}
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        cursor = await conn.execute(
            "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')"
        )
        for schema, table in await cursor.fetchall():
            query = sql.SQL(
                "select count(*) from {} t where exists (select from unnest(%s::text[]) w"
                " where position(w in t::text) > 0)"
            )
            hit = await conn.execute(query.format(sql.Identifier(schema, table)), (spellings,))
            row = await hit.fetchone()
            if row and row[0]:
                found[table] = int(row[0])
    return found


async def redis_with(stores: Engines, words: Iterable[str], *, except_for: str = "hits:") -> list[str]:
    """Keys of Redis that name one of the words or whose value holds it; rate limits count ids and may."""
    assert stores.redis_url is not None
    wanted = [word.encode() for word in words]
    found = []
    async with Redis.from_url(stores.redis_url) as redis:
        async for key in redis.scan_iter():
            if key.startswith(except_for.encode()):
                continue
            value: Any = await redis.dump(key)
            if any(word in key or word in (value or b"") for word in wanted):
                found.append(key.decode())
    return found


def files_with(folder: Path, words: Iterable[str]) -> list[str]:
    """Files under a folder that hold one of the words."""
    wanted = [word.encode() for word in words]
    found = []
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):  # others write and rename meanwhile
            content = path.read_bytes()
            found += [path.name] if any(word in content for word in wanted) else []
    return found


def _base64(word: str) -> str:
    return base64.b64encode(word.encode()).decode().rstrip("=")[:-1]
