"""The jobs' tables are those of the Procrastinate that is installed."""

from __future__ import annotations

from pathlib import Path

import procrastinate

import migrations
from desk.storage.pool import Database


def test_the_migrations_hold_the_schema_of_the_installed_version() -> None:
    shipped = (Path(procrastinate.__file__).parent / "sql" / "schema.sql").read_text()
    ours = "".join(path.read_text() for path in sorted(migrations.FOLDER.glob("*.sql")))
    tables = shipped.partition("-- Enums")[2].strip()
    assert tables
    assert tables in ours, (
        "Procrastinate changed its schema: add a migration with its own changes, then say so here"
    )


async def test_the_app_role_owns_none_of_it_and_may_use_all_of_it(database: Database) -> None:
    async with database.control_tx() as tx:
        cursor = await tx.execute(
            "select tablename, tableowner = current_user,"
            " has_table_privilege(current_user, tablename::regclass, 'select, insert, update, delete')"
            " from pg_tables where schemaname = 'desk_control' and tablename like 'procrastinate%'"
        )
        found = await cursor.fetchall()
    assert sorted(found) == [
        (f"procrastinate_{name}", False, True) for name in ("events", "jobs", "periodic_defers", "workers")
    ]
