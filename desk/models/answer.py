"""Turns the chunks of a chat completion, of any provider, into model events and the whole answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from desk.domain import Usage
from desk.models.catalog import ModelSpec, cost_usd
from desk.models.port import Finished, ModelEvent, ModelFailed, TextDelta, ToolCall, ToolCallDelta

# English runs at about four characters a token; used only when the server counts none.
CHARACTERS_PER_TOKEN = 4


@dataclass
class Answer:
    """An answer in the making; `prompt_characters` stand in for tokens that nobody counted."""

    spec: ModelSpec
    prompt_characters: int
    _text: list[str] = field(default_factory=list)
    _calls: dict[int, _Call] = field(default_factory=dict)
    _usage: dict[str, Any] | None = None
    _finish_reason: str = "stop"

    def take(self, chunks: Iterable[dict[str, Any]]) -> list[ModelEvent]:
        """The events of some chunks, their text in one piece where nothing stands between.

        Raises ModelFailed when one is not shaped as the protocol says.
        """
        events: list[ModelEvent] = []
        try:
            for chunk in chunks:
                if usage := chunk.get("usage"):
                    self._usage = usage
                if choices := chunk.get("choices"):
                    self._take_choice(choices[0], events)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelFailed(self.spec.name, "malformed") from error
        return events

    def finish(self) -> Finished:
        """The whole answer; raises ModelFailed when there is none."""
        text = "".join(self._text)
        calls = tuple(call.whole(index) for index, call in sorted(self._calls.items()))
        if not text and not calls:
            raise ModelFailed(self.spec.name, "empty")
        usage = self._counted() or self._estimated(text)
        return Finished(text, calls, usage, self.spec.name, self._finish_reason, self._counted() is None)

    def _take_choice(self, choice: dict[str, Any], events: list[ModelEvent]) -> None:
        delta = choice.get("delta") or {}
        if text := delta.get("content"):
            self._text.append(text)
            last = events[-1] if events else None
            if isinstance(last, TextDelta):
                events[-1] = TextDelta(last.text + text)
            else:
                events.append(TextDelta(text))
        events.extend(self._take_call(piece) for piece in delta.get("tool_calls") or ())
        self._finish_reason = choice.get("finish_reason") or self._finish_reason

    def _take_call(self, piece: dict[str, Any]) -> ToolCallDelta:
        index, function = int(piece.get("index") or 0), piece.get("function") or {}
        delta = ToolCallDelta(index, piece.get("id"), function.get("name"), function.get("arguments") or "")
        call = self._calls.setdefault(index, _Call())
        call.id = call.id or delta.id or ""
        call.name = call.name or delta.name or ""
        call.arguments.append(delta.arguments_json)
        return delta

    def _counted(self) -> Usage | None:
        if self._usage is None:
            return None
        prompt = int(self._usage.get("prompt_tokens") or 0)
        completion = int(self._usage.get("completion_tokens") or 0)
        return Usage(prompt, completion, cost_usd(self.spec, prompt, completion))

    def _estimated(self, text: str) -> Usage:
        written = len(text) + sum(len(part) for call in self._calls.values() for part in call.arguments)
        prompt = self.prompt_characters // CHARACTERS_PER_TOKEN
        completion = max(1, written // CHARACTERS_PER_TOKEN)
        return Usage(prompt, completion, cost_usd(self.spec, prompt, completion))


@dataclass
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    def whole(self, index: int) -> ToolCall:
        return ToolCall(self.id or f"call_{index}", self.name, "".join(self.arguments) or "{}")
