"""B13 admission: what a token and the limits cost a request, beside PyJWT and a moving window at a time.

Each server has a route that asks for an identity and, right beside it, one that does not. What the first
costs more is measured, with 16 clients at once. The peer decodes each token and asks Redis for each window.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any
from uuid import uuid4

import jwt

from bench.http import Connection
from bench.peers.redis_counts import Counts, read_counts
from bench.processes import cpu_seconds
from bench.result import BenchFailed, Figures, Result, at_most, require_equal
from bench.rounds import percentile
from bench.served import Served, access_token, serve_desk, serve_peer
from bench.stage import Effort, Stage
from desk.domain import TenantSettings, new_id
from desk.storage import tenants
from desk.storage.pool import Database

LIMIT = 3
CLIENTS = 16
REQUESTS_A_TURN = 20  # a request takes so little that the clock of a process would not see a few
_STEPS: Mapping[str, bool] = {"seen before": False, "first seen": True}

Token = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Side:
    """A server, its route for everybody and its route for those who are known."""

    name: str
    served: Served
    open_path: str
    guarded_path: str


class Tokens:
    """Access tokens of one person: the one that `desk token` gave, and others that are signed alike."""

    def __init__(self, stage: Stage, tenant: str) -> None:
        self.first = access_token(stage.settings, tenant)
        self._header = jwt.get_unverified_header(self.first)
        self._claims = jwt.decode(self.first, options={"verify_signature": False})
        self._key = (stage.settings.home / "keys" / "issuer.pem").read_text()

    def another(self) -> str:
        """A token that nobody has seen."""
        claims = {**self._claims, "jti": str(uuid4())}
        return jwt.encode(claims, self._key, self._header["alg"], headers=self._header)

    def forged(self) -> str:
        """The first one with another address in it, under the old signature."""
        head, _, signature = self.first.split(".")
        body = jwt.encode({**self._claims, "email": "eve@example.com"}, self._key, self._header["alg"])
        return ".".join((head, body.split(".")[1], signature))


async def measure(stage: Stage, effort: Effort) -> Result:
    """Both servers on the same Redis, in turns; then what each says to the same good, limited and forged."""
    redis_url = stage.stores.redis_url
    if redis_url is None:
        raise BenchFailed("The limits are measured on a Redis; set REDIS_URL or use the embedded one.")
    with serve_desk(stage) as desk:
        limited = await _make_limited(stage)
        tokens, few = Tokens(stage, "bookshop"), Tokens(stage, limited)
        arguments = [
            *("--redis-url", redis_url, "--keys", str(stage.settings.home / "keys" / "issuer.pem")),
            *("--issuer", stage.settings.issuer, "--audience", stage.settings.audience),
            *("--limited", limited, "--limit", str(LIMIT)),
        ]
        with serve_peer(stage, "stock_admission", *arguments) as peer:
            sides = (
                Side("ours", desk, "/.well-known/jwks.json", "/api/v1/me"),
                Side("peer", peer, "/open", "/guarded"),
            )
            axis = [
                {"token": step, **await _compare(stage, sides, tokens.another if fresh else tokens, effort)}
                for step, fresh in _STEPS.items()
            ]
            await _require_equal_answers(sides, tokens, few)
    known = axis[0]
    goals = [
        at_most("us of CPU for a token seen before and the limits", known["ours"]["cpu_us"], 150),
        at_most("round trips to Redis a request", known["ours"]["round_trips"], 1),
    ]
    title = "Identity and limits of one request, 16 at once, beside PyJWT and six moving windows"
    return Result("admission", title, known["ours"], known["peer"], known["ratio"], axis, goals)


async def _make_limited(stage: Stage) -> str:
    """A tenant whose people may ask only a few times a minute; its slug."""
    database = Database(stage.stores.database_url, size=1)
    await database.open()
    slug = f"limited-{new_id().hex}"
    async with database.control_tx() as tx:
        await tenants.create(tx, slug, "A shop", TenantSettings(rate_limit_per_minute=LIMIT))
    await database.close()
    return slug


async def _compare(
    stage: Stage, sides: Sequence[Side], tokens: Tokens | Token, effort: Effort
) -> dict[str, Any]:
    """Each side's figures, the median of its rounds, after one small round to warm up."""
    rounds: dict[str, list[Figures]] = {side.name: [] for side in sides}
    for number in range(effort.rounds + 1):
        count = effort.turns * REQUESTS_A_TURN if number else 20
        for side in sides:
            stage.say(f"admission: {side.name}, round {number}")
            sent = [tokens.first] * count if isinstance(tokens, Tokens) else [tokens() for _ in range(count)]
            found = await _round(stage, side, sent)
            if number:
                rounds[side.name].append(found)
    ours, peer = (_median(rounds[side.name]) for side in sides)
    ratio = {name: round(peer[name] / ours[name], 2) for name in ours if ours[name] > 0}
    return {"ours": ours, "peer": peer, "ratio": ratio}


async def _round(stage: Stage, side: Side, tokens: Sequence[str]) -> Figures:
    """What the guarded route costs a request more than the open one, and what Redis was asked for it."""
    gc.collect()
    count, pid = len(tokens), side.served.pid
    began = cpu_seconds(pid)
    await _ask_all(side, side.open_path, tokens)
    between, before = cpu_seconds(pid), await _counts(stage)
    waited = await _ask_all(side, side.guarded_path, tokens)
    ended, after = cpu_seconds(pid), await _counts(stage)
    return {
        "cpu_us": ((ended - between) - (between - began)) / count * 1e6,
        "round_trips": (after.calls - before.calls) / count,
        "redis_commands": (after.commands - before.commands) / count,
        "p50_ms": percentile(waited, 0.5) * 1000,
    }


async def _ask_all(side: Side, path: str, tokens: Sequence[str]) -> list[float]:
    """The seconds of each request, of clients that share the tokens; BenchFailed unless all are let in."""
    left = iter(tokens)
    waited: list[float] = []

    async def client() -> None:
        connection = Connection(side.served.port)
        for token in left:
            asked = time.perf_counter()
            status, _ = await connection.get(path, {"authorization": f"Bearer {token}"})
            waited.append(time.perf_counter() - asked)
            require_equal(side.name, str(status), "200")
        connection.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return waited


async def _counts(stage: Stage) -> Counts:
    return await read_counts(stage.stores.redis_url or "")


def _median(rounds: Sequence[Figures]) -> Figures:
    return {name: round(median(one[name] for one in rounds), 2) for name in rounds[0]}


async def _require_equal_answers(sides: Sequence[Side], tokens: Tokens, few: Tokens) -> None:
    """Raises BenchFailed unless both let in, limit and refuse the same; last, as we remember forgers."""
    asked = [tokens.first, *(few.first for _ in range(LIMIT + 1)), tokens.another(), tokens.forged()]
    expected = [200, *(200 for _ in range(LIMIT)), 429, 200, 401]
    for side in sides:
        connection = Connection(side.served.port)
        statuses = []
        for token in asked:
            status, _ = await connection.get(side.guarded_path, {"authorization": f"Bearer {token}"})
            statuses.append(status)
        connection.close()
        require_equal(side.name, str(statuses), str(expected))
