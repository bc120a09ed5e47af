"""Judges: a model says of one answer whether it is good; what it says counts only once it was calibrated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from desk.errors import EgressBlocked, InvalidInput, ModelUnavailable
from prompts.loader import MEASURING, Prompt, list_prompts, load_prompt

if TYPE_CHECKING:  # it imports all that a turn needs, which commands that ask no judge need not wait for
    from evals.asking import Asker

PREFIX: Final = "judge_"
_JSON = re.compile(r"\s*(?:```(?:json)?\s*)?(\{.*\})\s*(?:```)?\s*", re.DOTALL)
_VERDICTS: Final = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Answered:
    """A question, the answer it got, and what the answer stands on."""

    id: str
    question: str
    answer: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict with its reason; `good` is None where there is none, and `reason` then says why."""

    good: bool | None
    reason: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class Judge:
    """A prompt `judge_<name>` and who asks a model with it."""

    name: str
    prompt: Prompt
    asker: Asker

    async def rule(self, answered: Answered) -> Ruling:
        """The model's verdict; a failure of whatever kind is no verdict, and never a good one."""
        values = {
            "question": answered.question,
            "answer": answered.answer,
            "sources": "\n\n".join(answered.sources) or "(none)",
        }
        try:
            told = await self.asker.ask(self.prompt, values)
        except (ModelUnavailable, EgressBlocked) as error:
            return Ruling(None, error.detail)
        good, reason = _read(told.text)
        return Ruling(good, reason, told.model)


def open_judge(name: str, asker: Asker) -> Judge:
    """The newest version of a judge; raises InvalidInput when there is none of this name."""
    known = judge_names()
    if name not in known:
        raise InvalidInput(f"There is no judge {name!r}; there are {', '.join(known)}.")
    return Judge(name, load_prompt(PREFIX + name, folder=MEASURING), asker)


def judge_names() -> Sequence[str]:
    """The judges that have a prompt."""
    names = {prompt.name for prompt in list_prompts(folder=MEASURING)}
    return sorted(name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX))


def _read(text: str) -> tuple[bool | None, str]:
    """The verdict and reason of `{"verdict": "yes" | "no", "reason": ...}`; anything else is no verdict."""
    found = _JSON.fullmatch(text)
    try:
        told = orjson.loads(found[1]) if found else None
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("reason"), str):
        return None, "The model did not answer in the form that it was asked for."
    verdict = told.get("verdict")
    good = _VERDICTS.get(verdict) if isinstance(verdict, str) else None
    return good, told["reason"] if good is not None else "The model's verdict is neither yes nor no."
