"""Brings the database to the shape of `migrations/`: numbered SQL files, forward only, one runner at once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from desk.errors import Misconfigured
from desk.storage.pool import APP_ROLE, SHARED, Database, check_address, refuse_stranger

Connection = AsyncConnection[TupleRow]

CONTROL = "desk_control"

_LOCK = 0x6465736B  # any number, as long as every process uses the same one
_NAME = re.compile(r"(\d{4})_([a-z_]+)\.sql")
_SCOPE = re.compile(r"\A-- scope: (control|placement)\n")

_GROUND = (
    "do $$ begin if not exists (select from pg_roles where rolname = 'desk_app') then"
    " create role desk_app nologin nosuperuser nobypassrls; end if; end $$",
    "grant desk_app to current_user",
    "create schema if not exists desk_control",
    "create extension if not exists vector schema public",
    "create table if not exists desk_control.migrations (placement text not null, number int not null,"
    " name text not null, sha256 text not null, applied_at timestamptz not null default now(),"
    " primary key (placement, number))",
    "grant select on desk_control.migrations to desk_app",
)

# A function that runs as its owner finds a temporary table before ours of that name, and runs its triggers.
_NO_TEMPORARY_TABLES = (
    "do $$ begin execute format('revoke temporary on database %I from public', current_database()); end $$"
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file; `control` runs once, `placement` runs in every schema that holds tenants."""

    number: int
    name: str
    scope: Literal["control", "placement"]
    text: str

    @property
    def sha256(self) -> str:
        """Hash of the text; a file that ran must never change."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_migrations(folder: Path) -> tuple[Migration, ...]:
    """The numbered files of `folder` in order; raises Misconfigured on a gap or a missing scope line."""
    migrations = tuple(_read(path) for path in sorted(folder.glob("*.sql")))
    numbers = [migration.number for migration in migrations]
    if numbers != list(range(1, len(numbers) + 1)):
        raise Misconfigured(f"Migrations must be numbered 1, 2, 3 ... without gaps; found {numbers}.")
    return migrations


async def migrate(url: str, folder: Path, *, say: Callable[[str], None]) -> int:
    """Apply what is missing and return how many files ran; several processes may call this at once.

    One that was broken off goes on where it was. Whoever does not own the tables may find that nothing is
    missing; raises Misconfigured when something is, or when a newer version was here.
    """
    migrations = read_migrations(folder)
    async with connected_owner(url) as conn:
        await conn.execute("select pg_advisory_lock(%s)", (_LOCK,))
        if await is_anothers(conn):
            await refuse_stranger(conn)
            await _refuse_behind(conn, migrations)
            return 0
        await _lay_ground(conn)
        _refuse_newer(await _applied(conn), migrations)
        return await _apply_missing(conn, migrations, say)


@asynccontextmanager
async def connected_owner(url: str) -> AsyncIterator[Connection]:
    """The owner's connection, which commits by itself; raises Misconfigured when Postgres does not answer."""
    check_address(url, "DATABASE_URL or DESK_MIGRATION_DATABASE_URL")
    try:
        conn = await AsyncConnection.connect(url, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise Misconfigured(f"Postgres does not answer for migrations: {error}") from error
    async with conn:
        yield conn


async def make_placement(
    conn: Connection, placement: str, folder: Path, *, say: Callable[[str], None]
) -> None:
    """A schema with all tables, and a role of its name, which the application may take and nobody else."""
    await conn.execute("select pg_advisory_lock(%s)", (_LOCK,))
    role = sql.Identifier(placement)
    cursor = await conn.execute("select 1 from pg_roles where rolname = %s", (placement,))
    if await cursor.fetchone() is None:
        await _create_role(conn, role)
    await conn.execute(sql.SQL("grant desk_placed to {}").format(role))
    await conn.execute(
        sql.SQL("grant {} to {} with inherit false, set true").format(role, sql.Identifier(APP_ROLE))
    )
    await _migrate_placement(conn, placement, read_migrations(folder), say)


async def _create_role(conn: Connection, role: sql.Identifier) -> None:
    try:
        await conn.execute(sql.SQL("create role {} nologin nosuperuser nobypassrls").format(role))
    except psycopg.errors.InsufficientPrivilege:
        raise Misconfigured(
            "A tenant in a schema of its own has a role of its own, and the owner's login may not make roles:"
            f" run `alter role {conn.info.user} createrole` as a superuser."
        ) from None


async def drop_placement(conn: Connection, placement: str) -> None:
    """Take the schema away with all that is in it, and its role."""
    if placement in (CONTROL, SHARED):
        raise Misconfigured(f"The schema {placement} belongs to no tenant alone.")
    async with conn.transaction():
        await conn.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(placement)))
        await conn.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(placement)))
        await conn.execute("delete from desk_control.migrations where placement = %s", (placement,))


