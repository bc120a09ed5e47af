"""Hunting: where a marker stands, in any encoding, in tables, Redis, files and raw pages."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql
from redis.asyncio import Redis

from desk.embedded import Engines

_HEX = re.compile(rb"\\\\x((?:[0-9a-f]{2})+)")


def spellings(word: str) -> list[bytes]:
    """The bytes in which a word may lie: raw, in JSON, in an address, as hex, base64 or UTF-16."""
    raw = word.encode()
    escaped = "".join(f"\\u{ord(char):04x}" for char in word)
    texts = [word, quote(word, safe=""), escaped, raw.hex(), raw.hex().upper()]
    forms = [text.encode() for text in texts] + [word.encode("utf-16-le"), word.encode("utf-16-be")]
    # Base64 has three forms, by where the word begins; the signs at its edges also hold what stands beside.
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw)
        whole = coded[-(-shift * 4 // 3) : (shift + len(raw)) * 8 // 6]
        forms += [whole, whole.translate(bytes.maketrans(b"+/", b"-_"))]
    return list(dict.fromkeys(forms))


class Hunt:
    """Looks for a few words in all spellings; letters count in any case where they are text."""

    def __init__(self, words: Iterable[str]) -> None:
        forms = sorted({form for word in words for form in spellings(word)}, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, forms)))

    def hits(self, data: bytes) -> int:
        """How often one of them stands in the data."""
        return len(self._pattern.findall(data))


async def tables(owner_url: str) -> AsyncIterator[tuple[str, bytes]]:
    """Every table but the catalogue's, as COPY writes it (bytes as hex), read by the database's owner."""
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        cursor = await conn.execute(
            "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')"
        )
        for schema, table in await cursor.fetchall():
            query = sql.SQL("copy (select * from {}) to stdout").format(sql.Identifier(schema, table))
            async with conn.cursor().copy(query) as copy:
                yield f"{schema}.{table}", b"".join([bytes(block) async for block in copy])


def in_bytes(copied: bytes) -> bytes:
    """What COPY wrote, with bytes as they are: nine random hex digits are soon somebody's number."""
    return _HEX.sub(lambda found: bytes.fromhex(found[1].decode()), copied)


async def redis_keys(stores: Engines) -> AsyncIterator[tuple[str, bytes]]:
    """Every key of Redis with all that it holds; what is compressed is read by its type, not as a dump."""
    assert stores.redis_url is not None
    async with Redis.from_url(stores.redis_url) as redis:
        async for key in redis.scan_iter(count=1000):
            yield key.decode(errors="replace"), key + b"\0" + repr(await _held(redis, key)).encode()


async def _held(redis: Any, key: bytes) -> object:
    read = {
        b"string": lambda: redis.get(key),
        b"stream": lambda: redis.xrange(key),
        b"hash": lambda: redis.hgetall(key),
        b"list": lambda: redis.lrange(key, 0, -1),
        b"zset": lambda: redis.zrange(key, 0, -1, withscores=True),
        b"set": lambda: redis.smembers(key),
    }
    reader = read.get(await redis.type(key))
    return await reader() if reader else None  # it has run out since it was listed


def files(folder: Path, *, below: tuple[str, ...] = ()) -> Iterator[tuple[str, bytes]]:
    """Every file under a folder, or under some folders in it."""
    for start in [folder / name for name in below] or [folder]:
        for path in sorted(start.rglob("*")):
            if path.is_file():
                yield str(path.relative_to(folder)), path.read_bytes()
