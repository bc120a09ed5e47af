"""The request bodies, strict: unknown fields, control characters and broken text are refused."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

LONGEST_MESSAGE = 16_000
LONGEST_REPLY = 4_000


def _clean(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain NUL characters")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _printable(text: str) -> str:
    if not all(unicodedata.category(character)[0] != "C" for character in text):
        raise ValueError("must consist of printable characters")
    return text


Text = Annotated[
    str, Field(min_length=1, max_length=LONGEST_MESSAGE), AfterValidator(_clean), AfterValidator(_not_blank)
]
Name = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_printable)]


class Body(BaseModel):
    """A request body that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ChatBody(Body):
    """A message, or the confirmation of an action; without `conversation_id` a new conversation."""

    message: Text | None = None
    confirm: Name | None = None
    conversation_id: UUID | None = None
    channel: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")] = "web"
    locale: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,2}$")] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.message is None) == (self.confirm is None):
            raise ValueError("send either message or confirm")
        if self.confirm is not None and self.conversation_id is None:
            raise ValueError("confirm needs the conversation_id of its action")
        return self


class SmallChatBody(Body):
    """The small form, for services that know nothing of conversations."""

    message: Text
    session_id: Name


class FeedbackBody(Body):
    """What a customer thought of an answer."""

    turn_id: UUID
    rating: Literal["up", "down"]
    tags: Annotated[list[Name], Field(max_length=10)] = []
    comment: Text | None = None


class ConversationBody(Body):
    """What may be changed on a conversation."""

    title: Annotated[str, Field(max_length=200), AfterValidator(_clean)] | None = None


class AgentReplyBody(Body):
    """What an agent says to a customer."""

    text: Annotated[Text, Field(max_length=LONGEST_REPLY)]


class TransferBody(Body):
    """To whom a conversation goes; null is back to the queue."""

    to: Annotated[str, Field(min_length=3, max_length=320), AfterValidator(_printable)] | None = None
