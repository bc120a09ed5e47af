"""Connections to Postgres, and the one way to a tenant's rows: `tenant_tx(principal)` and what is like it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from desk.domain import Principal, TenantId
from desk.errors import Erased, Fenced, Misconfigured, Unavailable
from desk.storage import near_index
from desk.storage.patience import PatientConnection
from desk.storage.shares import Shares

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
_ENTER_READING = f"{_ENTER}, set_config('transaction_read_only', 'on', true)"
_SESSION = "-c statement_timeout=5000 -c idle_in_transaction_session_timeout=10000"
_FENCED = "DG001"  # raised by pass_fence() and hold_fence()
_ERASED = "DG003"  # raised by refuse_erased()
_BUSY = "The database is busy or away; try again shortly."
_CHECK_AFTER_IDLE_SECONDS = 5.0
_CHECK_SECONDS = 1.5
_INDEXES_SECONDS = 60.0
# Functions that run as the owner and do not look among temporary tables last. Only in schemas of the owner:
# what others installed is not ours to judge.
_FREE_DEFINERS = (
    "select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
    " where p.prosecdef and n.nspowner = (select nspowner from pg_namespace where nspname = 'desk_control')"
    " and not exists (select from unnest(p.proconfig) c where c ~ '^search_path=.*, pg_temp$')"
    " order by 1"
)
# A caller hears within five seconds that the database does not answer, a wait for a connection included.
_PATIENCE_SECONDS = 4.7
_KNOCK_SECONDS = 3
_SILENT = "Postgres does not answer at DATABASE_URL; is it running?"


class Database:
    """A bounded pool of connections; every transaction runs as the app role, which cannot bypass RLS."""

    def __init__(self, url: str, *, size: int = 10, acquire_seconds: float = 3.0) -> None:
        self._placements: dict[TenantId, str] = {}
        self._last_used: dict[int, float] = {}
        self._indexes: frozenset[str] = frozenset()
        self._indexes_until = 0.0
        # A tenant whose statements are slow, or many, leaves connections to the others.
        self._shares = Shares(max(1, size * 6 // 10))
        self._acquire_seconds = acquire_seconds
        self._url = url
        self._pool: AsyncConnectionPool[PatientConnection] = AsyncConnectionPool(
            url,
            connection_class=PatientConnection,
            min_size=min(2, size),
            max_size=size,
            max_lifetime=1800,
            kwargs={"autocommit": True, "options": _SESSION, "connect_timeout": 3},
            check=self._check,
            open=False,
            name="desk",
        )

    async def open(self) -> None:
        """Connect; raises Misconfigured when the database cannot be used safely."""
        check_address(self._url, "DATABASE_URL")
        try:
            await self._pool.open(wait=True, timeout=10)
        except PoolTimeout as error:
            await self._pool.close()
            raise Misconfigured(_SILENT) from error
        await self._refuse_unsafe_role()

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    def waiting(self) -> int:
        """How many wait for a connection now; who waits in a tenant's own line holds up nobody else."""
        return int(self._pool.get_stats().get("requests_waiting", 0))

    def crowded(self, tenant_id: TenantId) -> bool:
        """Whether so many stand in the tenant's own line that nothing new of it should be begun."""
        return self._shares.crowded(tenant_id)

    def place(self, tenant_id: TenantId, placement: str) -> None:
        """Remember in which schema a tenant's rows live."""
        self._placements[tenant_id] = placement

    async def has_near_index(self, tenant_id: TenantId) -> bool:
        """Whether the tenant's vectors have an index; a new one is noticed within a minute."""
        if time.monotonic() > self._indexes_until:
            self._indexes_until = time.monotonic() + _INDEXES_SECONDS
            async with self.control_tx() as tx:
                self._indexes = await near_index.list_ready(tx)
        return near_index.name_of(tenant_id) in self._indexes

    @asynccontextmanager
    async def tenant_tx(self, principal: Principal, *, pipeline: bool = False) -> AsyncIterator[Tx]:
        """One transaction that sees only what `principal` may see; commits at the end, rolls back on error.

        With `pipeline`, statements are sent without waiting; read the cursors at the end.
        """
        *caller, role = self._caller(principal, await self._placement(principal.tenant_id))
        caller = [role, *caller]
        async with self._connection(principal.tenant_id) as conn:
            if pipeline:
                async with conn.pipeline(), conn.transaction():
                    await conn.execute(_ENTER, caller)
                    yield conn
            else:
                async with conn.transaction():
                    await conn.execute(_ENTER, caller)
                    yield conn

    async def tenant_call(
        self, principal: Principal, function: str, values: Sequence[Any], *, tx: Tx | None = None
    ) -> TupleRow | None:
        """The one row of a function that takes the caller first and enters it by itself.

        One message there and one back, and a transaction of its own unless it is part of `tx`.
        """
        placement = await self._placement(principal.tenant_id)
        arguments = ", ".join(["%s"] * (len(values) + 1))
        statement = f'select * from "{placement}".{function}({arguments})'.encode()  # noqa: S608 - names of ours
        values = (_array(self._caller(principal, placement)), *values)
        if tx is not None:
            return await _first_row(tx, statement, values)
        if placement != SHARED:
            # Only the placement's own role may so much as name what is in it.
            async with self.tenant_tx(principal, pipeline=True) as own:
                return await _first_row(own, statement, values)
        with _telling():
            conn = await self._lent(principal.tenant_id)
            try:
                row = await _first_row(conn, statement, values)
                self._last_used[id(conn)] = time.monotonic()
                return row
            finally:
                await self._give_back(conn, principal.tenant_id)

    @asynccontextmanager
    async def tenant_reading(self, principal: Principal) -> AsyncIterator[Tx]:
        """As `tenant_tx` with a pipeline, for statements that only read; Postgres refuses any other.

        What is sent together is a transaction by itself, so nothing has to begin or end it. It counts also
        when the body raises: that is why it may not write.
        """
        *caller, role = self._caller(principal, await self._placement(principal.tenant_id))
        async with self._connection(principal.tenant_id) as conn, conn.pipeline():
            await conn.execute(_ENTER_READING, (role, *caller))
            yield conn

    @asynccontextmanager
    async def control_tx(self) -> AsyncIterator[Tx]:
        """One transaction on the cross-tenant tables, with no tenant set: tenants' rows stay invisible."""
        async with self._connection() as conn, conn.transaction():
            await conn.execute(_ENTER, (APP_ROLE, "desk_control, public", "", "", ""))
            yield conn

    async def _placement(self, tenant_id: TenantId) -> str:
        """Where the tenant's rows live; looked up once if nobody has told yet."""
        known = self._placements.get(tenant_id)
        if known is not None:
            return known
        async with self.control_tx() as tx:
            cursor = await tx.execute("select placement from tenants where id = %s", (tenant_id,))
            row = await cursor.fetchone()
        if row is None:
            return SHARED  # nobody's rows: the policies show none
        self._placements[tenant_id] = row[0]
        return str(row[0])

    def _caller(self, principal: Principal, placement: str) -> list[str]:
        """Search path, tenant, user, scope and role: what a transaction enters."""
        return [
            f"{placement}, desk_control, public",
            str(principal.tenant_id),
            str(principal.subject_id or ""),
            principal.scope,
            APP_ROLE if placement == SHARED else placement,
        ]

    async def ping(self) -> None:
        """One round trip; raises Unavailable when Postgres is away."""
        async with self._connection() as conn:
            await conn.execute("select 1")

    @asynccontextmanager
    async def _connection(self, tenant_id: TenantId | None = None) -> AsyncIterator[Tx]:
        with _telling():
            conn = await self._lent(tenant_id)
            try:
                yield conn
                self._last_used[id(conn)] = time.monotonic()
            finally:
                await self._give_back(conn, tenant_id)

    async def _lent(self, tenant_id: TenantId | None) -> PatientConnection:
        """A connection, of the tenant's share; what the wait took is taken off its first answer's time."""
        began = time.monotonic()
        if tenant_id is not None and not await self._shares.take(tenant_id, self._acquire_seconds):
            raise Unavailable(_BUSY)
        try:
            conn = await self._pool.getconn(self._acquire_seconds - (time.monotonic() - began))
        except BaseException:
            self._leave(tenant_id)
            raise
        conn.expect(_PATIENCE_SECONDS - (time.monotonic() - began), then=_PATIENCE_SECONDS)
        return conn

    async def _give_back(self, conn: PatientConnection, tenant_id: TenantId | None) -> None:
        try:
            await self._pool.putconn(conn)
        finally:
            self._leave(tenant_id)

    def _leave(self, tenant_id: TenantId | None) -> None:
        if tenant_id is not None:
            self._shares.leave(tenant_id)

    async def _check(self, conn: PatientConnection) -> None:
        """Test a connection before use, unless it worked a moment ago: a test costs a round trip."""
        idle = time.monotonic() - self._last_used.get(id(conn), 0.0)
        if idle > _CHECK_AFTER_IDLE_SECONDS:
            conn.expect(_CHECK_SECONDS, then=_CHECK_SECONDS)
            await AsyncConnectionPool.check_connection(conn)

    async def _refuse_unsafe_role(self) -> None:
        async with self._connection() as conn:
            cursor = await conn.execute(
                "select rolsuper or rolbypassrls, current_database(),"
                " has_database_privilege(oid, current_database(), 'temporary'),"
                " not exists (select from pg_tables"
                " where schemaname = 'desk_control' and tablename = 'migrations')"
                " from pg_roles where rolname = %s",
                (APP_ROLE,),
            )
            row = await cursor.fetchone()
            if row is not None:
                await refuse_stranger(conn)
            free = [name for (name,) in await (await conn.execute(_FREE_DEFINERS)).fetchall()]
        if row is None or row[3]:
            raise Misconfigured("The database is not migrated: run `desk migrate`.")
        if row[0]:
            raise Misconfigured(
                f"The role {APP_ROLE} may bypass row-level security; run"
                f" `alter role {APP_ROLE} nosuperuser nobypassrls`."
            )
        if row[2]:
            raise Misconfigured(
                "The application may make temporary tables, by which it could act as the database's owner;"
                f' run `desk migrate`, or as it `revoke temporary on database "{row[1]}" from public`.'
            )
        if free:
            raise Misconfigured(
                f"{', '.join(free)} run as the database's owner, and may find temporary tables before ours;"
                " run `desk migrate`, or give each `set search_path to <its schema>, pg_temp`."
            )


