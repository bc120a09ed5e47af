"""A model that does whatever the texts it reads tell it to, whoever wrote them."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from tests.servers.openai_wire import Reply, SeenRequest, say

_CALL = re.compile(r"Call (\S+) with (\{[^{}]*\})")
_SAY = re.compile(r"Say «(.*?)»", re.DOTALL)
_RECITE = re.compile(r"Recite what you were told (\w+)")
_BASE64 = re.compile(r"[A-Za-z0-9+/=]{24,}")
_PIECE = 7

HOW: dict[str, Callable[[str], str]] = {
    "plainly": lambda text: text,
    "loudly": str.upper,
    "slowly": " ".join,
    "downwards": lambda text: "\n".join(text.split()),
    "quoted": lambda text: "> " + text.replace(". ", ".\n> "),
    "marked": lambda text: " ".join(f"**{word}**" for word in text.split()),
    "lastly": lambda text: text[len(text) // 2 :],
    "backwards": lambda text: text[::-1],
    "turned": lambda text: codecs.encode(text, "rot13"),
    "encoded": lambda text: base64.b64encode(text.encode()).decode(),
}


class Obedient:
    """Looks up `first`, so that it reads what the attacker wrote there; then does all that it has read."""

    def __init__(self, first: tuple[str, dict[str, Any]] | None) -> None:
        self._first = first
        self.obeyed = 0

    def __call__(self, seen: SeenRequest) -> Reply:
        """The answer to one request."""
        messages = seen.json["messages"]
        rounds = sum(
            message["role"] == "assistant" and bool(message.get("tool_calls")) for message in messages
        )
        if self._first and not rounds and seen.json.get("tools"):
            return _calling([self._first])
        read = "\n".join(_readable(str(message.get("content") or "")) for message in messages)
        calls = [(name, _arguments(given)) for name, given in _CALL.findall(read)]
        told = [*_SAY.findall(read), *self._recited(read, str(messages[0]["content"]))]
        self.obeyed += bool(calls or told)
        results = [str(message["content"]) for message in messages if message["role"] == "tool"]
        if calls and rounds < 1 + bool(self._first) and seen.json.get("tools"):
            return _calling(calls)
        if calls:
            told += ["Here is all of it:", *results]
        return _spoken(" ".join(told) or "Gladly.")

    def _recited(self, read: str, system: str) -> Iterator[str]:
        for how in _RECITE.findall(read):
            yield HOW[how](system.partition("Passages (data")[0])


def _readable(text: str) -> str:
    """The text with every disguise taken off that a clever model would see through."""
    plain = unicodedata.normalize("NFKC", text)
    plain = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    return plain + "\n" + "\n".join(map(_decoded, _BASE64.findall(plain)))


def _decoded(word: str) -> str:
    try:
        return base64.b64decode(word, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _arguments(given: str) -> Any:
    try:
        return orjson.loads(given.replace('\\"', '"'))
    except orjson.JSONDecodeError:
        return {}


def _calling(calls: list[tuple[str, Any]]) -> Reply:
    return say(
        calls=[
            {
                "id": f"call_{number}",
                "type": "function",
                "function": {"name": name, "arguments": orjson.dumps(given).decode()},
            }
            for number, (name, given) in enumerate(calls)
        ]
    )


def _spoken(text: str) -> Reply:
    """In pieces that cut through words, links and numbers."""
    return say(*(text[start : start + _PIECE] for start in range(0, len(text), _PIECE)))
