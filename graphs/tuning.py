"""What a prompt engineer may turn in one run: each node's parameters, with the values that customers get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from desk.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Tuning:
    """The parameters of all nodes; `confident` and `faq_threshold` None are the tenant's own."""

    confident: float | None = None
    passages: int = 5
    curated: float = 0.9
    faq_threshold: float | None = None
    answer_tokens: int = 400
    tool_rounds: int = 3


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number of `Tuning`: which node heeds it, what it does, and its bounds."""

    node: str
    what: str
    least: float
    most: float
    whole: bool = False


PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {
        "confident": Parameter("route_intent", "least confidence of an intent that is followed", 0, 1),
        "passages": Parameter("retrieve_faqs", "how many passages are searched for", 1, 20, whole=True),
        "curated": Parameter("retrieve_faqs", "least score that needs no model", 0, 1),
        "faq_threshold": Parameter("retrieve_faqs", "least score of an answer without a model", 0, 1),
        "answer_tokens": Parameter("call_llm", "most tokens of a model's answer", 16, 2000, whole=True),
        "tool_rounds": Parameter("call_llm", "how often a model may ask for tools", 0, 6, whole=True),
    }
)


def tuned(parameters: Mapping[str, float]) -> Tuning:
    """The usual values with these in their place; raises InvalidInput for an unknown one or out of bounds."""
    for name, value in parameters.items():
        known = PARAMETERS.get(name)
        if known is None:
            raise InvalidInput(f"There is no parameter {name!r}; known are {', '.join(PARAMETERS)}.")
        if not known.least <= value <= known.most or (known.whole and value != int(value)):
            kind = "a whole number" if known.whole else "a number"
            raise InvalidInput(f"{name} is {kind} from {known.least:g} to {known.most:g}.")
    given = {
        name: int(value) if PARAMETERS[name].whole else float(value) for name, value in parameters.items()
    }
    return replace(Tuning(), **given)  # type: ignore[arg-type]
