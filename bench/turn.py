"""B1 turn: durable turns on one core with trivial nodes, beside the stock graph and checkpointer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from bench.our_chat import OurChat, new_runner
from bench.peers.chain import our_chain
from bench.peers.stock_graph import DURABILITIES, Saver, StockChat, open_saver
from bench.result import Result, at_least, at_most
from bench.rounds import Load, Meter, Side, compare, ratio, store_processes
from bench.stage import Cast, Effort, Stage, open_cast
from graphs.services import Services

MESSAGE = "hi"
ANSWER = "We ship within two working days, and you can send anything back for thirty days."
CANNED_NODES = 4


@dataclass(frozen=True, slots=True)
class Point:
    """One size to measure at; `canned` runs the support graph itself instead of a chain."""

    nodes: int = 6
    concurrency: int = 16
    canned: bool = False


HEADLINE = Point()
CANNED = Point(CANNED_NODES, canned=True)
POINTS = (
    HEADLINE,
    CANNED,
    *(Point(nodes=nodes) for nodes in (1, 3, 12)),
    *(Point(concurrency=concurrency) for concurrency in (1, 4, 64)),
)


async def measure(stage: Stage, effort: Effort, points: tuple[Point, ...] = POINTS) -> Result:
    """Every point, stock default and stock `exit` in the same rounds as ours; the first is the headline."""
    stores = store_processes()
    async with open_cast(stage) as cast, open_saver(stage.stores.migration_database_url) as saver:
        meter = Meter(cast.services.engine.database, stores)
        axis: list[dict[str, Any]] = []
        for point in points:
            stage.say(f"turn: {point.nodes} nodes, concurrency {point.concurrency}")
            axis.append(await _measure_point(cast, saver, meter, point, effort))
    first = axis[0]
    goals = [
        at_least("turns/s beside stock default", first["ratio"]["turns_per_s"], 5),
        at_least("turns/s beside stock exit", first["ratio_exit"]["turns_per_s"], 1.4),
        *(
            at_least("canned turns/s beside stock default", point["ratio"]["turns_per_s"], 8)
            for point in axis
            if point["graph"] != "chain"
        ),
        at_most("commits a turn", first["ours"]["commits"], 2.05),
    ]
    return Result(
        "turn",
        "Durable turns of six trivial nodes, 16 at once, beside StateGraph + AsyncPostgresSaver",
        first["ours"],
        first["peer"],
        first["ratio"],
        axis,
        goals,
    )


async def _measure_point(
    cast: Cast, saver: Saver, meter: Meter, point: Point, effort: Effort
) -> dict[str, Any]:
    ours = cast if point.canned else replace(cast, services=with_chain(cast.services, point.nodes))
    chat = OurChat(ours, new_runner(ours), MESSAGE)
    answer = await chat.turn(0) if point.canned else ANSWER
    sides = [Side("ours", chat.turn, answer)]
    for durability in DURABILITIES:
        stock = StockChat(saver, point.nodes, MESSAGE, answer, durability=durability)
        sides.append(Side(durability, stock.turn, answer))
    load = Load(effort.rounds, max(effort.turns, point.concurrency), point.concurrency)
    found = await compare(sides, meter, load)
    return {
        "graph": "support, canned" if point.canned else "chain",
        "nodes": point.nodes,
        "concurrency": point.concurrency,
        "ours": found["ours"],
        "peer": found["default"],
        "peer_exit": found["exit"],
        "ratio": ratio(found["ours"], found["default"]),
        "ratio_exit": ratio(found["ours"], found["exit"]),
    }


def with_chain(services: Services, nodes: int) -> Services:
    """The same services with a chain of trivial nodes instead of the support graph."""
    tools = tuple(services.tools.values())
    return Services(services.engine, tools, services.http, flow=our_chain(nodes, ANSWER))
