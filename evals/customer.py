"""A simulated customer: who has a goal and facts in place of lines, and what is left of the errand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from desk.errors import InvalidInput
from evals.scorers.observed import Observed, folded

KEYS: Final = frozenset({"goal", "facts", "persona", "turns_at_most"})
WISH: Final = frozenset({"says", "shows"})
TURNS_AT_MOST: Final = 8


@dataclass(frozen=True, slots=True)
class Wish:
    """What the customer says at first, and what must stand in a reply: of each fact one spelling."""

    says: str
    shows: tuple[tuple[str, ...], ...]

    def is_met_by(self, observed: Observed) -> bool:
        """Whether the reply shows all of it."""
        text = folded(observed.text)
        return all(any(folded(spelling) in text for spelling in fact) for fact in self.shows)


@dataclass(frozen=True, slots=True)
class Customer:
    """Wishes, one after the other; facts by the words in which the desk asks for them.

    Of several values of a fact each is told once, in turn. `confirm` is what is said to an offer, `thanks`
    the last word, and `persona` is for a model that plays the customer.
    """

    wishes: tuple[Wish, ...]
    facts: Mapping[str, tuple[str, ...]]
    persona: str
    turns_at_most: int


@dataclass(slots=True)
class Errand:
    """The wishes that are still open."""

    wishes: tuple[Wish, ...]
    met: int = 0

    @property
    def done(self) -> bool:
        """Whether nothing is left to wish for."""
        return self.met == len(self.wishes)

    @property
    def wish(self) -> Wish:
        """The wish of the moment."""
        return self.wishes[self.met]

    def look_at(self, observed: Observed) -> None:
        """Tick the wish off if this reply meets it."""
        self.met += self.wish.is_met_by(observed)


def parse_customer(given: Any, case: str) -> Customer:
    """The customer of a case; raises InvalidInput with what is wrong."""
    if not isinstance(given, dict) or not given.keys() <= KEYS or "goal" not in given:
        raise InvalidInput(f"Case {case}: a customer is {{goal, facts, persona?, turns_at_most?}}.")
    goal, facts, most = given["goal"], given.get("facts", {}), given.get("turns_at_most", TURNS_AT_MOST)
    if not isinstance(most, int) or most < 1:
        raise InvalidInput(f"Case {case}: `turns_at_most` is a number from 1 on.")
    if not isinstance(facts, dict):
        raise InvalidInput(f"Case {case}: `facts` is a mapping from what is asked for to what is told.")
    wishes = tuple(_wish(wish, case) for wish in (goal if isinstance(goal, list) else [goal]))
    if not wishes:
        raise InvalidInput(f"Case {case}: the customer wants nothing.")
    told = {name: _several(value) for name, value in facts.items()}
    return Customer(wishes, told, str(given.get("persona", "An ordinary, friendly customer.")), most)


def _wish(given: Any, case: str) -> Wish:
    if not isinstance(given, dict) or given.keys() != WISH or not given["shows"]:
        raise InvalidInput(f"Case {case}: a goal is {{says, shows}}, and something must show.")
    return Wish(given["says"], tuple(_several(fact) for fact in given["shows"]))


def _several(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
