"""Steps: each node's run is timed, told to the reader, and noted with what it changed."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from langgraph.runtime import Runtime

from desk.events import Step
from graphs.state import TurnContext, TurnState

Node = Callable[[TurnState, Runtime[TurnContext]], Awaitable[TurnState]]


def step(node: Node) -> Node:
    """The node, reporting `step` events and leaving its update among the turn's steps."""
    name = node.__name__

    async def run(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
        context = runtime.context
        context.emit(Step(name, "started"))
        began = time.perf_counter()
        update = await node(state, runtime)
        ms = round((time.perf_counter() - began) * 1000, 3)
        context.steps.append({"node": name, "ms": ms, "update": update})
        context.emit(Step(name, "ended", ms))
        return update

    run.__name__ = name
    return run
