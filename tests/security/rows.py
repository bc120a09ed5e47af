"""Rows: statements without any condition, as every kind of caller; row-level security is all there is.

Every table that row-level security fences is read, written and emptied without a `where`, as each kind of
caller of two tenants; each transaction is rolled back. What is reached must be the caller's own: their
tenant's, and for people and visitors their own person's. A data key is asked for in another tenant's name
while it is in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
from psycopg import sql

from desk.domain import Principal, SubjectId
from desk.errors import NotFound
from desk.storage.pool import Database, Tx
from tests.measured.figures import Section
from tests.security.ground import Ground
from tests.security.owners import Owner, Town, build_town

_TABLES = """
select n.nspname, c.relname,
    (select a.attname from pg_attribute a where a.attrelid = c.oid and not a.attisdropped
        and a.attname = case c.relname when 'subjects' then 'id' else 'subject_id' end
        and exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'person'))
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relrowsecurity and n.nspname in ('shared', 'desk_control') order by 1, 2
"""


class _Undo(Exception):
    """Rolls a transaction back."""


@dataclass(frozen=True, slots=True)
class Fenced:
    """A table under row-level security; `person` is the column of whose row it is, if it is a person's."""

    schema: str
    name: str
    person: str | None


@dataclass(slots=True)
class Reached:
    """Counts, and what was reached that is somebody else's."""

    statements: int = 0
    others_rows: int = 0
    found: list[str] = field(default_factory=list)


async def measure(ground: Ground, rounds: int) -> Section:
    """P8 below the application."""
    section = Section.of("P8", "Row-level security and keys alone", __doc__)
    reached, tables = Reached(), await fenced_tables(ground.owner_url)
    with section.timed():
        for _ in range(rounds):
            towns = (await build_town(ground), await build_town(ground))
            await reach(ground, towns, tables, reached)
    trials = f"{reached.statements:,} statements on {len(tables)} tables"
    section.none("rows and keys of somebody else that were reached", len(reached.found), trials)
    section.notes += reached.found[:10]
    return section


async def fenced_tables(owner_url: str) -> list[Fenced]:
    """Every table with row-level security, from the catalogue."""
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        return [Fenced(*row) for row in await (await conn.execute(_TABLES)).fetchall()]


async def reach(ground: Ground, towns: tuple[Town, Town], tables: list[Fenced], reached: Reached) -> None:
    """Every caller at every table, and at the other's keys."""
    database, keys = ground.desk.services.engine.database, ground.desk.services.engine.keys
    for home, away in (towns, towns[::-1]):
        for who in _callers(home):
            for table in tables:
                await _without_condition(database, who, table, reached)
        theirs = SubjectId(UUID(away.owner.ids["subject"]))
        await keys.data_key(Principal(away.tenant.id, "user", theirs))  # so that it is in memory
        reached.statements += 1
        with suppress(NotFound):
            await keys.data_key(Principal(home.tenant.id, "admin", theirs))
            reached.found.append("a data key of another tenant")


def _callers(town: Town) -> Iterator[Principal]:
    owner: Owner = town.owner
    for scope in ("user", "agent", "admin", "worker"):
        yield Principal(town.tenant.id, scope, SubjectId(UUID(owner.ids["subject"])))
    yield Principal(town.tenant.id, "user", SubjectId(UUID(owner.ids["visitor"])))
    yield Principal(town.tenant.id, "user")


async def _without_condition(database: Database, who: Principal, table: Fenced, reached: Reached) -> None:
    name = sql.Identifier(table.schema, table.name)
    for act in (
        sql.SQL("select tenant_id, {} from {}"),
        sql.SQL("update {1} set tenant_id = tenant_id returning tenant_id, {0}"),
        sql.SQL("delete from {1} returning tenant_id, {0}"),
    ):
        whose = sql.Identifier(table.person) if table.person else sql.SQL("null::uuid")
        reached.statements += 1
        with suppress(_Undo, psycopg.errors.InsufficientPrivilege):
            async with database.tenant_tx(who) as tx:
                foreign = await _foreign(tx, act.format(whose, name), who)
                if foreign:
                    reached.found.append(f"{foreign} rows of {table.name} as {who.scope}")
                raise _Undo


async def _foreign(tx: Tx, statement: sql.Composed, who: Principal) -> int:
    """How many rows it reached that are not the caller's."""
    try:
        rows = await (await tx.execute(statement)).fetchall()
    except psycopg.errors.IntegrityError:
        return 0  # one's own rows hang together; a policy lets a delete reach what it lets a select reach
    staff = who.scope != "user"
    return sum(
        tenant != who.tenant_id or (not staff and person not in (None, who.subject_id))
        for tenant, person in rows
    )
