"""A turn's choice of prompts: which version each name stands for, and which label said so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from desk.errors import InvalidInput
from prompts.loader import Prompt, load_prompt
from prompts.template import variables_of

# The version of a text that was handed in and is no version.
UNSAVED: Final = 0
LONGEST: Final = 20_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """A version of a prompt; `label` is None when the turn was told it, and not a label."""

    prompt: Prompt
    label: str | None = None


@dataclass(frozen=True, slots=True)
class PromptChoice:
    """The prompts of one turn by name; for a name that is not in it the newest file stands."""

    chosen: Mapping[str, Chosen] = field(default_factory=lambda: MappingProxyType({}))

    def prompt(self, name: str) -> Prompt:
        """What the turn says under this name; raises NotFound."""
        found = self.chosen.get(name)
        return found.prompt if found else load_prompt(name)

    def label(self, name: str) -> str | None:
        """Which label put it there; None for what was told the turn."""
        found = self.chosen.get(name)
        return found.label if found else None

    def with_prompt(self, prompt: Prompt) -> PromptChoice:
        """The same choice with this version, whatever the labels say."""
        return PromptChoice(MappingProxyType({**self.chosen, prompt.name: Chosen(prompt)}))

    def with_text(self, name: str, text: str) -> PromptChoice:
        """The same choice with a text that is no version; raises InvalidInput for a wrong variable."""
        return self.with_prompt(unsaved(self.prompt(name), text))


def unsaved(like: Prompt, text: str) -> Prompt:
    """A text in place of a prompt, with the same variables at hand; it need not use all of them.

    Raises InvalidInput for one that is empty, too long, or has a variable that the prompt does not.
    """
    text = text.strip()
    if not text or len(text) > LONGEST:
        raise InvalidInput(f"A prompt has 1 to {LONGEST} characters.")
    used = variables_of(text)
    unknown = sorted(used - set(like.variables))
    if unknown:
        raise InvalidInput(f"The prompt {like.name} has no variable named: {', '.join(unknown)}.")
    sha = hashlib.sha256(text.encode()).hexdigest()
    variables = tuple(name for name in like.variables if name in used)
    return Prompt(like.name, UNSAVED, sha, variables, "", text)
