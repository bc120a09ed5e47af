"""Tenancy: makes, changes, suspends, exports and erases tenants; each act commits its audit row too."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal
from uuid import UUID

import orjson

import migrations
from desk.domain import (
    ConversationId,
    MessageId,
    Principal,
    SubjectId,
    Tenant,
    TenantId,
    TenantStatus,
    new_id,
)
from desk.errors import Conflict, InvalidInput, NotFound
from desk.models.embeddings import MiniLM
from desk.privacy.pseudonyms import Vault, restore
from desk.privacy.sealing import SealBroken
from desk.settings import Settings
from desk.storage import audit, conversations, faqs, messages, near_index, tenant_rows, tenants
from desk.storage.migrate import (
    CONTROL,
    Connection,
    connected_owner,
    drop_placement,
    is_anothers,
    make_placement,
)
from desk.storage.pool import SHARED, Database
from desk.storage.tenants import PLATFORM, StoredTenant, read_settings
from desk.subjects.keys import KeyRing
from desk.subjects.reading import message_or_pass
from desk.telemetry.broken_seals import note_broken
from graphs.commits.inbox import open_vault
from prompts.intents import NEW_PACK
from server.promises import Promises
from server.schemas import SLUG
from server.tenant_settings import changed_settings

Say = Callable[[str], None]
_SLACK_SECONDS = 2.0
Kind = Literal["shared", "own"]


@dataclass(frozen=True, slots=True)
class Tenancy:
    """What is done with tenants; `who` acts: an operator, or of their own settings a tenant's admin."""

    settings: Settings
    database: Database
    keys: KeyRing
    who: Principal
    promises: Promises

    async def create(
        self, slug: str, name: str, settings: dict[str, Any], placement: Kind, say: Say = lambda _: None
    ) -> StoredTenant:
        """A new tenant, in the shared schema or one of its own.

        Raises Conflict when the slug is taken, InvalidInput when it is none or a setting is wrong.
        """
        if not re.fullmatch(SLUG, slug):
            raise InvalidInput("A slug is up to 63 small letters, digits and hyphens, such as my-shop.")
        kept = changed_settings({"intent_pack": NEW_PACK}, settings)
        tenant_id = TenantId(new_id())
        schema = SHARED if placement == "shared" else f"tenant_{tenant_id.hex}"
        if await self._stored(slug) is not None:
            raise Conflict(f"There is a tenant {slug} already; choose another slug.")
        if "promised_error" in kept:
            self.database.place(tenant_id, SHARED)  # it has no prompts of its own yet
            await self.promises.check(Tenant(tenant_id, slug, name, SHARED, read_settings(kept)))
        if schema != SHARED:
            async with self._owner("--placement own") as conn:
                await make_placement(conn, schema, migrations.FOLDER, say=say)
        try:
            await self._add(Tenant(tenant_id, slug, name, schema), kept)
        except Conflict:  # somebody was quicker
            if schema != SHARED:
                async with self._owner("--placement own") as conn:
                    await drop_placement(conn, schema)
            raise
        return await self.get(slug)

    async def _add(self, tenant: Tenant, settings: dict[str, Any]) -> None:
        self.database.place(tenant.id, tenant.placement)
        who = self._as(tenant.id)
        async with self.database.tenant_tx(who) as tx:
            if not await tenants.add(tx, tenant, settings):
                raise Conflict(f"There is a tenant {tenant.slug} already; choose another slug.")
            await audit.record(tx, who, "tenant.create", str(tenant.id), {"placement": tenant.placement})

    async def get(self, slug: str) -> StoredTenant:
        """The tenant of this slug; raises NotFound."""
        stored = await self._stored(slug)
        if stored is None:
            raise NotFound(f"There is no tenant {slug}.")
        self.database.place(stored.id, stored.placement)
        return stored

    async def change(self, slug: str, name: str | None, changes: dict[str, Any]) -> StoredTenant:
        """Change the name and some settings; a null puts a setting back. Raises InvalidInput."""
        known = await self.get(slug)
        if changes.keys() & {"promised_error", "intent_pack"}:
            told = read_settings(changed_settings(known.settings, changes))
            await self.promises.check(Tenant(known.id, slug, known.name, known.placement, told))
        who = self._as(known.id)
        async with self.database.tenant_tx(who) as tx:
            stored = await tenants.read_stored(tx, slug, hold=True)
            if stored is None:
                raise NotFound(f"There is no tenant {slug}.")
            settings = changed_settings(stored.settings, changes)
            await tenants.change(tx, stored.id, name or stored.name, settings)
            detail = {"settings": sorted(changes), "renamed": name is not None}
            await audit.record(tx, who, "tenant.change", str(stored.id), detail)
        return await self.get(slug)

    async def set_status(self, slug: str, status: TenantStatus) -> StoredTenant:
        """Suspend, which also stops running turns, or resume."""
        stored = await self.get(slug)
        if stored.slug == PLATFORM:
            raise InvalidInput("The tenant platform cannot be suspended.")
        who, act = self._as(stored.id), "suspend" if status == "suspended" else "resume"
        async with self.database.tenant_tx(who) as tx:
            await tenants.set_status(tx, stored.id, status)
            await audit.record(tx, who, f"tenant.{act}", str(stored.id))
        return await self.get(slug)

    async def index(self, slug: str) -> int:
        """Make an index of the tenant's vectors, anew if it has one; how many there are."""
        stored = await self.get(slug)
        tenant = Tenant(stored.id, slug, stored.name, stored.placement)
        async with self._owner("an index") as conn:
            await near_index.make(conn, tenant, MiniLM.dimensions)
        who = self._as(stored.id)
        async with self.database.tenant_tx(who) as tx:
            vectors = await faqs.count_vectors(tx)
            await audit.record(tx, who, "tenant.index", str(stored.id), {"vectors": vectors})
        return vectors

    async def erase(self, slug: str, say: Say = lambda _: None) -> int:
        """Delete a suspended tenant with all it has; how many rows went. Raises Conflict if it is active."""
        stored = await self.get(slug)
        if stored.slug == PLATFORM:
            raise InvalidInput("The tenant platform cannot be erased.")
        if stored.status != "suspended":
            raise Conflict(f"Tenant {slug} is active; suspend it first: `desk tenant suspend {slug}`.")
        tenant = Tenant(stored.id, slug, stored.name, stored.placement, status=stored.status)
        await self._until_everybody_knows(stored.id, say)
        total = 0
        async with self._owner("erasing a tenant") as conn:
            async for table, gone in tenant_rows.erase(conn, tenant, self.who):
                total += gone
                say(f"erasing {slug}: {table} {gone}")
        return total

    async def _until_everybody_knows(self, tenant_id: TenantId, say: Say) -> None:
        """Another process may serve the tenant, and write more rows, as long as it remembers it as active."""
        async with self.database.control_tx() as tx:
            passed = await tenants.seconds_suspended(tx, tenant_id)
        left = tenants.REMEMBER_SECONDS + _SLACK_SECONDS - passed
        if left > 0:
            say(f"It was suspended a moment ago: waiting {left:.0f} s, until every process knows.")
            await asyncio.sleep(left)

    async def export(self, slug: str) -> AsyncIterator[bytes]:
        """Every row as a line of JSON, `{table, row}`; messages with their text, personal values in it."""
        stored = await self.get(slug)
        tenant = Tenant(stored.id, slug, stored.name, stored.placement)
        who = self._as(stored.id)
        async with self.database.tenant_tx(who) as tx:
            await audit.record(tx, who, "tenant.export", str(stored.id))
            tables = await tenant_rows.list_tables(tx, CONTROL)
            tables += await tenant_rows.list_tables(tx, stored.placement)
        row = {**asdict(stored), "created_at": stored.created_at.isoformat()}
        yield _line("tenants", row)
        for table in reversed(tables):
            async for page in tenant_rows.read_pages(self.database, tenant, table):
                if table.name == "messages":
                    await self._add_texts(stored.id, page)
                for found in page:
                    yield _line(table.name, found)

    async def _add_texts(self, tenant_id: TenantId, page: list[dict[str, Any]]) -> None:
        """What was said; null where the person was erased, or the seal broke."""
        for row in page:
            who = Principal(tenant_id, "worker", SubjectId(UUID(row["subject_id"])))
            try:
                await self._add_text(who, row)
            except NotFound:
                row["text"] = None
            except SealBroken:
                row["text"] = None
                note_broken("message", tenant_id, UUID(row["id"]))

    async def _add_text(self, who: Principal, row: dict[str, Any]) -> None:
        """With the values behind the pseudonyms; nothing where the message is gone meanwhile."""
        key = await self.keys.data_key(who)
        async with self.database.tenant_tx(who) as tx:
            message = await messages.get(tx, MessageId(UUID(row["id"])))
            talk = await conversations.get(tx, ConversationId(UUID(row["conversation_id"])))
        if message is not None:
            vault = open_vault(talk, key) if talk else Vault()
            text = message_or_pass(key, message.text_sealed, tenant_id=who.tenant_id, row=message.id)
            row["text"] = None if text is None else restore(text, vault)

    async def _stored(self, slug: str) -> StoredTenant | None:
        async with self.database.control_tx() as tx:
            return await tenants.read_stored(tx, slug)

    def _as(self, tenant_id: TenantId) -> Principal:
        """The operator at work in a tenant: the audit there names them."""
        return Principal(tenant_id, "worker", self.who.subject_id)

    @asynccontextmanager
    async def _owner(self, what: str) -> AsyncIterator[Connection]:
        """The owner's connection; raises InvalidInput where `DESK_MIGRATION_DATABASE_URL` is not theirs."""
        refused = InvalidInput(
            f"{what} needs the login of the database's owner; use the command `desk tenant` with"
            " DESK_MIGRATION_DATABASE_URL set to it."
        )
        url = self.settings.migration_database_url
        if url is None:
            raise refused
        async with connected_owner(url.get_secret_value()) as conn:
            if await is_anothers(conn):
                raise refused
            yield conn


def _line(table: str, row: dict[str, Any]) -> bytes:
    return orjson.dumps({"table": table, "row": row}) + b"\n"


def shown(tenant: StoredTenant) -> dict[str, Any]:
    """A tenant as an operator sees it."""
    return {**asdict(tenant), "id": str(tenant.id), "created_at": tenant.created_at.isoformat()}
