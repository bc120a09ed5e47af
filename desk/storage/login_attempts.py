"""Login attempts: how often somebody guessed at an address, and how long they must wait by now."""

from __future__ import annotations

import math

from desk.storage.pool import Tx

FREE_FAILURES = 5
FIRST_WAIT_SECONDS = 15
LONGEST_WAIT_SECONDS = 900

# Counted before the password is looked at, so that guesses at the same moment are all counted.
_TAKE = """
insert into login_attempts as a (identity_hash, failures, locked_until)
values (%(who)s, 1, now())
on conflict (identity_hash) do update set
    failures = case when a.last_at < now() - interval '1 day' then 1 else a.failures + 1 end,
    last_at = now(),
    locked_until = case
        when a.failures + 1 < %(free)s or a.last_at < now() - interval '1 day' then now()
        else now() + make_interval(secs => least(%(longest)s,
            %(first)s * power(2, least(a.failures + 1 - %(free)s, 10)))) end
where a.locked_until <= now()
"""


async def take(tx: Tx, identity_hash: bytes) -> int | None:
    """Count an attempt as failed until `clear` is called; whole seconds to wait when it is not taken."""
    cursor = await tx.execute(
        _TAKE,
        {
            "who": identity_hash,
            "free": FREE_FAILURES,
            "first": FIRST_WAIT_SECONDS,
            "longest": LONGEST_WAIT_SECONDS,
        },
    )
    if cursor.rowcount == 1:
        return None
    cursor = await tx.execute(
        "select extract(epoch from locked_until - now()) from login_attempts where identity_hash = %s",
        (identity_hash,),
    )
    row = await cursor.fetchone()
    return max(1, math.ceil(row[0])) if row else 1


async def clear(tx: Tx, identity_hash: bytes) -> None:
    """Forget the failures: whoever it is has proved it."""
    await tx.execute("delete from login_attempts where identity_hash = %s", (identity_hash,))


async def delete_old(tx: Tx, *, hours: int) -> int:
    """Forget guesses that ended so long ago; returns how many rows went."""
    cursor = await tx.execute(
        "delete from login_attempts where last_at < now() - make_interval(hours => %s)", (hours,)
    )
    return cursor.rowcount
