"""The index of a tenant with very many vectors: made by the database's owner, used by its searches."""

from __future__ import annotations

from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from desk.domain import Tenant, TenantId

Connection = AsyncConnection[TupleRow]

# Below this, reading all vectors of a tenant takes a few milliseconds, and finds exactly the nearest.
WORTH_IT = 10_000
_PREFIX = "faq_embeddings_near_"
# Links of each vector, and how many are weighed for them: a search then goes less far, and loses no cluster.
_LINKS = (24, 100)


def name_of(tenant_id: TenantId) -> str:
    """What the tenant's index is called."""
    return f"{_PREFIX}{tenant_id.hex}"


async def make(conn: Connection, tenant: Tenant, dimensions: int) -> None:
    """Make the tenant's index, anew if it has one; `conn` is the owner's, which commits by itself.

    A minute or two for 100,000 vectors; meanwhile everybody reads and writes. It holds one tenant's vectors,
    so nothing of another's is in the way of a search. In half precision, which halves it: what it finds is
    weighed by the whole vectors.
    """
    await drop(conn, tenant)
    await conn.execute("set maintenance_work_mem = '256MB'")
    await conn.execute(
        sql.SQL(
            "create index concurrently {} on {} using hnsw"
            " ((embedding::public.halfvec({})) public.halfvec_ip_ops)"
            " with (m = {}, ef_construction = {}) where tenant_id = {}"
        ).format(
            sql.Identifier(name_of(tenant.id)),
            sql.Identifier(tenant.placement, "faq_embeddings"),
            sql.Literal(dimensions),
            *map(sql.Literal, _LINKS),
            sql.Literal(tenant.id),
        )
    )


async def drop(conn: Connection, tenant: Tenant) -> None:
    """Take the tenant's index away, if it has one."""
    await conn.execute(
        sql.SQL("drop index concurrently if exists {}").format(
            sql.Identifier(tenant.placement, name_of(tenant.id))
        )
    )


async def list_ready(conn: Connection) -> frozenset[str]:
    """Names of the indexes that searches may use."""
    cursor = await conn.execute(
        "select relname from pg_class join pg_index on indexrelid = oid"
        " where indisvalid and starts_with(relname, %s)",
        (_PREFIX,),
    )
    return frozenset(name for (name,) in await cursor.fetchall())
