"""The saver against LangGraph's own conformance suite, every capability of it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import Capability
from typing_extensions import override

from desk.domain import ConversationId, Principal
from desk.storage.checkpoints import PostgresSaver
from desk.storage.pool import Database
from desk.storage.threads import thread_id
from tests.storage.threads_of import OneKey


class AnyThread(BaseCheckpointSaver[int]):
    """Gives the suite's free thread ids a place in one person's conversations, and their names back."""

    def __init__(self, inner: PostgresSaver, owner: Principal) -> None:
        super().__init__()
        self._inner = inner
        self._owner = owner
        self._names: dict[str, str] = {}

    def _ours(self, name: str) -> str:
        assert self._owner.subject_id is not None
        conversation = ConversationId(uuid.uuid5(self._owner.tenant_id, name))
        thread = thread_id(self._owner.tenant_id, self._owner.subject_id, conversation)
        self._names[thread] = name
        return thread

    def _inward(self, config: RunnableConfig) -> RunnableConfig:
        asked = config["configurable"]
        return {"configurable": {**asked, "thread_id": self._ours(asked["thread_id"])}}

    def _outward(self, config: RunnableConfig) -> RunnableConfig:
        asked = config["configurable"]
        return {"configurable": {**asked, "thread_id": self._names[asked["thread_id"]]}}

    def _named(self, saved: CheckpointTuple) -> CheckpointTuple:
        parent = self._outward(saved.parent_config) if saved.parent_config else None
        return saved._replace(config=self._outward(saved.config), parent_config=parent)

    @override
    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        saved = await self._inner.aget_tuple(self._inward(config))
        return self._named(saved) if saved else None

    @override
    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        inward = self._inward(config) if config else None
        async for saved in self._inner.alist(inward, filter=filter, before=before, limit=limit):
            yield self._named(saved)

    @override
    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        stored = await self._inner.aput(self._inward(config), checkpoint, metadata, new_versions)
        return self._outward(stored)

    @override
    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        await self._inner.aput_writes(self._inward(config), writes, task_id, task_path)

    @override
    async def adelete_thread(self, thread_id: str) -> None:
        await self._inner.adelete_thread(self._ours(thread_id))

    @override
    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        await self._inner.adelete_for_runs(run_ids)

    @override
    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await self._inner.acopy_thread(self._ours(source_thread_id), self._ours(target_thread_id))

    @override
    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        await self._inner.aprune([self._ours(name) for name in thread_ids], strategy=strategy)


@pytest.mark.parametrize("capability", [one.value for one in Capability])
async def test_conforms(database: Database, user: Principal, capability: str) -> None:
    @checkpointer_test(name="desk.storage.checkpoints")
    async def ours() -> AsyncGenerator[BaseCheckpointSaver[int], None]:
        yield AnyThread(PostgresSaver(database, OneKey(), owner=user), user)

    report = await validate(ours, capabilities={capability})
    result = report.results[capability]
    assert result.detected
    assert result.failures == []
    assert result.tests_passed > 0
    assert result.passed
