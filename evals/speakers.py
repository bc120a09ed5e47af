"""Speakers: how a simulated customer chooses the next words, by rules or by a model, and a talk with one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from desk.privacy.pseudonyms import restore
from evals.asking import Asker
from evals.customer import Customer, Errand
from evals.playing import Talk
from evals.scorers.observed import Observed, folded
from prompts.loader import MEASURING, load_prompt

Ended = Literal["goal met", "gave up", "turn limit"]
CONFIRM: Final = "confirm"
THANKS: Final = "thanks"
YES: Final = "yes please"
THANK_YOU: Final = "Thank you, that helped!"
ASKS_FOR_A_PERSON: Final = "Let me talk to a person, please."
GIVES_UP: Final = "GIVE UP"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the customer said and what came of it."""

    said: str
    observed: Observed


@dataclass(frozen=True, slots=True)
class Met:
    """A whole talk: how it ended, and which exchange decided it, by its place."""

    exchanges: tuple[Exchange, ...]
    ended: Ended
    deciding: int


class Speaker(Protocol):
    """Plays one customer in one conversation."""

    async def says(self, errand: Errand, so_far: Sequence[Exchange]) -> str | None:
        """The next message; None when the customer gives up."""


Casting = Callable[[Customer], Speaker]


async def meet(casting: Casting, customer: Customer, talk: Talk) -> Met:
    """Talk until the goal shows in a reply, the customer gives up, or the turns are used up.

    Whoever plays it, whether the goal is met is told by the replies alone. The customer then says thanks.
    """
    speaker, errand = casting(customer), Errand(customer.wishes)
    exchanges: list[Exchange] = []
    while len(exchanges) < customer.turns_at_most and not errand.done:
        said = await speaker.says(errand, exchanges)
        if said is None and exchanges:
            return Met(tuple(exchanges), "gave up", len(exchanges) - 1)
        said = said or errand.wish.says  # nobody gives up before the first word
        exchanges.append(Exchange(said, await talk.say(said)))
        errand.look_at(exchanges[-1].observed)
    if not errand.done:
        return Met(tuple(exchanges), "turn limit", len(exchanges) - 1)
    deciding = len(exchanges) - 1
    if len(exchanges) < customer.turns_at_most:
        thanks = customer.facts.get(THANKS, (THANK_YOU,))[0]
        exchanges.append(Exchange(thanks, await talk.say(thanks)))
    return Met(tuple(exchanges), "goal met", deciding)


@dataclass(slots=True)
class RuleCustomer:
    """Answers what is asked from its facts, insists once, asks for a person once, then gives up."""

    customer: Customer
    _told: dict[str, int] = field(default_factory=dict)
    _wished: int = -1
    _insisted: bool = False
    _asked_for_a_person: bool = False

    async def says(self, errand: Errand, so_far: Sequence[Exchange]) -> str | None:
        """The first of these that fits."""
        if self._wished != errand.met:
            self._wished, self._insisted = errand.met, False
            return errand.wish.says
        fact = self._fact_for(so_far[-1].observed)
        if fact is not None:
            return fact
        if not self._insisted:
            self._insisted = True
            return f"Once more, please: {errand.wish.says}"
        if not self._asked_for_a_person:
            self._asked_for_a_person = True
            return ASKS_FOR_A_PERSON
        return None

    def _fact_for(self, observed: Observed) -> str | None:
        """What the reply asks for, if there is a value that was not told yet."""
        if observed.reply["actions"]:
            return self._next(CONFIRM, (YES,))
        asked = folded(observed.text)
        for name, values in self.customer.facts.items():
            if name not in {CONFIRM, THANKS} and folded(name) in asked:
                value = self._next(name, values)
                if value is not None:
                    return value
        return None

    def _next(self, name: str, otherwise: tuple[str, ...]) -> str | None:
        values = self.customer.facts.get(name, otherwise)
        at = self._told.get(name, 0)
        self._told[name] = at + 1
        return values[at] if at < len(values) else None


@dataclass(slots=True)
class ModelCustomer:
    """A model plays the customer, by the prompt `customer`; raises what asking raises."""

    asker: Asker
    customer: Customer

    async def says(self, errand: Errand, so_far: Sequence[Exchange]) -> str | None:
        """The model's next message."""
        facts = (f"{name}: {' or '.join(values)}" for name, values in self.customer.facts.items())
        talk = (f"Customer: {one.said}\nAssistant: {one.observed.text}" for one in so_far)
        values = {
            "goal": errand.wish.says,
            "facts": "\n".join(facts) or "(nothing more)",
            "persona": self.customer.persona,
            "talk": "\n".join(talk) or "(it has not begun)",
        }
        told = await self.asker.ask(load_prompt("customer", folder=MEASURING), values)
        said = restore(told.text, told.vault).strip()
        return None if GIVES_UP in said else said
