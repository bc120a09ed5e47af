"""Checkpoints: LangGraph's saver on Postgres, inside row-level security, sealed under the person's key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
)
from typing_extensions import override

from desk.domain import Principal
from desk.privacy.sealing import DataKey
from desk.storage import checkpoint_rows
from desk.storage.checkpoint_rows import CheckpointKey, CheckpointRow, Head, Selection
from desk.storage.checkpoint_seals import (
    STRICT,
    key_of,
    move_row,
    open_metadata,
    open_row,
    refuse_delta_channels,
    saved_tuple,
    seal_row,
    seal_writes,
)
from desk.storage.pool import Database
from desk.storage.threads import parse_thread_id


class DataKeys(Protocol):
    """Where the saver asks for the key that seals a person's rows."""

    async def data_key(self, principal: Principal) -> DataKey:
        """The principal's data key; raises NotFound when the person is unknown or was erased."""


class PostgresSaver(BaseCheckpointSaver[int]):
    """Keeps checkpoints under the ids of `threads.thread_id`; async only, with no lock of its own.

    Each operation is one short transaction as the thread's owner. With `keep_latest` a put replaces what
    its thread and namespace held. What names no thread (`alist(None)`, `adelete_for_runs`) works on the
    threads of `owner`. A malformed thread id raises ValueError, a changed blob SealBroken.
    """

    def __init__(
        self,
        database: Database,
        keys: DataKeys,
        *,
        keep_latest: bool = False,
        owner: Principal | None = None,
    ) -> None:
        super().__init__(serde=STRICT)
        self._database = database
        self._keys = keys
        self._keep_latest = keep_latest
        self._owner = owner

    @override
    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        asked = config["configurable"]
        thread = asked["thread_id"]
        wanted = Selection(thread, asked.get("checkpoint_ns", ""), get_checkpoint_id(config), limit=1)
        owner = parse_thread_id(thread).owner
        data_key = await self._keys.data_key(owner)
        rows = await self._rows(owner, wanted)
        return open_row(rows[0], data_key, self.serde) if rows else None

    @override
    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Newest first. Metadata is sealed, so a filter opens every checkpoint that the rest asks for."""
        asked = config["configurable"] if config else {}
        thread = asked.get("thread_id")
        owner = parse_thread_id(thread).owner if thread else self._everything()
        wanted = Selection(
            thread,
            asked.get("checkpoint_ns"),
            asked.get("checkpoint_id"),
            before=get_checkpoint_id(before) if before else None,
            limit=None if filter else limit,
        )
        data_key = await self._keys.data_key(owner)
        rows = await self._rows(owner, wanted)
        found = await asyncio.to_thread(lambda: [open_row(row, data_key, self.serde) for row in rows])
        matching = [saved for saved in found if (filter or {}).items() <= saved.metadata.items()]
        for saved in matching[:limit]:
            yield saved

    @override
    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        if self._keep_latest:
            refuse_delta_channels(metadata)
        saved = saved_tuple(config, checkpoint, metadata, keep_parent=not self._keep_latest)
        owner = parse_thread_id(saved.config["configurable"]["thread_id"]).owner
        row = seal_row(saved, await self._keys.data_key(owner), self.serde)
        put = checkpoint_rows.replace if self._keep_latest else checkpoint_rows.store
        async with self._database.tenant_tx(owner, pipeline=True) as tx:
            await put(tx, row)
        return saved.config

    @override
    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        key = key_of(config)
        owner = parse_thread_id(key.thread_id).owner
        data_key = await self._keys.data_key(owner)
        rows = seal_writes(key, (task_id, task_path), writes, data_key, self.serde)
        async with self._database.tenant_tx(owner, pipeline=True) as tx:
            await checkpoint_rows.add_writes(tx, key, rows)

    @override
    async def adelete_thread(self, thread_id: str) -> None:
        async with self._database.tenant_tx(parse_thread_id(thread_id).owner, pipeline=True) as tx:
            await checkpoint_rows.delete_threads(tx, [thread_id])

    @override
    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        owner = self._everything()
        data_key = await self._keys.data_key(owner)
        heads = await self._heads(owner, Selection())
        runs = set(run_ids)
        doomed = [
            head.key for head in heads if open_metadata(head, data_key, self.serde).get("run_id") in runs
        ]
        await self._delete(owner, doomed)

    @override
    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy every checkpoint; raises ValueError when the threads are not one person's."""
        owner = parse_thread_id(source_thread_id).owner
        if parse_thread_id(target_thread_id).owner != owner:
            raise ValueError("A thread is copied only to another thread of the same person.")
        data_key = await self._keys.data_key(owner)
        rows = await self._rows(owner, Selection(source_thread_id))
        moved = await asyncio.to_thread(lambda: [move_row(row, target_thread_id, data_key) for row in rows])
        async with self._database.tenant_tx(owner, pipeline=True) as tx:
            for row in moved:
                await checkpoint_rows.store(tx, row)

    @override
    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Keep the newest checkpoint of each namespace, or with `delete` none; each thread by itself."""
        if strategy not in {"keep_latest", "delete"}:
            raise ValueError("The strategy is keep_latest or delete.")
        prune = self._keep_newest if strategy == "keep_latest" else self.adelete_thread
        for thread in thread_ids:
            await prune(thread)

    async def _keep_newest(self, thread: str) -> None:
        owner = parse_thread_id(thread).owner
        data_key = await self._keys.data_key(owner)
        heads = await self._heads(owner, Selection(thread))
        newest = {head.key.checkpoint_ns: head for head in reversed(heads)}
        for head in newest.values():
            refuse_delta_channels(open_metadata(head, data_key, self.serde))
        await self._delete(owner, [head.key for head in heads if head not in newest.values()])

    async def _rows(self, owner: Principal, wanted: Selection) -> list[CheckpointRow]:
        async with self._database.tenant_tx(owner, pipeline=True) as tx:
            cursor = await checkpoint_rows.select(tx, wanted)
        return await cursor.fetchall()

    async def _heads(self, owner: Principal, wanted: Selection) -> list[Head]:
        async with self._database.tenant_tx(owner, pipeline=True) as tx:
            cursor = await checkpoint_rows.heads(tx, wanted)
        return await cursor.fetchall()

    async def _delete(self, owner: Principal, doomed: Sequence[CheckpointKey]) -> None:
        async with self._database.tenant_tx(owner, pipeline=True) as tx:
            await checkpoint_rows.delete_checkpoints(tx, doomed)

    def _everything(self) -> Principal:
        if self._owner is None:
            raise ValueError("Name a thread, or build the saver with an owner.")
        return self._owner.as_user()
