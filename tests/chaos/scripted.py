"""A graph that does what the message says, in every way that a turn can act; for tests that kill it.

A message is a line of acts: `say 5 every 0.05; record; effect; cite; tool; degrade; revise; person; refuse`.
`break 1` fails in the first run, in a process that is to die at a crash point; elsewhere it does nothing.
`record` draws a number and puts it into the ledger before it says it: whoever says another number than the
ledger holds has acted twice.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from desk.domain import Answer, Citation
from desk.errors import InvalidInput
from desk.events import Cited, Degraded, Revised, Token, ToolUsed
from desk.storage.handoffs import HandoffRequest
from graphs.flow import Flow
from graphs.state import TurnContext, TurnState
from graphs.steps import step

_RUNS: Counter[str] = Counter()


def scripted_flow() -> Flow:
    """The graph, ready to stand in `Services.flow`."""
    graph = StateGraph(TurnState, context_schema=TurnContext)
    node: Any = step(act)
    graph.add_node("act", node)
    graph.add_edge(START, "act")
    graph.add_edge("act", END)
    return Flow(graph)


def words(count: int) -> str:
    """What `say COUNT every PAUSE` says in all."""
    return "".join(f"word{number} " for number in range(1, count + 1))


async def act(_state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Do the acts of the message, one after the other."""
    context = runtime.context
    _RUNS[str(context.turn_id)] += 1
    for line in context.text.split(";"):
        name, *arguments = line.split()
        if name in _ACTS:
            await _ACTS[name](context, arguments)
    said = context.shown or "done "
    lines: Any = [{"role": "user", "text": context.text}, {"role": "assistant", "text": said}]
    return {"answer": Answer(said, "en", "model"), "text": context.text, "window": lines}


def _show(context: TurnContext, text: str) -> None:
    context.shown += text
    context.emit(Token(text))


async def _say(context: TurnContext, arguments: list[str]) -> None:
    count, pause = int(arguments[0]), float(arguments[2])
    for number in range(1, count + 1):
        if pause:
            await asyncio.sleep(pause)
        _show(context, f"word{number} ")


async def _record(context: TurnContext, _: list[str]) -> None:
    recorded = context.ledger.replay()
    if recorded is None:
        recorded = {"drawn": secrets.randbelow(10**9)}
        await context.ledger.record("chaos", recorded)
    _show(context, f"drawn-{recorded['drawn']} ")


async def _effect(context: TurnContext, _: list[str]) -> None:
    """Intend and settle, as a tool that changes something does; nobody is asked in between."""
    key = f"{context.turn_id}:effect"
    earlier = await context.ledger.find(key)
    if earlier is None:
        await context.ledger.intend(key, "chaos", {})
    if earlier is None or earlier.state == "intent":
        await context.ledger.settle(key, "chaos", "result", {})


async def _cite(context: TurnContext, _: list[str]) -> None:
    context.emit(Cited(Citation("faq-1", "faq", 1, "A page", "As it is written.", 0.9)))


async def _tool(context: TurnContext, _: list[str]) -> None:
    context.emit(ToolUsed("look_up", "started"))
    await asyncio.sleep(0)
    context.emit(ToolUsed("look_up", "ended"))


async def _degrade(context: TurnContext, _: list[str]) -> None:
    context.emit(Degraded("something", "nothing"))


async def _revise(context: TurnContext, _: list[str]) -> None:
    context.shown = ""
    context.emit(Revised(""))


async def _person(context: TurnContext, _: list[str]) -> None:
    due = context.now + timedelta(minutes=10)
    context.handoff = HandoffRequest("requested", "queued", "en", due)


async def _refuse(_context: TurnContext, _: list[str]) -> None:
    raise InvalidInput("This is refused.")


async def _break(context: TurnContext, arguments: list[str]) -> None:
    doomed = context.services.engine.settings.crash_at is not None
    if doomed and _RUNS[str(context.turn_id)] <= int(arguments[0]):
        raise RuntimeError("broken on purpose")


_ACTS: dict[str, Callable[[TurnContext, list[str]], Awaitable[None]]] = {
    "say": _say,
    "record": _record,
    "effect": _effect,
    "cite": _cite,
    "tool": _tool,
    "degrade": _degrade,
    "revise": _revise,
    "person": _person,
    "refuse": _refuse,
    "break": _break,
}
