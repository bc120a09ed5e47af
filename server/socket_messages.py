"""What a client may say on the chat socket; as strict as the bodies of the HTTP routes."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter

from server.schemas import Body, ChatBody

LARGEST_MESSAGE = 64 * 1024


class SocketAuth(Body):
    """Who speaks; needed within five seconds unless the handshake said it, and again once a token ran out."""

    type: Literal["auth"]
    token: Annotated[str, Field(min_length=1, max_length=4096)]


class SocketMessage(ChatBody):
    """A message, as for `POST /api/v1/chat/`; its key makes it safe to send again after a lost connection."""

    type: Literal["message"]
    idempotency_key: Annotated[str, Field(pattern=r"^[\x20-\x7e]{1,200}$")]


class SocketCancel(Body):
    """Stop a turn of one's own."""

    type: Literal["cancel"]
    turn_id: UUID


class SocketResume(Body):
    """Read a turn of one's own from above the last id that was seen."""

    type: Literal["resume"]
    turn_id: UUID
    after: Annotated[int, Field(ge=0, le=2**53)] = 0


Said = SocketAuth | SocketMessage | SocketCancel | SocketResume

SAID: TypeAdapter[Said] = TypeAdapter(Annotated[Said, Field(discriminator="type")])
