"""Master keys: which ones wrap data keys, by id, and how many data keys each of them still has."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from desk.domain import SubjectId
from desk.storage.pool import Tx


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A subject's data key under another master key than the current one."""

    subject_id: SubjectId
    wrapped_key: bytes


async def list_all(tx: Tx) -> dict[bytes, bytes]:
    """The root, wrapped by each known key, by the key's id; the newest first."""
    cursor = await tx.execute("select id, root_wrapped from master_keys order by noted_at desc, id")
    return dict(await cursor.fetchall())


async def note(tx: Tx, key_id: bytes, root_wrapped: bytes) -> None:
    """Know a key; one that is known already stays as it is."""
    await tx.execute(
        "insert into master_keys (id, root_wrapped) values (%s, %s) on conflict do nothing",
        (key_id, root_wrapped),
    )


async def keep_only(tx: Tx, key_id: bytes) -> None:
    """Forget all other keys: nothing is wrapped by them any more."""
    await tx.execute("delete from master_keys where id <> %s", (key_id,))


async def count_by_mark(tx: Tx, length: int) -> dict[bytes, int]:
    """How many data keys of the tenant begin with the same `length` bytes."""
    cursor = await tx.execute(
        "select substring(wrapped_key for %(length)s), count(*) from subjects where wrapped_key is not null"
        " group by 1",
        {"length": length},
    )
    return dict(await cursor.fetchall())


async def hold_foreign(tx: Tx, mark: bytes, after: UUID | None, *, limit: int) -> list[Wrapped]:
    """Data keys of the tenant that do not begin with the mark, held until the transaction ends."""
    cursor = await tx.execute(
        "select id, wrapped_key from subjects where wrapped_key is not null"
        " and substring(wrapped_key for %(length)s) <> %(mark)s"
        " and (%(after)s::uuid is null or id > %(after)s) order by id limit %(limit)s for no key update",
        {"length": len(mark), "mark": mark, "after": after, "limit": limit},
    )
    return [Wrapped(*row) for row in await cursor.fetchall()]


async def replace(tx: Tx, keys: list[Wrapped]) -> None:
    """Store data keys that were held, wrapped anew."""
    await tx.execute(
        "update subjects s set wrapped_key = n.wrapped_key"
        " from unnest(%s::uuid[], %s::bytea[]) as n (id, wrapped_key) where s.id = n.id",
        ([key.subject_id for key in keys], [key.wrapped_key for key in keys]),
    )
