"""The shapes of prompts and intents: versions, labels, forms, and what came of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from typing_extensions import TypedDict

from desk.storage.prompt_labels import Label
from prompts.intents import IntentRoute


class PromptVersionOut(TypedDict):
    """A version; one that comes as a file has no author and no time."""

    name: str
    version: int
    sha: str
    variables: list[str]
    notes: str
    origin: Literal["file", "tenant"]
    author: str | None
    created_at: datetime | None


class FullPromptVersionOut(PromptVersionOut):
    """The same with its `source` as it was written, and its `text` with what it takes in."""

    source: str
    text: str


class LabelOut(TypedDict):
    """Where a label was put; `version` null took it away, an empty channel is every channel."""

    id: int
    name: str
    channel: str
    label: Label
    version: int | None
    share: float
    author: str
    note: str
    rollback: bool
    at: datetime


class PromptOut(TypedDict):
    """A prompt with its versions, and where its labels stand."""

    name: str
    versions: list[PromptVersionOut]
    labels: list[LabelOut]


class PromptsOut(TypedDict):
    """All prompts."""

    prompts: list[PromptOut]


class BundleOut(TypedDict):
    """What a bundle was made of, part by part."""

    id: str
    made_of: dict[str, Any]


class PreviewOut(TypedDict):
    """A prompt as it would be sent."""

    rendered: str
    sha: str
    variables: list[str]


class DiffOut(TypedDict):
    """A unified diff."""

    diff: str


class LabelHistoryOut(TypedDict):
    """Where the labels stood, the newest first."""

    history: list[LabelOut]


class VersionFiguresOut(TypedDict):
    """What came of the turns of one version under one label.

    `handed_over` counts conversations in which a person was asked for at or after the first of these turns.
    """

    version: int
    label: str | None
    turns: int
    conversations: int
    handed_over: int
    fallbacks: int
    up: int
    down: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float


class PromptUseOut(TypedDict):
    """What came of each version in the last `days`."""

    days: int
    versions: list[VersionFiguresOut]


class IntentOut(TypedDict):
    """An intent; `reply` and `suggestions` are by language."""

    name: str
    route: IntentRoute
    tool: str | None
    examples: list[str]
    reply: dict[str, str]
    suggestions: dict[str, list[str]]


class IntentFormOut(TypedDict):
    """The intents of a text, and what a form has to choose from."""

    intents: list[IntentOut]
    out_of_scope: list[str]
    languages: list[str]
    routes: list[IntentRoute]
    tools: list[str]


class FieldProblemOut(TypedDict):
    """What is wrong with a field, such as `reply.en`; an empty field is all of them."""

    field: str
    message: str


class IntentEntryOut(TypedDict):
    """The changed text, or null and what is wrong."""

    text: str | None
    problems: list[FieldProblemOut]
