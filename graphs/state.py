"""What flows through a turn: TurnState, which is kept, and TurnContext, which is only lent; no logic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

import numpy as np
from langgraph.channels import UntrackedValue
from numpy.typing import NDArray
from typing_extensions import TypedDict

from desk.domain import Action, Answer, ConversationId, Principal, PromptRef, Tenant, TurnId, Usage
from desk.events import TurnEvent
from desk.privacy.pseudonyms import Vault
from desk.storage.handoffs import HandoffRequest
from desk.tooling import Passage
from graphs.acting.ledger import Ledger
from graphs.brake import Brake
from graphs.services import Services
from graphs.tuning import Tuning
from prompts.choice import PromptChoice
from prompts.shelf import Pin

WINDOW = 12


class Line(TypedDict):
    """One line of the talk as a model sees it: personal values are pseudonyms."""

    role: Literal["user", "assistant"]
    text: str


def keep_last_lines(kept: list[Line], added: list[Line]) -> list[Line]:
    """The reducer of the window: bounded, so that turn 1000 costs what turn 10 costs."""
    return [*kept, *added][-WINDOW:]


class Topic(TypedDict, total=False):
    """What the talk is about, so that a short follow-up is understood.

    `titles` are those of the products last shown, `listed` those of the last list, in which one may have been
    pointed at since. `offers_person` says that the last answer knew no better than a person, who is brought
    by a yes.
    """

    intent: str | None
    order_ids: list[str]
    titles: list[str]
    listed: list[str]
    waiting_for: Literal["order_number", "order_proof", "message"] | None
    proofs_tried: int
    fallbacks: int
    offers_person: bool


class Offer(TypedDict):
    """An action that waits for a yes; its arguments hold pseudonyms. The next answer withdraws it."""

    id: str
    label: str
    tool: str
    arguments: dict[str, Any]
    expires_at: str


class TurnState(TypedDict, total=False):
    """The first six are kept with the conversation; the others live for one turn and are never stored.

    `parts` are the wishes of a message that are not answered yet, the first of them being answered now;
    `heard` is what is left of a message with one wish without who it is from.
    """

    window: Annotated[list[Line], keep_last_lines]
    summary: str
    language: str
    topic: Topic
    offers: list[Offer]
    pinned: dict[str, Pin]

    flags: Annotated[tuple[str, ...], UntrackedValue]
    text: Annotated[str, UntrackedValue]
    heard: Annotated[str, UntrackedValue]
    decision: Annotated[Decided, UntrackedValue]
    parts: Annotated[tuple[Part, ...], UntrackedValue]
    told: Annotated[tuple[Told, ...], UntrackedValue]
    passages: Annotated[tuple[Passage, ...], UntrackedValue]
    exchange: Annotated[tuple[dict[str, Any], ...], UntrackedValue]
    draft: Annotated[Draft, UntrackedValue]
    offered: Annotated[tuple[Action, ...], UntrackedValue]
    answer: Annotated[Answer, UntrackedValue]


@dataclass(frozen=True, slots=True)
class Decided:
    """Where a message goes and why: its intent (None = none of ours) and the router's confidence, 0 to 1.

    `goes_on` says that it is understood together with the message before it. `places` are countries that it
    names and that the intent's reply says nothing of.
    """

    route: Literal["canned", "order", "product", "faq", "handoff", "action"]
    intent: str | None
    confidence: float
    because: str
    goes_on: bool = False
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One wish of a message that has several: its words, with pseudonyms, where it goes, its order numbers.

    One that comes `later` is not answered in this turn; the customer is told to ask again.
    """

    text: str
    decision: Decided
    order_ids: tuple[str, ...] = ()
    later: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a part: its answer, None if nobody knows one; a `spare` one is for want of a model's."""

    part: Part
    answer: Answer | None
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """What a model wrote: text, or calls of tools; `rejected` names claims that stand in no source."""

    text: str = ""
    calls: tuple[dict[str, Any], ...] = ()
    rejected: tuple[str, ...] = ()
    failed: bool = False


@dataclass(slots=True)
class TurnContext:
    """What one turn may use and notes down; never stored as it is.

    `text` is what the customer wrote, raw, or what their tap on the action `confirm` says. `start` is the
    state that the turns before left; `noted` is what the running node has to say of itself, for its step;
    `payer` is whose budget it uses, if not the customer's.
    """

    turn_id: TurnId
    conversation_id: ConversationId
    principal: Principal
    tenant: Tenant
    text: str
    locale: str | None
    now: datetime
    services: Services
    ledger: Ledger
    vault: Vault
    emit: Callable[[TurnEvent], None]
    brake: Brake
    confirm: str | None = None
    vector: NDArray[np.float32] | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    model: str | None = None
    prompt: PromptRef | None = None
    handoff: HandoffRequest | None = None
    shown: str = ""
    prompts: PromptChoice = field(default_factory=PromptChoice)
    bundle: str | None = None
    tuning: Tuning = field(default_factory=Tuning)
    start: dict[str, Any] = field(default_factory=dict)
    payer: Principal | None = None
    noted: dict[str, Any] = field(default_factory=dict)
