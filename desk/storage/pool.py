"""Connections to Postgres, and the one way to touch a tenant's rows: `tenant_tx(principal)`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from desk.domain import Principal, TenantId
from desk.errors import Fenced, Misconfigured, Unavailable

Tx = AsyncConnection[TupleRow]
Cursor = AsyncCursor[TupleRow]

APP_ROLE = "desk_app"
SHARED = "shared"

# One statement enters the app role, the schema and the caller for this transaction only,
# so it holds behind a transaction pooler and costs one message.
_ENTER = (
    "select set_config('role', %s, true), set_config('search_path', %s, true),"
    " set_config('app.tenant', %s, true), set_config('app.user', %s, true), set_config('app.scope', %s, true)"
)
_SESSION = "-c statement_timeout=5000 -c idle_in_transaction_session_timeout=10000"
_FENCED = "DG001"  # raised by pass_fence() in migrations/0001_control.sql
_CHECK_AFTER_IDLE_SECONDS = 5.0


class Database:
    """A bounded pool of connections; every transaction runs as the app role, which cannot bypass RLS."""

    def __init__(self, url: str, *, size: int = 10, acquire_seconds: float = 3.0) -> None:
        self._placements: dict[TenantId, str] = {}
        self._last_used: dict[int, float] = {}
        self._pool = AsyncConnectionPool(
            url,
            min_size=min(2, size),
            max_size=size,
            timeout=acquire_seconds,
            max_lifetime=1800,
            kwargs={"autocommit": True, "options": _SESSION, "connect_timeout": 3},
            check=self._check,
            open=False,
            name="desk",
        )

    async def open(self) -> None:
        """Connect; raises Misconfigured when the database cannot be used safely."""
        try:
            await self._pool.open(wait=True, timeout=10)
        except PoolTimeout as error:
            await self._pool.close()
            raise Misconfigured("Postgres does not answer at DATABASE_URL; is it running?") from error
        await self._refuse_unsafe_role()

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    def place(self, tenant_id: TenantId, placement: str) -> None:
        """Remember in which schema a tenant's rows live."""
        self._placements[tenant_id] = placement

    @asynccontextmanager
    async def tenant_tx(self, principal: Principal, *, pipeline: bool = False) -> AsyncIterator[Tx]:
        """One transaction that sees only what `principal` may see; commits at the end, rolls back on error.

        With `pipeline`, statements are sent without waiting; read the cursors at the end.
        """
        placement = self._placements.get(principal.tenant_id, SHARED)
        caller = (
            APP_ROLE,
            f"{placement}, desk_control, public",
            str(principal.tenant_id),
            str(principal.subject_id or ""),
            principal.scope,
        )
        async with self._connection() as conn:
            if pipeline:
                async with conn.pipeline(), conn.transaction():
                    await conn.execute(_ENTER, caller)
                    yield conn
            else:
                async with conn.transaction():
                    await conn.execute(_ENTER, caller)
                    yield conn

    @asynccontextmanager
    async def control_tx(self) -> AsyncIterator[Tx]:
        """One transaction on the cross-tenant tables, with no tenant set: tenants' rows stay invisible."""
        async with self._connection() as conn, conn.transaction():
            await conn.execute(_ENTER, (APP_ROLE, "desk_control, public", "", "", ""))
            yield conn

    async def ping(self) -> None:
        """One round trip; raises Unavailable when Postgres is away."""
        async with self._connection() as conn:
            await conn.execute("select 1")

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Tx]:
        try:
            async with self._pool.connection() as conn:
                yield conn
                self._last_used[id(conn)] = time.monotonic()
        except PoolTimeout as error:
            raise Unavailable("The database is busy or away; try again shortly.") from error
        except psycopg.OperationalError as error:
            raise Unavailable("The database went away; try again shortly.") from error
        except psycopg.DatabaseError as error:
            if error.sqlstate == _FENCED:
                raise Fenced from error
            raise

    async def _check(self, conn: AsyncConnection[Any]) -> None:
        """Test a connection before use, unless it worked a moment ago: a test costs a round trip."""
        idle = time.monotonic() - self._last_used.get(id(conn), 0.0)
        if idle > _CHECK_AFTER_IDLE_SECONDS:
            await AsyncConnectionPool.check_connection(conn)

    async def _refuse_unsafe_role(self) -> None:
        async with self._connection() as conn:
            cursor = await conn.execute(
                "select rolsuper or rolbypassrls from pg_roles where rolname = %s", (APP_ROLE,)
            )
            row = await cursor.fetchone()
        if row is None:
            raise Misconfigured("The database is not migrated: run `desk migrate`.")
        if row[0]:
            raise Misconfigured(
                f"The role {APP_ROLE} may bypass row-level security; run"
                f" `alter role {APP_ROLE} nosuperuser nobypassrls`."
            )
