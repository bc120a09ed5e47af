"""What a scorer looks at: what a case expects of a turn, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Expected:
    """What must hold of a turn; what is empty or None is not asked.

    `facts` are lists of spellings of which one must stand in the answer; `absent` must not stand there.
    `actions` are the tools that are offered; nothing is offered that is not named.
    """

    routes: tuple[str, ...] = ()
    intent: str | None = None
    facts: tuple[tuple[str, ...], ...] = ()
    absent: tuple[str, ...] = ()
    citations: tuple[str, ...] | None = None
    tools: tuple[str, ...] | None = None
    language: str | None = None
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """What the customer got: the reply of the contract, all text that was ever shown, the tools called."""

    reply: dict[str, Any]
    shown: str
    tools: tuple[str, ...]

    @property
    def text(self) -> str:
        """The answer."""
        return str(self.reply["text"])


Scorer = Callable[[Expected, Observed], bool | None]


def folded(text: str) -> str:
    """Text as it is compared: without case, each run of spaces as one, one kind of hyphen."""
    return " ".join(text.casefold().replace("–", "-").replace("‑", "-").split())
