"""Threads: the id under which LangGraph keeps a conversation; it carries tenant, person and conversation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from desk.domain import ConversationId, Principal, SubjectId, TenantId

_UUID = "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
_THREAD_ID = re.compile(f"t:{_UUID}:u:{_UUID}:c:{_UUID}")


@dataclass(frozen=True, slots=True)
class ThreadId:
    """What a thread id says; `str` gives its text."""

    tenant_id: TenantId
    subject_id: SubjectId
    conversation_id: ConversationId

    def __str__(self) -> str:
        return f"t:{self.tenant_id}:u:{self.subject_id}:c:{self.conversation_id}"

    @property
    def owner(self) -> Principal:
        """The person whose thread this is, with a customer's rights."""
        return Principal(self.tenant_id, "user", self.subject_id)


def thread_id(tenant_id: TenantId, subject_id: SubjectId, conversation_id: ConversationId) -> str:
    """The id under which LangGraph keeps a conversation."""
    return str(ThreadId(tenant_id, subject_id, conversation_id))


def parse_thread_id(text: str) -> ThreadId:
    """The parts of a thread id; raises ValueError on anything that `thread_id` does not write."""
    match = _THREAD_ID.fullmatch(text)
    if match is None:
        raise ValueError("A thread id reads t:<tenant>:u:<subject>:c:<conversation>, each a lower-case UUID.")
    tenant_id, subject_id, conversation_id = map(UUID, match.groups())
    return ThreadId(TenantId(tenant_id), SubjectId(subject_id), ConversationId(conversation_id))
