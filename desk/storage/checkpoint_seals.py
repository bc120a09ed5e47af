"""Checkpoint seals: turns LangGraph's checkpoints and writes into sealed rows, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from desk.privacy.sealing import DataKey
from desk.storage.checkpoint_rows import (
    CheckpointKey,
    CheckpointRow,
    Head,
    WriteRow,
    checkpoint_aad,
    metadata_aad,
    write_aad,
)

# No pickle, and no class is rebuilt but those on LangGraph's own safe list, whatever the environment says.
STRICT = JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=None)


def saved_tuple(
    config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, *, keep_parent: bool
) -> CheckpointTuple:
    """What a put saves; without `keep_parent` it names no parent, as none will be there."""
    asked = config["configurable"]
    key = CheckpointKey(asked["thread_id"], asked.get("checkpoint_ns", ""), checkpoint["id"])
    parent = config_of(key_of(config)) if keep_parent and get_checkpoint_id(config) else None
    return CheckpointTuple(config_of(key), checkpoint, get_checkpoint_metadata(config, metadata), parent, [])


def seal_row(saved: CheckpointTuple, data_key: DataKey, serde: SerializerProtocol = STRICT) -> CheckpointRow:
    """The checkpoint and its metadata sealed whole; the pending writes are not in it."""
    key = key_of(saved.config)
    parent = saved.parent_config["configurable"]["checkpoint_id"] if saved.parent_config else None
    return CheckpointRow(
        key,
        parent,
        data_key.seal(_dump(saved.checkpoint, serde), aad=checkpoint_aad(key)),
        data_key.seal(_dump(saved.metadata, serde), aad=metadata_aad(key)),
    )


def seal_writes(
    key: CheckpointKey,
    task: tuple[str, str],
    writes: Sequence[tuple[str, Any]],
    data_key: DataKey,
    serde: SerializerProtocol = STRICT,
) -> tuple[WriteRow, ...]:
    """The writes of a task (its id and path); special channels take LangGraph's negative ordinals."""
    numbered = {WRITES_IDX_MAP.get(write[0], place): write for place, write in enumerate(writes)}
    return tuple(
        WriteRow(
            *task,
            ordinal,
            channel,
            data_key.seal(_dump(value, serde), aad=write_aad(key, task[0], ordinal, channel)),
        )
        for ordinal, (channel, value) in numbered.items()
    )


def open_row(row: CheckpointRow, data_key: DataKey, serde: SerializerProtocol = STRICT) -> CheckpointTuple:
    """The checkpoint of a row; raises SealBroken when a blob was changed or comes from another row."""
    key = row.key
    parent = row.parent_checkpoint_id
    return CheckpointTuple(
        config_of(key),
        _load(data_key.open(row.checkpoint_sealed, aad=checkpoint_aad(key)), serde),
        _load(data_key.open(row.metadata_sealed, aad=metadata_aad(key)), serde),
        config_of(CheckpointKey(key.thread_id, key.checkpoint_ns, parent)) if parent else None,
        [(write.task_id, write.channel, _open_write(key, write, data_key, serde)) for write in row.writes],
    )


def open_metadata(head: Head, data_key: DataKey, serde: SerializerProtocol = STRICT) -> CheckpointMetadata:
    """The metadata alone; raises SealBroken like `open_row`."""
    metadata: CheckpointMetadata = _load(
        data_key.open(head.metadata_sealed, aad=metadata_aad(head.key)), serde
    )
    return metadata


def move_row(
    row: CheckpointRow, thread_id: str, data_key: DataKey, new_key: DataKey | None = None
) -> CheckpointRow:
    """The same checkpoint sealed for another thread, of another person under their `new_key`.

    Raises SealBroken like `open_row`.
    """
    old = row.key
    new = CheckpointKey(thread_id, old.checkpoint_ns, old.checkpoint_id)

    def reseal(sealed: bytes, old_aad: bytes, new_aad: bytes) -> bytes:
        return (new_key or data_key).seal(data_key.open(sealed, aad=old_aad), aad=new_aad)

    def move_write(write: WriteRow) -> WriteRow:
        where = (write.task_id, write.ordinal, write.channel)
        value = reseal(write.value_sealed, write_aad(old, *where), write_aad(new, *where))
        return WriteRow(write.task_id, write.task_path, write.ordinal, write.channel, value)

    return CheckpointRow(
        new,
        row.parent_checkpoint_id,
        reseal(row.checkpoint_sealed, checkpoint_aad(old), checkpoint_aad(new)),
        reseal(row.metadata_sealed, metadata_aad(old), metadata_aad(new)),
        tuple(move_write(write) for write in row.writes),
    )


def config_of(key: CheckpointKey) -> RunnableConfig:
    """LangGraph's way to name a checkpoint."""
    return {
        "configurable": {
            "thread_id": key.thread_id,
            "checkpoint_ns": key.checkpoint_ns,
            "checkpoint_id": key.checkpoint_id,
        }
    }


def key_of(config: RunnableConfig) -> CheckpointKey:
    """The checkpoint that a config names; raises KeyError when it names none."""
    named = config["configurable"]
    return CheckpointKey(named["thread_id"], named.get("checkpoint_ns", ""), named["checkpoint_id"])


def refuse_delta_channels(metadata: CheckpointMetadata) -> None:
    """Raises ValueError for a graph with a DeltaChannel: its state needs the ancestors, which are deleted."""
    if metadata.get("counters_since_delta_snapshot"):
        raise ValueError("Only the latest checkpoint is kept here; the graph must not use a DeltaChannel.")


def _open_write(key: CheckpointKey, write: WriteRow, data_key: DataKey, serde: SerializerProtocol) -> Any:
    aad = write_aad(key, write.task_id, write.ordinal, write.channel)
    return _load(data_key.open(write.value_sealed, aad=aad), serde)


def _dump(value: Any, serde: SerializerProtocol) -> bytes:
    kind, data = serde.dumps_typed(value)
    return kind.encode() + b":" + data


def _load(blob: bytes, serde: SerializerProtocol) -> Any:
    kind, _, data = blob.partition(b":")
    return serde.loads_typed((kind.decode(), data))
