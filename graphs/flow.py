"""Flow: how turns run a graph. A superstep costs more than most nodes do, so nodes run in walks.

A walk is one node after the other by the graph's own edges, on the state as LangGraph folds it. A turn whose
first walk comes to the end needs no superstep at all; what stands apart runs under LangGraph.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from inspect import signature
from types import MappingProxyType
from typing import Any

from langgraph.channels import BinaryOperatorAggregate, LastValue, UntrackedValue
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from desk.storage.staging import StagedSaver

NOTHING: Mapping[str, Any] = MappingProxyType({})

Graph = StateGraph[Any, Any, Any, Any]
Node = Callable[[dict[str, Any], Runtime[Any]], Awaitable[dict[str, Any]]]
Choice = Callable[[dict[str, Any], Runtime[Any]], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a walk came to, END or a node that stands apart, and what it changed on the way."""

    to: str
    state: dict[str, Any]
    writes: list[tuple[str, Any]]


class Flow:
    """A graph ready to be run, with the same outcome as under LangGraph alone.

    Raises ValueError for a graph whose nodes run side by side, or are no async functions of state and
    runtime: a walk is not enough for it. Values of LangGraph's `Overwrite` are not folded.
    """

    def __init__(self, graph: Graph, *, apart: Collection[str] = ()) -> None:
        self._nodes: dict[str, Node] = {name: _node(name, spec) for name, spec in graph.nodes.items()}
        self._next = {name: _next(graph, name) for name in (START, *graph.nodes)}
        self._apart = frozenset(apart)
        self._kept = {name for name, channel in graph.channels.items() if _is_kept(channel)}
        self._reduced = {
            name: channel
            for name, channel in graph.channels.items()
            if isinstance(channel, BinaryOperatorAggregate)
        }
        self._supersteps = self._compiled(graph) if apart else None

    async def run(
        self, saver: StagedSaver, context: Any, *, also: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The state at the end of a turn; what is kept of it is staged in `saver`.

        `also` changes the state before the first node, as far as the graph has such channels.
        """
        known = {name: value for name, value in (also or {}).items() if name in self._kept}
        walk = await self._walk(START, saver.state, Runtime(context=context), known)
        if walk.to == END:
            self._stage(saver, walk)
            return walk.state
        assert self._supersteps is not None
        state: dict[str, Any] = await self._supersteps.ainvoke(
            # In a list it is an input of a new run; alone it would resume the one before.
            [Command(update=self._once(walk.writes), goto=walk.to)],
            {"configurable": saver.configurable},
            context=context,
            durability="exit",
        )
        return state

    async def run_from(self, name: str, state: dict[str, Any], context: Any) -> dict[str, Any]:
        """The state at the end of a run from START or a node with this state; nothing of it is kept."""
        runtime = Runtime(context=context)
        walk = await self._walk(name, state, runtime)
        while walk.to != END:
            walk = await self._walk(walk.to, walk.state, runtime)
        return walk.state

    def kept(self, state: dict[str, Any]) -> dict[str, Any]:
        """What of a state the next turn begins with."""
        return {name: value for name, value in state.items() if name in self._kept}

    def folded(self, state: dict[str, Any], update: dict[str, Any]) -> dict[str, Any]:
        """The state with an update on top, by each channel's own rule."""
        walk = Walk("", dict(state), [])
        self._fold(walk, update)
        return walk.state

    def stage(self, saver: StagedSaver, update: dict[str, Any]) -> None:
        """Stage the state at the turn's start with one update on top, without running anything."""
        walk = Walk(END, saver.state, [])
        self._fold(walk, update)
        self._stage(saver, walk)

    async def _walk(
        self, start: str, state: dict[str, Any], runtime: Runtime[Any], also: Mapping[str, Any] = NOTHING
    ) -> Walk:
        """From START, or from a node that stands apart, to the next one or the end."""
        walk = Walk("", dict(state), [])
        self._fold(walk, also)
        name = start
        if start == START:
            name = await self._next[START](walk.state, runtime)
        while True:
            self._fold(walk, await self._nodes[name](walk.state, runtime))
            name = await self._next[name](walk.state, runtime)
            if name == END or name in self._apart:
                return Walk(name, walk.state, walk.writes)

    def _fold(self, walk: Walk, update: Mapping[str, Any]) -> None:
        for key, value in update.items():
            reduced = self._reduced.get(key)
            if reduced is None:
                walk.state[key] = value
            else:
                walk.state[key] = reduced.operator(walk.state.get(key, reduced.value), value)
            walk.writes.append((key, value))

    def _stage(self, saver: StagedSaver, walk: Walk) -> None:
        changed = {key for key, _ in walk.writes} & self._kept
        saver.stage({key: walk.state[key] for key in changed})

    def _compiled(self, graph: Graph) -> Any:
        """The graph for LangGraph: a node for each that stands apart, which goes on from there."""
        compiled: Graph = StateGraph(graph.state_schema, context_schema=graph.context_schema)
        for name in self._apart:
            walk: Any = self._superstep(name)
            compiled.add_node(name, walk, destinations=tuple(self._apart))
        compiled.set_conditional_entry_point(_nowhere, [*self._apart])
        return compiled.compile()

    def _superstep(self, start: str) -> Node:
        async def superstep(state: dict[str, Any], runtime: Runtime[Any]) -> Any:
            walk = await self._walk(start, state, runtime)
            return Command(update=self._once(walk.writes), goto=walk.to)

        superstep.__name__ = start
        return superstep

    def _once(self, writes: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        """A channel without a reducer takes one value in a superstep: the last."""
        last = {key: value for key, value in writes if key not in self._reduced}
        return [*last.items(), *((key, value) for key, value in writes if key in self._reduced)]


def _is_kept(channel: Any) -> bool:
    """Whether a channel's value is kept from turn to turn."""
    if isinstance(channel, LastValue | BinaryOperatorAggregate):
        return True
    if isinstance(channel, UntrackedValue):
        return False
    raise ValueError(f"A flow knows no channel of type {type(channel).__name__}.")


async def _nowhere(_state: dict[str, Any]) -> list[str]:
    """Where a run begins by the graph: its first Command says it."""
    return []


def _node(name: str, spec: Any) -> Node:
    function = getattr(spec.runnable, "afunc", None)
    if function is None:
        raise ValueError(f"The node {name} is no async function, so it cannot be walked.")
    found: Node = function
    return found


def _next(graph: Graph, name: str) -> Choice:
    """What comes after a node: the one end of its edge, or what its one branch chooses."""
    ends = [end for start, end in graph.edges if start == name]
    branches = list(graph.branches[name].values()) if name in graph.branches else []
    if graph.waiting_edges or len(ends) + len(branches) != 1:
        raise ValueError(f"After {name} nodes run side by side, or none does, so it cannot be walked.")
    if ends:
        return _always(ends[0])
    return _chosen(name, branches[0])


def _always(end: str) -> Choice:
    async def follow(_state: dict[str, Any], _runtime: Runtime[Any]) -> str:
        return end

    return follow


def _chosen(name: str, branch: Any) -> Choice:
    choose, ends = getattr(branch.path, "afunc", None), branch.ends
    if choose is None:
        raise ValueError(f"The branch after {name} is no async function, so it cannot be walked.")
    asks_runtime = "runtime" in signature(choose).parameters

    async def follow(state: dict[str, Any], runtime: Runtime[Any]) -> str:
        chosen = await (choose(state, runtime) if asks_runtime else choose(state))
        return str(ends[chosen] if ends else chosen)

    return follow
