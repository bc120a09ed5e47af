"""A graph that does what the message says, for tests of everything around a turn.

`say 20 every 0.05` speaks twenty words, `break 2` fails in its first two runs, `refuse` fails as a bad
request, `hang` heeds no cancel for two seconds. What is closed on the way out is noted in CLOSED.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from desk.domain import Answer
from desk.errors import InvalidInput
from desk.events import Token
from graphs.flow import Flow
from graphs.state import TurnContext, TurnState

CLOSED: dict[str, float] = {}
RUNS: Counter[str] = Counter()


def speaking_flow() -> Flow:
    """The graph, ready to stand in `Services.flow`."""
    graph = StateGraph(TurnState, context_schema=TurnContext)
    speak: Any = _speak
    graph.add_node("speak", speak)
    graph.add_edge(START, "speak")
    graph.add_edge("speak", END)
    return Flow(graph)


def words(count: int) -> str:
    """What `say COUNT every PAUSE` says in all."""
    return "".join(f"word{number} " for number in range(1, count + 1))


async def _speak(_state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    context = runtime.context
    turn = str(context.turn_id)
    RUNS[turn] += 1
    said = re.match(r"say (\d+) every ([\d.]+)", context.text)
    broken = re.match(r"break (\d+)", context.text)
    if context.text == "refuse":
        raise InvalidInput("This is refused.")
    if broken and RUNS[turn] <= int(broken[1]):
        context.emit(Token("never mind "))
        raise RuntimeError("broken on purpose, over a secret")
    try:
        if context.text == "hang":
            await _hang()
        for number in range(1, int(said[1]) + 1 if said else 2):
            await asyncio.sleep(float(said[2]) if said else 0)
            context.shown += f"word{number} "
            context.emit(Token(f"word{number} "))
    finally:
        CLOSED[turn] = time.monotonic()
    return {"answer": Answer(context.shown, "en", "model"), "text": context.text}


async def _hang() -> None:
    """Work that does not heed a cancel for two seconds."""
    until = time.monotonic() + 2
    while time.monotonic() < until:
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            continue
    raise RuntimeError("hung for too long")
