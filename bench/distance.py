"""B2 distance: B1's turn with Postgres a round trip away, beside the stock graph and checkpointer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bench.http import Connection
from bench.our_chat import OurChat, new_runner
from bench.peers.stock_graph import DURABILITIES, StockChat, open_saver
from bench.result import Figures, Result, at_least, at_most
from bench.rounds import Load, Meter, Side, compare, ratio, store_processes
from bench.served import serve_peer
from bench.stage import Effort, Stage, open_cast
from bench.turn import ANSWER, HEADLINE, MESSAGE, with_chain
from desk.storage.pool import Database

COUNTED_TURNS = 5


@dataclass(frozen=True, slots=True)
class Point:
    """How long a round trip to Postgres takes, in milliseconds, and how many turns run at once."""

    round_trip_ms: float = 2.5
    concurrency: int = HEADLINE.concurrency


FAR = Point()
ALONE = Point(concurrency=1)
POINTS = (
    FAR,
    ALONE,
    *(Point(ms) for ms in (0, 1, 5)),
    *(Point(ms, 1) for ms in (0, 1, 5)),
)


class Distance:
    """The way to Postgres: how far it is, and what went along it."""

    def __init__(self, port: int) -> None:
        self._control = Connection(port)
        self._port = 0

    async def put(self, ms: float) -> int:
        """Set the round trip; gives the round trips counted so far."""
        told = await self._control.post("/delay", {"ms": ms}, {})
        self._port = told["port"]
        return int(told["trips"])

    def along(self, url: str) -> str:
        """The same database by the long way."""
        parts = urlsplit(url)
        where = f"{parts.username}@127.0.0.1:{self._port}"
        return parts._replace(netloc=where, query="sslmode=disable&gssencmode=disable").geturl()

    async def trips(self, side: Side, ms: float) -> float:
        """Round trips of a turn, alone; the first one, uncounted, finds a connection that is open."""
        await side.turn(0)
        before = await self.put(ms)
        for _ in range(COUNTED_TURNS):
            await side.turn(0)
        return (await self.put(ms) - before) / COUNTED_TURNS


async def measure(stage: Stage, effort: Effort, points: tuple[Point, ...] = POINTS) -> Result:
    """Every point, stock default and stock `exit` in the same rounds as ours; the first is the headline."""
    stores = store_processes()
    nearby = stage.stores.database_url
    with serve_peer(stage, "distant_postgres", "--socket", _socket(nearby)) as wire:
        distance = Distance(wire.port)
        await distance.put(0)
        far = replace(stage, stores=replace(stage.stores, database_url=distance.along(nearby)))
        async with (
            open_cast(far) as cast,
            open_saver(distance.along(stage.stores.migration_database_url)) as saver,
        ):
            ours = replace(cast, services=with_chain(cast.services, HEADLINE.nodes))
            sides = [Side("ours", OurChat(ours, new_runner(ours), MESSAGE).turn, ANSWER)]
            for durability in DURABILITIES:
                stock = StockChat(saver, HEADLINE.nodes, MESSAGE, ANSWER, durability=durability)
                sides.append(Side(durability, stock.turn, ANSWER))
            # The meter reads from nearby, so that its own questions take no time.
            database = Database(nearby, size=2)
            await database.open()
            meter = Meter(database, stores)
            axis: list[dict[str, Any]] = []
            for point in points:
                stage.say(f"distance: {point.round_trip_ms:g} ms, concurrency {point.concurrency}")
                await distance.put(point.round_trip_ms)
                found = await compare(sides, meter, _load(point, effort))
                for side in sides:
                    found[side.name]["round_trips"] = await distance.trips(side, point.round_trip_ms)
                axis.append(_row(point, found))
            await distance.put(0)
            await database.close()
    return _result(axis)


def _result(axis: list[dict[str, Any]]) -> Result:
    first = axis[0]
    goals = [
        at_least("turns/s beside stock default", first["ratio"]["turns_per_s"], 20),
        at_most("round trips a turn", first["ours"]["round_trips"], 3),
    ]
    title = (
        f"B1's turn with Postgres {first['round_trip_ms']:g} ms away, {first['concurrency']} at once,"
        " beside StateGraph + AsyncPostgresSaver"
    )
    return Result("distance", title, first["ours"], first["peer"], first["ratio"], axis, goals)


def _load(point: Point, effort: Effort) -> Load:
    """Alone a turn takes its whole round trips, so there are fewer of them."""
    turns = max(effort.turns, point.concurrency) if point.concurrency > 1 else max(1, effort.turns // 4)
    return Load(effort.rounds, turns, point.concurrency)


def _row(point: Point, found: dict[str, Figures]) -> dict[str, Any]:
    return {
        "round_trip_ms": point.round_trip_ms,
        "concurrency": point.concurrency,
        "ours": found["ours"],
        "peer": found["default"],
        "peer_exit": found["exit"],
        "ratio": ratio(found["ours"], found["default"]),
        "ratio_exit": ratio(found["ours"], found["exit"]),
    }


def _socket(url: str) -> str:
    """The file on which the embedded Postgres of this address listens."""
    return f"{parse_qs(urlsplit(url).query)['host'][0]}/.s.PGSQL.5432"
