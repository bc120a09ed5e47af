"""The seam between a turn and a language model: a request, a stream of events, typed failures."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from desk.domain import Usage
from desk.errors import ModelUnavailable
from desk.models.catalog import ModelSpec

Guard = Callable[[bytes], None]
"""Called with the exact bytes of an outgoing request body; raises EgressBlocked and nothing is sent."""

FailureReason = Literal[
    "busy",  # the model's server said: too many requests
    "connect",  # no connection
    "crashed",  # the local model's process died
    "cut",  # the stream ended before the answer did
    "empty",  # an answer without text and without tool calls
    "error",  # the model's server reported an error of its own
    "malformed",  # what came is not the protocol, or is larger than it may be
    "open",  # not asked: it failed often just now
    "rejected",  # the request itself was refused
    "silent",  # nothing came within the first-token or between-tokens time
    "timeout",  # the total time was used up
]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What a model is asked. `messages` and `tools` are OpenAI-wire dicts, already pseudonymised."""

    messages: tuple[dict[str, Any], ...]
    tools: tuple[dict[str, Any], ...] = ()
    max_tokens: int = 512
    temperature: float = 0.2


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of the tool call number `index`; `id` and `name` come with its first piece."""

    index: int
    id: str | None
    name: str | None
    arguments_json: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A whole tool call. `arguments_json` is as the model wrote it: check it before use."""

    id: str
    name: str
    arguments_json: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of a stream: the whole answer. `usage_estimated` when the server counted no tokens."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    usage: Usage
    model: str
    finish_reason: str = "stop"
    usage_estimated: bool = False


ModelEvent = TextDelta | ToolCallDelta | Finished


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a model may take, in seconds, each measured on what bears content, not on keep-alives."""

    connect: float = 3.0
    first_token: float = 8.0
    between_tokens: float = 8.0
    total: float = 30.0


class ModelFailed(ModelUnavailable):
    """One model did not answer; `reason` is a closed word fit for metrics, `model_back_in` is in seconds."""

    def __init__(self, model: str, reason: FailureReason, *, model_back_in: float | None = None) -> None:
        super().__init__()
        self.args = (f"{model}: {reason}",)
        self.model = model
        self.reason: FailureReason = reason
        self.model_back_in = model_back_in


class ChatModel(Protocol):
    """A language model. Wrap its stream in `contextlib.aclosing`, so that leaving it closes the upstream."""

    @property
    def spec(self) -> ModelSpec:
        """What the model is, costs and may see."""

    def stream(self, request: ModelRequest, *, guard: Guard) -> AsyncGenerator[ModelEvent, None]:
        """Deltas, then one Finished; raises ModelUnavailable, EgressBlocked or Misconfigured."""

    async def warm(self) -> None:
        """Load what is slow to load, ahead of the first question; raises Misconfigured."""

    async def aclose(self) -> None:
        """Close connections and processes; the model may not be used after."""
