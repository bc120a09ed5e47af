"""A person's threads and one key for everyone, so that only row-level security stands between people."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.base import Checkpoint, empty_checkpoint

from desk.domain import ConversationId, Principal, new_id
from desk.privacy.sealing import DataKey
from desk.storage.threads import thread_id


class OneKey:
    """The same data key for everyone."""

    def __init__(self) -> None:
        self.key = DataKey.new()

    async def data_key(self, principal: Principal) -> DataKey:  # noqa: ARG002
        return self.key


def new_thread(person: Principal) -> str:
    """The id of a new conversation's thread."""
    assert person.subject_id is not None
    return thread_id(person.tenant_id, person.subject_id, ConversationId(new_id()))


def checkpoint(**values: Any) -> Checkpoint:
    """A checkpoint with these channel values and a new, later id."""
    made = empty_checkpoint()
    made["channel_values"] = values
    made["channel_versions"] = dict.fromkeys(values, 1)
    return made
