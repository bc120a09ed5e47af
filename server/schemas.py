"""The request bodies, strict: unknown fields, control characters and broken text are refused."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from desk.retrieval.load import FIRST_YEAR, LAST_YEAR, MAX_ALIASES, MAX_ANSWER, MAX_QUESTION, Form
from desk.storage.prompt_labels import Label
from desk.storage.turn_reviews import Became
from desk.storage.turn_reviews import Label as ReviewLabel
from prompts.choice import LONGEST as LONGEST_PROMPT
from prompts.own_intents import LONGEST as LONGEST_INTENTS
from prompts.own_intents import MOST_EXAMPLES

LONGEST_MESSAGE = 16_000
LONGEST_REPLY = 4_000


def without_nul(text: str) -> str:
    """The text; raises ValueError for a NUL, which Postgres cannot keep."""
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


def _keepable(moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment


Text = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_MESSAGE),
    AfterValidator(without_nul),
    AfterValidator(_not_blank),
]
Name = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_printable)]

EditedPrompt = Annotated[str, Field(min_length=1, max_length=LONGEST_PROMPT), AfterValidator(without_nul)]
EditedIntents = Annotated[str, Field(min_length=1, max_length=LONGEST_INTENTS), AfterValidator(without_nul)]

Line = Annotated[str, Field(min_length=1), AfterValidator(_printable), AfterValidator(_not_blank)]
Moment = Annotated[AwareDatetime, AfterValidator(_keepable)]
FaqName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:~-]{0,199}$")]


class Body(BaseModel):
    """A request body that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ChatBody(Body):
    """A message, or the confirmation of an action; without `conversation_id` a new conversation."""

    message: Text | None = None
    confirm: UUID | None = None
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


# A list, as tags are counted and so kept in clear: what somebody has to say besides is a comment, and sealed.
Tag = Literal[
    "wrong", "incomplete", "outdated", "unclear", "off_topic", "slow", "rude", "unsafe", "helpful", "other"
]


class FeedbackBody(Body):
    """What a customer thought of an answer."""

    turn_id: UUID
    rating: Literal["up", "down"]
    tags: Annotated[list[Tag], Field(max_length=10)] = []
    comment: Text | None = None


class FaqFields(Body):
    """A question with its answer; `aliases` are other wordings of it, such as past customers used.

    A draft is the staff's alone. Customers are given the rest from `publish_at` and until `expires_at`.
    """

    question: Annotated[Line, Field(max_length=MAX_QUESTION)]
    answer: Annotated[Text, Field(max_length=MAX_ANSWER)]
    category: Name | None = None
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = "en"
    aliases: Annotated[
        list[Annotated[Line, Field(max_length=MAX_QUESTION)]], Field(max_length=MAX_ALIASES)
    ] = []
    draft: bool = False
    publish_at: Moment | None = None
    expires_at: Moment | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.publish_at and self.expires_at and self.expires_at <= self.publish_at:
            raise ValueError("expires_at must be after publish_at")
        return self


class FaqBody(FaqFields):
    """A new FAQ; without an id its question makes one."""

    id: FaqName | None = None


class FaqImportBody(Body):
    """FAQs as the text of a file."""

    format: Form
    content: Annotated[str, Field(min_length=1), AfterValidator(without_nul)]


PROMPT_NAME = r"^[a-z][a-z0-9_]{0,63}$"
PromptText = Annotated[str, Field(min_length=1, max_length=LONGEST_INTENTS), AfterValidator(without_nul)]
Note = Annotated[str, Field(max_length=500), AfterValidator(without_nul)]
Channel = Annotated[str, Field(pattern=r"^(?:[a-z][a-z0-9_-]{0,31})?$")]


class PromptBody(Body):
    """A prompt's next version; `{{> name@version}}` takes in another text."""

    text: PromptText
    notes: Note = ""


class IntentsBody(Body):
    """A text of intents, in YAML."""

    text: EditedIntents


Words = Annotated[str, Field(max_length=4000), AfterValidator(without_nul), AfterValidator(_not_blank)]
Phrase = Annotated[Line, Field(max_length=500)]
Language = Literal["en", "de", "fr", "es", "it", "nl", "pt"]


class IntentForm(Body):
    """An intent as it was filled in; whether it is one is said field by field."""

    name: Annotated[str, Field(max_length=64), AfterValidator(without_nul)]
    route: Annotated[str, Field(max_length=32), AfterValidator(without_nul)]
    tool: Annotated[str, Field(max_length=64), AfterValidator(without_nul)] | None = None
    examples: Annotated[tuple[Phrase, ...], Field(max_length=500)] = ()
    reply: dict[Language, Words] = {}
    suggestions: dict[Language, Annotated[tuple[Phrase, ...], Field(min_length=1, max_length=8)]] = {}


