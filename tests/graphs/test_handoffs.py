"""The rules of handoffs, checked over every situation in reach: a way out, nobody unheard, no circles."""

from __future__ import annotations

from collections import deque
from itertools import product
from typing import get_args
from uuid import UUID

import pytest

from graphs.handoffs.machine import (
    ENDED,
    MAY,
    Act,
    Actor,
    Move,
    Situation,
    StaffAct,
    State,
    mode_of,
    reader_of,
    transition,
)

ANNE, BEN = UUID(int=1), UUID(int=2)
BEGINNING = Situation("bot")
STATES: tuple[State, ...] = get_args(State)
ACTORS: tuple[Actor, ...] = get_args(Actor)
STAFF: tuple[Actor, ...] = ("agent", "admin")
ACTS: tuple[Act, ...] = tuple(MAY)
MOVES = [
    Move(act, by, who, to, office_open=office_open)
    for act, by in product(ACTS, ACTORS)
    for who in ((ANNE, BEN) if by in ("agent", "admin") else (None,))
    for to in ((None, ANNE, BEN) if act == "transfer" else (None,))
    for office_open in ((True, False) if act == "request" else (True,))
]


def explore() -> dict[Situation, list[tuple[Move, Situation]]]:
    """Every reachable situation with the moves that lead on from it."""
    found: dict[Situation, list[tuple[Move, Situation]]] = {}
    ahead = deque([BEGINNING])
    while ahead:
        here = ahead.popleft()
        if here in found:
            continue
        steps = [(move, transition(here, move)) for move in MOVES]
        found[here] = [(move, there) for move, there in steps if isinstance(there, Situation)]
        ahead.extend(there for _, there in found[here])
    return found


REACHED = explore()


def test_every_state_is_reached_and_every_act_known() -> None:
    assert {situation.state for situation in REACHED} == set(STATES)
    assert {move.act for steps in REACHED.values() for move, _ in steps} == set(ACTS)
    assert set(get_args(StaffAct)) < set(ACTS)


def test_a_request_for_a_person_leads_in_one_turn_to_the_queue_or_a_ticket() -> None:
    for here in REACHED:
        for office_open in (True, False):
            there = transition(here, Move("request", "customer", office_open=office_open))
            assert isinstance(there, Situation), here
            assert there.awaited
            if here.state == "human":
                assert there.agent == here.agent, "who is with a person stays with that person"
            else:
                assert there.state in ("queued", "ticketed")
            if office_open:
                assert there.state != "ticketed"


def test_a_message_always_reaches_somebody_who_answers() -> None:
    for here in REACHED:
        there = transition(here, Move("message", "customer"))
        assert isinstance(there, Situation), here
        reader = reader_of(there.state)
        assert (reader == "assistant") == (mode_of(there.state) == "bot")
        if reader == "agent":
            assert there.agent is not None
        if reader != "assistant":
            assert there.awaited, "somebody must be told, and alarmed when it takes too long"
            alarmed = transition(
                Situation(there.state, there.agent, awaited=True), Move("sla_passed", "timer")
            )
            assert alarmed == Situation(there.state, there.agent, awaited=True, escalated=True)


def test_whoever_waits_can_be_taken_by_any_agent() -> None:
    for here in REACHED:
        if here.state in ("queued", "ticketed"):
            for by, who in product(STAFF, (ANNE, BEN)):
                there = transition(here, Move("claim", by, who))
                assert isinstance(there, Situation)
                assert (there.state, there.agent) == ("human", who)


def test_no_conversation_runs_in_circles_by_itself() -> None:
    """Without a customer and without staff every chain of moves ends: the timer cannot go round."""
    alone = {here: [there for move, there in steps if move.by == "timer"] for here, steps in REACHED.items()}

    def longest(here: Situation, path: tuple[Situation, ...] = ()) -> int:
        assert here not in path, f"a circle through {here}"
        return max((1 + longest(there, (*path, here)) for there in alone[here]), default=0)

    assert max(map(longest, alone)) == 2, "a place in the queue becomes late, then a ticket"


def test_every_situation_can_end_and_an_end_is_explicit() -> None:
    for here in REACHED:
        ends = [there.state for move, there in REACHED[here] if move.act in ("return", "close")]
        assert set(ends) <= ENDED
        if here.state in ("queued", "human", "ticketed"):
            assert "closed" in ends
        else:
            assert ends == []
            assert (here.agent, here.awaited) == (None, False)
    for state in ENDED:
        assert {there.state for _, there in REACHED[Situation(state)]} == {"bot", "queued", "ticketed"}


def test_only_who_may_does() -> None:
    for here, move in product(REACHED, MOVES):
        outcome = transition(here, move)
        assert (outcome == "not_allowed") == (move.by not in MAY[move.act])
    for act in get_args(StaffAct):
        assert MAY[act] == {"agent", "admin"}


def test_an_agent_is_there_exactly_while_a_person_has_it() -> None:
    for here in REACHED:
        assert (here.agent is not None) == (here.state == "human"), here


@pytest.mark.parametrize(
    ("move", "outcome"),
    [
        (Move("claim", "agent", ANNE), Situation("human", ANNE, awaited=True)),
        (Move("claim", "agent", BEN), "taken"),
        (Move("claim", "admin", BEN), "taken"),
        (Move("reply", "agent", ANNE), Situation("human", ANNE)),
        (Move("reply", "agent", BEN), "not_yours"),
        (Move("reply", "admin", BEN), "not_yours"),
        (Move("transfer", "agent", ANNE, BEN), Situation("human", BEN, awaited=True)),
        (Move("transfer", "agent", BEN, BEN), "not_yours"),
        (Move("transfer", "admin", BEN, BEN), Situation("human", BEN, awaited=True)),
        (Move("transfer", "agent", ANNE), Situation("queued", awaited=True)),
        (Move("return", "agent", ANNE), Situation("returned")),
        (Move("close", "agent", BEN), "not_yours"),
        (Move("close", "admin", BEN), Situation("closed")),
        (Move("request", "customer", office_open=False), Situation("human", ANNE, awaited=True)),
        (Move("offer", "assistant"), "nothing_to_do"),
        (Move("closing_time", "timer"), "nothing_to_do"),
        (Move("reply", "customer"), "not_allowed"),
    ],
)
def test_while_anne_has_it(move: Move, outcome: object) -> None:
    assert transition(Situation("human", ANNE, awaited=True), move) == outcome


def test_closing_time_and_the_next_morning() -> None:
    queued = Situation("queued", awaited=True)
    ticket = transition(queued, Move("closing_time", "timer"))
    assert ticket == Situation("ticketed", awaited=True)
    assert reader_of(ticket.state) == "assistant"
    assert transition(ticket, Move("request", "customer", office_open=False)) == ticket
    assert transition(ticket, Move("request", "customer")) == queued
    assert transition(ticket, Move("close", "agent", ANNE)) == "not_yours"
