"""Staging: a saver for one turn, which holds the checkpoint in memory until the turn's own final commit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph._internal._constants import CONFIG_KEY_CHECKPOINTER
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    empty_checkpoint,
    get_checkpoint_id,
)
from langgraph.checkpoint.base.id import uuid6
from typing_extensions import override

from desk.privacy.sealing import DataKey
from desk.storage.checkpoint_rows import CheckpointRow
from desk.storage.checkpoint_seals import (
    STRICT,
    key_of,
    refuse_delta_channels,
    saved_tuple,
    seal_row,
    seal_writes,
)


class StagedSaver(BaseCheckpointSaver[int]):
    """Gives one run the checkpoint that was loaded for it, and keeps the one it puts; touches no database.

    For the root graph and `durability="exit"`. Subgraphs must be compiled with `checkpointer=False`: a
    namespace of their own raises ValueError, as it would not be kept.
    """

    serde = STRICT

    def __init__(self, thread_id: str, loaded: CheckpointTuple | None) -> None:
        # The base's own would look anew, for every run, whether the serializer is of the new kind.
        self._thread_id = thread_id
        self._loaded = loaded
        self._put: CheckpointTuple | None = None
        self._writes: dict[tuple[str, str, str], Sequence[tuple[str, Any]]] = {}

    @property
    def configurable(self) -> dict[str, Any]:
        """What `config["configurable"]` needs for a graph compiled without a saver to run with this one."""
        return {"thread_id": self._thread_id, CONFIG_KEY_CHECKPOINTER: self}

    @property
    def state(self) -> dict[str, Any]:
        """The state that the turns before left, by channel."""
        return dict(self._loaded.checkpoint["channel_values"]) if self._loaded else {}

    def stage(self, changed: Mapping[str, Any]) -> None:
        """Keep what a run changed without LangGraph's loop, as the checkpoint that the loop would put."""
        before = self._loaded.checkpoint if self._loaded else empty_checkpoint()
        step = self._loaded.metadata["step"] + 1 if self._loaded else 0
        version = 1 + max((int(version) for version in before["channel_versions"].values()), default=0)
        checkpoint: Checkpoint = {
            **before,
            "id": str(uuid6(clock_seq=step)),
            "ts": datetime.now(UTC).isoformat(),
            "channel_values": {**before["channel_values"], **changed},
            "channel_versions": {**before["channel_versions"], **dict.fromkeys(changed, version)},
            "updated_channels": sorted(changed),
        }
        metadata: CheckpointMetadata = {"source": "loop", "step": step, "parents": {}}
        config: RunnableConfig = {"configurable": {"thread_id": self._thread_id, "checkpoint_ns": ""}}
        self._put = saved_tuple(config, checkpoint, metadata, keep_parent=False)

    @override
    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        self._refuse_others(config)
        latest = self._put or self._loaded
        asked = get_checkpoint_id(config)
        if latest is None or asked not in {None, "", key_of(latest.config).checkpoint_id}:
            return None
        if latest is self._loaded:
            return latest
        waiting = [(task[0], *write) for task, writes in self._waiting().items() for write in writes]
        return latest._replace(pending_writes=waiting)

    @override
    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        self._refuse_others(config)
        refuse_delta_channels(metadata)
        self._put = saved_tuple(config, checkpoint, metadata, keep_parent=False)
        return self._put.config

    @override
    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        self._refuse_others(config)
        self._writes[key_of(config).checkpoint_id, task_id, task_path] = writes

    @override
    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> StagedSaver:
        """Itself: a copy would take what the run puts away from `sealed`."""
        return self

    def sealed(self, data_key: DataKey) -> CheckpointRow | None:
        """What the run left, for `checkpoint_rows.replace` in the final commit; None if it put nothing."""
        if self._put is None:
            return None
        row = seal_row(self._put, data_key)
        writes = [
            sealed
            for task, values in self._waiting().items()
            for sealed in seal_writes(row.key, task, values, data_key)
        ]
        return replace(row, writes=tuple(writes))

    def _waiting(self) -> dict[tuple[str, str], Sequence[tuple[str, Any]]]:
        """The writes that hang on the checkpoint that was put, by task id and path."""
        latest = self._put.checkpoint["id"] if self._put else None
        return {(task, path): writes for (on, task, path), writes in self._writes.items() if on == latest}

    def _refuse_others(self, config: RunnableConfig) -> None:
        asked = config["configurable"]
        if asked["thread_id"] != self._thread_id:
            raise ValueError("A staged saver serves the one thread that it was built for.")
        if asked.get("checkpoint_ns"):
            raise ValueError(
                "A staged saver keeps the root graph; compile subgraphs with checkpointer=False."
            )