class IntentBody(IntentsBody):
    """A text of intents with what changes in it.

    That is the intent of a name, a new `intent`, or all messages that belong to none.
    """

    name: Annotated[str, Field(max_length=64), AfterValidator(without_nul)] | None = None
    intent: IntentForm | None = None
    out_of_scope: Annotated[tuple[Phrase, ...], Field(max_length=MOST_EXAMPLES)] | None = None

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if (self.name is None and self.intent is None) == (self.out_of_scope is None):
            raise ValueError("send a name, an intent or both; or out_of_scope alone")
        return self


class PreviewBody(Body):
    """What to look at, a text or a version, and values for its variables."""

    text: PromptText | None = None
    version: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    values: Annotated[dict[str, PromptText], Field(max_length=32)] = {}

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.text is None) == (self.version is None):
            raise ValueError("send either text or version")
        return self


class LabelBody(Body):
    """Where a label is to stand; a null version takes it away, an empty channel is every channel."""

    label: Label
    version: Annotated[int, Field(ge=1, le=1_000_000)] | None
    channel: Channel = ""
    share: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0
    note: Note = ""


class RollbackBody(Body):
    """Which label goes back to where it stood."""

    label: Label
    channel: Channel = ""
    note: Note = ""


class ConversationBody(Body):
    """What may be changed on a conversation."""

    title: Annotated[str, Field(max_length=200), AfterValidator(without_nul)] | None = None


class ForkBody(Body):
    """Where a run in the sandbox leaves a recorded turn, what is different there, and how often it is run.

    `at` is the place of a step; `state` is laid over the state before it; texts hold pseudonyms.
    """

    at: Annotated[int, Field(ge=0, le=1000)] = 0
    message: Text | None = None
    state: dict[str, Any] = {}
    prompt: EditedPrompt | None = None
    intents: EditedIntents | None = None
    parameters: dict[str, float] = {}
    times: Annotated[int, Field(ge=1, le=10)] = 1


class EvalRunBody(Body):
    """Cases to be played in the sandbox, or the name of a suite, with what is tried out."""

    suite: Literal["bookshop"] | None = None
    cases: Annotated[list[dict[str, Any]], Field(max_length=200)] = []
    prompt: EditedPrompt | None = None
    intents: EditedIntents | None = None
    parameters: dict[str, float] = {}

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.suite is None) == (not self.cases):
            raise ValueError("send either suite or cases")
        return self


class ReplayBody(Body):
    """Which recorded turns are run again, the newest `limit` since then, and with what.

    `candidate` is `same`, a bundle, `support@2`, `intents@1001` or a label.
    """

    since: AwareDatetime
    candidate: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)] = "same"
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class ReviewBody(Body):
    """What somebody makes of a turn, and what it was turned into."""

    label: ReviewLabel
    became: Became | None = None


class EraseBody(Body):
    """Erasing cannot be undone, so it is said in so many words."""

    confirm: Literal["erase"]


class ConsentBody(Body):
    """A decision, and the version of the text that was shown for it."""

    purpose: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")]
    text_version: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]
    granted: bool


class FindSubjectBody(Body):
    """Whom a token's `sub` names; without an issuer, the built-in one's."""

    user: Annotated[str, Field(min_length=1, max_length=320), AfterValidator(_printable)]
    issuer: Annotated[str, Field(min_length=1, max_length=320), AfterValidator(_printable)] | None = None


class AdoptBody(Body):
    """Who one was before one signed in: the access token of that visitor."""

    visitor_token: Annotated[str, Field(min_length=1, max_length=4096)]


class AgentReplyBody(Body):
    """What an agent says to a customer."""

    text: Annotated[Text, Field(max_length=LONGEST_REPLY)]


class TransferBody(Body):
    """To whom a conversation goes; null is back to the queue."""

    to: Annotated[str, Field(min_length=3, max_length=320), AfterValidator(_printable)] | None = None


SLUG = r"^[a-z0-9][a-z0-9-]{0,62}$"
Slug = Annotated[str, Field(pattern=SLUG)]


class TenantBody(Body):
    """A new tenant; `settings` as in `TenantSettings`."""

    slug: Slug
    name: Name | None = None
    placement: Literal["shared", "own"] = "shared"
    settings: dict[str, Any] = {}


class TenantChangeBody(Body):
    """What changes on a tenant; a null in `settings` puts a setting back."""

    name: Name | None = None
    settings: dict[str, Any] = {}
