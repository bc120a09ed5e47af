"""The state machine of people in the loop: who may do what in which state, and what it leads to; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, assert_never
from uuid import UUID

from desk.domain import ConversationMode

State = Literal["bot", "offered", "queued", "human", "returned", "ticketed", "closed"]
StaffAct = Literal["claim", "reply", "transfer", "return", "close"]
Act = StaffAct | Literal["message", "request", "offer", "closing_time", "sla_passed"]
Actor = Literal["customer", "assistant", "agent", "admin", "timer"]
Reader = Literal["assistant", "queue", "agent"]
Refusal = Literal["not_allowed", "not_open", "taken", "not_yours", "nothing_to_do"]

ENDED: frozenset[State] = frozenset({"returned", "closed"})
_STAFF: frozenset[Actor] = frozenset({"agent", "admin"})

MAY: dict[Act, frozenset[Actor]] = {
    "message": frozenset({"customer"}),
    "request": frozenset({"customer"}),
    "offer": frozenset({"assistant"}),
    "claim": _STAFF,
    "reply": _STAFF,
    "transfer": _STAFF,
    "return": _STAFF,
    "close": _STAFF,
    "closing_time": frozenset({"timer"}),
    "sla_passed": frozenset({"timer"}),
}


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a conversation stands: who has it, whether the customer waits, and whether that was alarmed."""

    state: State
    agent: UUID | None = None
    awaited: bool = False
    escalated: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """Somebody does something: `who` is the agent or admin who acts, `to` the agent who gets a transfer."""

    act: Act
    by: Actor
    who: UUID | None = None
    to: UUID | None = None
    office_open: bool = True


def transition(now: Situation, move: Move) -> Situation | Refusal:
    """The situation after the move, or why it cannot be."""
    if move.by not in MAY[move.act]:
        return "not_allowed"
    match move.act:
        case "message":
            return _message(now)
        case "request":
            return _request(now, move)
        case "offer":
            return Situation("offered") if now.state in ("bot", "offered") else "nothing_to_do"
        case "closing_time" | "sla_passed":
            return _by_timer(now, move.act)
        case _:
            return _refuse(now, move) or _by_staff(now, move, move.act)


def reader_of(state: State) -> Reader:
    """Whom a message of the customer reaches. While a ticket lies, the assistant answers."""
    match state:
        case "bot" | "offered" | "returned" | "closed" | "ticketed":
            return "assistant"
        case "queued":
            return "queue"
        case "human":
            return "agent"
        case _:
            assert_never(state)


def mode_of(state: State) -> ConversationMode:
    """What the turn runner must know: whether the graph answers."""
    return "bot" if reader_of(state) == "assistant" else "human"


def _message(now: Situation) -> Situation:
    match now.state:
        case "bot" | "offered" | "returned" | "closed":
            return Situation("bot")
        case "ticketed":
            return now
        case "queued" | "human":
            return replace(now, awaited=True)
        case _:
            assert_never(now.state)


def _request(now: Situation, move: Move) -> Situation:
    match now.state:
        case "bot" | "offered" | "returned" | "closed":
            return Situation("queued" if move.office_open else "ticketed", awaited=True)
        case "ticketed":
            return replace(now, state="queued" if move.office_open else "ticketed", awaited=True)
        case "queued" | "human":
            return replace(now, awaited=True)
        case _:
            assert_never(now.state)


def _by_timer(now: Situation, act: Literal["closing_time", "sla_passed"]) -> Situation | Refusal:
    if act == "closing_time":
        return replace(now, state="ticketed") if now.state == "queued" else "nothing_to_do"
    waits = now.state in ("queued", "ticketed", "human") and now.awaited
    return replace(now, escalated=True) if waits and not now.escalated else "nothing_to_do"


def _refuse(now: Situation, move: Move) -> Refusal | None:
    """Only its agent speaks; an admin may also move a conversation or end it, and end what nobody took."""
    match now.state:
        case "bot" | "offered" | "returned" | "closed":
            return "not_open"
        case "queued" | "ticketed":
            may = move.act == "claim" or (move.act == "close" and move.by == "admin")
            return None if may else "not_yours"
        case "human":
            if now.agent == move.who or (move.by == "admin" and move.act not in ("claim", "reply")):
                return None
            return "taken" if move.act == "claim" else "not_yours"
        case _:
            assert_never(now.state)


def _by_staff(now: Situation, move: Move, act: StaffAct) -> Situation:
    match act:
        case "claim":
            return replace(now, state="human", agent=move.who)
        case "reply":
            return replace(now, awaited=False, escalated=False)
        case "transfer":
            if move.to is None:
                return Situation("queued", awaited=True, escalated=now.escalated)
            return replace(now, agent=move.to)
        case "return":
            return Situation("returned")
        case "close":
            return Situation("closed")
        case _:
            assert_never(act)
