"""A tenant's rows, all of them whatever their table: read page by page, and deleted batch by batch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from psycopg import sql

from desk.domain import Principal, Tenant, TenantId
from desk.errors import Misconfigured
from desk.storage import audit, near_index
from desk.storage.migrate import CONTROL, Connection, drop_placement
from desk.storage.pool import SHARED, Database

BATCH = 2000

# Keys of people, hashes under the master key and what is computed from other columns say nothing to anybody.
_LEFT_OUT = ("wrapped_key", "embedding", "words")


@dataclass(frozen=True, slots=True)
class Table:
    """A table that holds tenants' rows, with its schema and the columns of its primary key."""

    schema: str
    name: str
    key: tuple[str, ...]


async def list_tables(conn: Connection, schema: str) -> list[Table]:
    """The tables of a placement, or of the control schema, those that others refer to last.

    They are found by their column `tenant_id`, so that one that is made tomorrow is among them.
    """
    cursor = await conn.execute(_TABLES, (schema,))
    tables = {name: Table(schema, name, tuple(key)) for name, key in await cursor.fetchall()}
    cursor = await conn.execute(_REFERENCES, (schema,))
    order: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(tables, ()))
    for child, parent in await cursor.fetchall():
        order.add(parent, child)
    return [tables[name] for name in order.static_order() if name in tables]


async def read_pages(
    database: Database, tenant: Tenant, table: Table, *, size: int = 500
) -> AsyncIterator[list[dict[str, Any]]]:
    """A table's rows as plain data, without keys and hashes, in the order of the primary key."""
    key = sql.SQL(", ").join(map(sql.Identifier, table.key))
    worker, after = Principal(tenant.id, "worker"), None
    while True:
        behind: sql.Composable = sql.SQL("")
        if after is not None:
            places = sql.SQL(", ").join([sql.Placeholder()] * len(table.key))
            behind = sql.SQL("and ({}) > ({})").format(key, places)
        query = sql.SQL(
            "select to_jsonb(t), array[{}] from {} t where tenant_id = %s {} order by {} limit {}"
        ).format(
            sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in table.key),
            sql.Identifier(table.schema, table.name),
            behind,
            key,
            size,
        )
        async with database.tenant_tx(worker) as tx:
            rows = await (await tx.execute(query, (tenant.id, *(after or ())))).fetchall()
        if not rows:
            return
        yield [_plain(row) for row, _ in rows]
        after = rows[-1][1]


async def erase(conn: Connection, tenant: Tenant, by: Principal) -> AsyncIterator[tuple[str, int]]:
    """Delete a suspended tenant with all its rows, as the owner; tells each table with how many rows went.

    It may be broken off and begun again at any time: the tenant itself goes last, in one commit with the
    audit row among those who run the installation. A schema of its own is taken away with its role.
    """
    if tenant.status != "suspended":
        raise Misconfigured(f"Tenant {tenant.slug} is active; suspend it first.")
    total = 0
    await near_index.drop(conn, tenant)
    # The control schema is emptied last: triggers note there what goes on in the other one. What a job that
    # was at work has written meanwhile goes in another pass.
    schemas = (SHARED, CONTROL) if tenant.placement == SHARED else (CONTROL,)
    tables = [table for schema in schemas for table in await list_tables(conn, schema)]
    found = True
    while found:
        found = False
        for table in tables:
            gone = await _empty(conn, tenant.id, table)
            total += gone
            found |= gone > 0
            yield table.name, gone
    async with conn.transaction():
        if tenant.placement != SHARED:
            await drop_placement(conn, tenant.placement)
        await _enter(conn, tenant.id)
        for statement in _LAST:
            await conn.execute(statement.encode(), (tenant.id,))
        await _enter(conn, by.tenant_id)
        detail = {"rows": total, "placement": tenant.placement}
        await audit.record(conn, by, "tenant.erase", str(tenant.id), detail)


async def _empty(conn: Connection, tenant_id: TenantId, table: Table) -> int:
    place = sql.Identifier(table.schema, table.name)
    delete = sql.SQL(
        "delete from {table} where ctid = any(array(select ctid from {table} where tenant_id = %s limit %s))"
    ).format(table=place)
    # A row that somebody changed meanwhile was waited for and passed over: the next round finds it.
    left = sql.SQL("select 1 from {table} where tenant_id = %s limit 1").format(table=place)
    total, more = 0, True
    while more:
        async with conn.transaction():
            await _enter(conn, tenant_id)
            total += (await conn.execute(delete, (tenant_id, BATCH))).rowcount
            more = (await conn.execute(left, (tenant_id,))).rowcount > 0
    return total


async def _enter(conn: Connection, tenant_id: TenantId) -> None:
    """The owner stands under row-level security too."""
    await conn.execute(
        "select set_config('search_path', %s, true), set_config('app.tenant', %s, true),"
        " set_config('app.scope', 'worker', true)",
        (f"{SHARED}, desk_control, public", str(tenant_id)),
    )


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in row.items()
        if name not in _LEFT_OUT and not name.endswith(("_sealed", "_hash"))
    }


_TABLES = """
select c.relname, array(
    select a.attname::text from unnest(i.indkey) with ordinality as k (number, place)
    join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number order by k.place
)
from pg_class c join pg_index i on i.indrelid = c.oid and i.indisprimary
where c.relnamespace = %s::regnamespace and c.relkind = 'r'
    and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')
order by c.relname
"""
_REFERENCES = """
select child.relname, parent.relname from pg_constraint r
join pg_class child on child.oid = r.conrelid join pg_class parent on parent.oid = r.confrelid
where r.contype = 'f' and child.relnamespace = %s::regnamespace and child.oid <> parent.oid
"""
_LAST = (
    "delete from procrastinate_jobs where status <> 'doing' and args ->> 'tenant_id' = %s::text",
    "delete from tenants where id = %s",
)