async def is_anothers(conn: Connection) -> bool:
    """Whether the tables are there, and belong to somebody whose rights this login does not have."""
    cursor = await conn.execute(
        "select not pg_has_role(nspowner, 'usage') from pg_namespace where nspname = %s", (CONTROL,)
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def refuse_behind(database: Database, folder: Path) -> None:
    """Raises Misconfigured when the open database is not in today's shape, but an older or later one."""
    async with database.control_tx() as tx:
        behind = await _count_behind(tx, read_migrations(folder))
    if behind:
        raise Misconfigured(f"The database is behind by {behind} migrations: run `desk migrate`.")


async def _count_behind(conn: Connection, migrations: tuple[Migration, ...]) -> int:
    done = await _applied(conn)
    _refuse_newer(done, migrations)
    return sum(len(_missing(migrations, placement, done[placement])) for placement in done)


async def _refuse_behind(conn: Connection, migrations: tuple[Migration, ...]) -> None:
    behind = await _count_behind(conn, migrations)
    if behind:
        raise Misconfigured(
            f"The database is behind by {behind} migrations, and this login does not own it; run"
            " `desk migrate` with DESK_MIGRATION_DATABASE_URL."
        )


async def _lay_ground(conn: Connection) -> None:
    cursor = await conn.execute("select to_regclass('desk_control.migrations') is not null")
    row = await cursor.fetchone()
    if row and row[0]:
        return
    for statement in _GROUND:
        await conn.execute(statement.encode())


async def _apply_missing(
    conn: Connection, migrations: tuple[Migration, ...], say: Callable[[str], None]
) -> int:
    ran = await _migrate_placement(conn, CONTROL, migrations, say)
    await conn.execute("select desk_control.share_grants('desk_control', 'desk_placed')")
    await conn.execute(_NO_TEMPORARY_TABLES.encode())
    placements = await _placements(conn)
    done = await _applied(conn)
    for number, placement in enumerate(placements, 1):
        behind = _missing(migrations, placement, done.get(placement, {}))
        if behind:
            say(f"[{number}/{len(placements)}] {placement} is behind by {len(behind)} migrations")
            ran += await _migrate_placement(conn, placement, migrations, say)
    return ran


async def _migrate_placement(
    conn: Connection, placement: str, migrations: tuple[Migration, ...], say: Callable[[str], None]
) -> int:
    """Each file in a transaction of its own, so what broke off goes on where it was; how many ran."""
    missing = _missing(migrations, placement, (await _applied(conn, placement)).get(placement, {}))
    for migration in missing:
        say(f"migrating {placement}: {migration.number:04d} {migration.name}")
        await _apply(conn, placement, migration)
    return len(missing)


def _refuse_newer(done: dict[str, dict[int, str]], migrations: tuple[Migration, ...]) -> None:
    """Raises Misconfigured when a later version was here: this one does not know what it made."""
    newest = max((number for numbers in done.values() for number in numbers), default=0)
    if newest > len(migrations):
        raise Misconfigured(
            f"The database was migrated by a newer version (to {newest:04d}; this one knows"
            f" {len(migrations):04d}). Use that version, or restore a backup from before."
        )


def _missing(migrations: tuple[Migration, ...], placement: str, done: dict[int, str]) -> list[Migration]:
    """What has not run there; raises Misconfigured when one that ran was changed since."""
    meant = [one for one in migrations if (one.scope == "control") == (placement == CONTROL)]
    for migration in meant:
        if migration.number in done:
            _refuse_changed(migration, done[migration.number])
    return [migration for migration in meant if migration.number not in done]


async def _apply(conn: Connection, placement: str, migration: Migration) -> None:
    schema = sql.Identifier(placement)
    async with conn.transaction():
        await conn.execute(sql.SQL("create schema if not exists {}").format(schema))
        await conn.execute(sql.SQL("grant usage on schema {} to {}").format(schema, sql.Identifier(APP_ROLE)))
        await conn.execute(sql.SQL("set local search_path to {}, public").format(schema))
        await conn.execute(migration.text.encode())
        await conn.execute(
            "insert into desk_control.migrations (placement, number, name, sha256) values (%s, %s, %s, %s)",
            (placement, migration.number, migration.name, migration.sha256),
        )
        if placement not in (CONTROL, SHARED):
            await conn.execute("select desk_control.hand_over(%s)", (placement,))


async def _placements(conn: Connection) -> list[str]:
    """Every schema that holds tenants, the shared one first."""
    cursor = await conn.execute(
        "select distinct placement from desk_control.tenants where placement <> %s order by 1", (SHARED,)
    )
    return [SHARED, *(row[0] for row in await cursor.fetchall())]


async def _applied(conn: Connection, placement: str | None = None) -> dict[str, dict[int, str]]:
    """The hashes of what ran, by placement and number, of one placement or of all."""
    cursor = await conn.execute(
        "select placement, number, sha256 from desk_control.migrations"
        " where placement = coalesce(%s, placement)",
        (placement,),
    )
    applied: dict[str, dict[int, str]] = {}
    for name, number, sha256 in await cursor.fetchall():
        applied.setdefault(name, {})[number] = sha256
    return applied


def _read(path: Path) -> Migration:
    text = path.read_text()
    name, scope = _NAME.fullmatch(path.name), _SCOPE.match(text)
    if name is None or scope is None:
        raise Misconfigured(f"{path.name}: name it NNNN_noun.sql and begin it with `-- scope: placement`.")
    kind: Literal["control", "placement"] = "control" if scope[1] == "control" else "placement"
    return Migration(int(name[1]), name[2], kind, text)


def _refuse_changed(migration: Migration, sha256: str) -> None:
    if migration.sha256 != sha256:
        raise Misconfigured(
            f"Migration {migration.number:04d} was changed after it ran; undo the change and add a new file."
        )
