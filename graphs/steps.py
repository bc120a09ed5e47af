"""Steps: each node's run is timed, told to the reader, and noted with what it changed and what it cost."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from langgraph.runtime import Runtime

from desk.events import Step
from graphs.state import TurnContext, TurnState

# The first of a turn's steps: the state that the turns before left, which every later state is folded from.
START = "__start__"

Node = Callable[[TurnState, Runtime[TurnContext]], Awaitable[TurnState]]


def step(node: Node) -> Node:
    """The node, reporting `step` events and leaving its update among the turn's steps.

    A step is `{node, ms, update}`, with `noted` if the node said something of itself and `usage` if it cost.
    """
    name = node.__name__

    async def run(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
        context = runtime.context
        context.emit(Step(name, "started"))
        context.noted, before = {}, context.usage
        began = time.perf_counter()
        update = await node(state, runtime)
        ms = round((time.perf_counter() - began) * 1000, 3)
        done: dict[str, Any] = {"node": name, "ms": ms, "update": update}
        if context.noted:
            done["noted"] = context.noted
        if context.usage is not before:
            done["usage"] = asdict(context.usage - before)
        context.steps.append(done)
        context.emit(Step(name, "ended", ms))
        return update

    run.__name__ = name
    return run


def steps_of(context: TurnContext) -> list[dict[str, Any]]:
    """The turn's steps as they are kept, from its start."""
    start = {"node": START, "ms": 0.0, "update": context.start, "noted": {"now": context.now.isoformat()}}
    return [start, *context.steps]