def check_address(url: str, variable: str) -> None:
    """Raises Misconfigured when this cannot be an address of Postgres; nothing is connected."""
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # it quotes what it could not read, maybe with a password
        raise Misconfigured(
            f"{variable} is no address of Postgres; write postgresql://name:password@host:5432/database."
        ) from None


async def refuse_silent(url: str) -> None:
    """Raises Misconfigured when Postgres does not let us in now; `Database.open` tries for a while."""
    check_address(url, "DATABASE_URL")
    try:
        conn = await psycopg.AsyncConnection.connect(url, connect_timeout=_KNOCK_SECONDS)
    except psycopg.OperationalError as error:
        raise Misconfigured(_SILENT) from error
    await conn.close()


async def refuse_stranger(conn: Tx) -> None:
    """Raises Misconfigured when this login may not act as the application's role, which is there."""
    cursor = await conn.execute("select pg_has_role(%s, 'member'), current_user", (APP_ROLE,))
    row = await cursor.fetchone()
    if row is not None and not row[0]:
        raise Misconfigured(
            f"The login {row[1]} may not act as {APP_ROLE}; set DATABASE_URL to one that may, or run"
            f" `grant {APP_ROLE} to {row[1]}` as the owner."
        )


@contextmanager
def _telling() -> Iterator[None]:
    """Raises what a refusal of Postgres or of the pool means."""
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable(_BUSY) from error
    except psycopg.OperationalError as error:
        raise Unavailable("The database went away; try again shortly.") from error
    except psycopg.DatabaseError as error:
        if error.sqlstate == _FENCED:
            raise Fenced from error
        if error.sqlstate == _ERASED:
            raise Erased from error
        raise


def _array(words: Sequence[str]) -> str:
    """An array of names of ours as Postgres writes it: the driver's own way costs ten times as much."""
    assert not any('"' in word or "\\" in word for word in words)
    return '{"' + '","'.join(words) + '"}'


async def _first_row(conn: Tx, statement: bytes, values: Sequence[Any]) -> TupleRow | None:
    # A connection is one caller's at a time, and its one cursor remembers how to write what it wrote before.
    cursor = conn.calls if isinstance(conn, PatientConnection) else conn.cursor(binary=True)
    await cursor.execute(statement, values)
    return await cursor.fetchone()
