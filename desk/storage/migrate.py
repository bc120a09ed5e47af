"""Brings the database to the shape of `migrations/`: numbered SQL files, forward only, one runner at once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from desk.errors import Misconfigured
from desk.storage.pool import APP_ROLE, SHARED

Connection = AsyncConnection[TupleRow]

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
    """Apply what is missing and return how many files ran; several processes may call this at once."""
    try:
        conn = await AsyncConnection.connect(url, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise Misconfigured(f"Postgres does not answer for migrations: {error}") from error
    async with conn:
        await conn.execute("select pg_advisory_lock(%s)", (_LOCK,))
        await _lay_ground(conn)
        return await _apply_missing(conn, read_migrations(folder), say)


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
    ran = 0
    for placement in await _placements(conn):
        done = await _applied(conn, placement)
        for migration in migrations:
            if (migration.scope == "control") != (placement == "desk_control"):
                continue
            if migration.number in done:
                _refuse_changed(migration, done[migration.number])
                continue
            say(f"migrating {placement}: {migration.number:04d} {migration.name}")
            await _apply(conn, placement, migration)
            ran += 1
    return ran


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


async def _placements(conn: Connection) -> list[str]:
    """The control schema first, then every schema that holds tenants."""
    found = {SHARED}
    cursor = await conn.execute("select to_regclass('desk_control.tenants') is not null")
    row = await cursor.fetchone()
    if row and row[0]:
        cursor = await conn.execute("select distinct placement from desk_control.tenants")
        found.update(row[0] for row in await cursor.fetchall())
    return ["desk_control", *sorted(found)]


async def _applied(conn: Connection, placement: str) -> dict[int, str]:
    cursor = await conn.execute(
        "select number, sha256 from desk_control.migrations where placement = %s", (placement,)
    )
    return dict(await cursor.fetchall())


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
