"""A model that says what it is told, for tests, evals and demos; it calls nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

import orjson

from desk.domain import Usage
from desk.models.answer import CHARACTERS_PER_TOKEN
from desk.models.catalog import ModelSpec, cost_usd
from desk.models.port import Finished, Guard, ModelEvent, ModelRequest, TextDelta, ToolCall, ToolCallDelta

SCRIPTED = ModelSpec("scripted", "scripted", external=False, context_window=4096)
_WORDS = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True, slots=True)
class ScriptedAnswer:
    """One answer: text streamed word by word, tool calls, or the error to raise after the text."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    error: Exception | None = None


Script = Sequence[ScriptedAnswer | str] | Callable[[ModelRequest], ScriptedAnswer | str]


class ScriptedModel:
    """Answers from a list (the last one repeats) or from a function of the request; keeps what it was asked.

    `pause` is in seconds before each word. With an external `spec` the guard sees the request's text, as it
    would see it on the way to a hosted model.
    """

    def __init__(
        self, script: Script = ("Hello.",), *, spec: ModelSpec = SCRIPTED, pause: float = 0.0
    ) -> None:
        if not callable(script) and not script:
            raise ValueError("a script needs at least one answer")
        self.spec = spec
        self.requests: list[ModelRequest] = []
        self._script = script
        self._pause = pause

    async def stream(self, request: ModelRequest, *, guard: Guard) -> AsyncGenerator[ModelEvent, None]:
        """The next answer of the script."""
        if self.spec.external:
            guard(orjson.dumps({"messages": request.messages, "tools": request.tools}))
        self.requests.append(request)
        answer = self._answer(request)
        for word in _WORDS.findall(answer.text):
            await asyncio.sleep(self._pause)
            yield TextDelta(word)
        if answer.error:
            raise answer.error
        for index, call in enumerate(answer.tool_calls):
            yield ToolCallDelta(index, call.id, call.name, call.arguments_json)
        reason = "tool_calls" if answer.tool_calls else "stop"
        usage = _usage(request, answer, self.spec)
        yield Finished(answer.text, answer.tool_calls, usage, self.spec.name, reason)

    async def warm(self) -> None:
        """Nothing is slow to load."""

    async def aclose(self) -> None:
        """Nothing is open."""

    def _answer(self, request: ModelRequest) -> ScriptedAnswer:
        if callable(self._script):
            answer = self._script(request)
        else:
            answer = self._script[min(len(self.requests), len(self._script)) - 1]
        return ScriptedAnswer(answer) if isinstance(answer, str) else answer


def _usage(request: ModelRequest, answer: ScriptedAnswer, spec: ModelSpec) -> Usage:
    asked = sum(len(str(message.get("content") or "")) for message in request.messages)
    prompt, completion = asked // CHARACTERS_PER_TOKEN, len(answer.text) // CHARACTERS_PER_TOKEN
    return Usage(prompt, completion, cost_usd(spec, prompt, completion))
