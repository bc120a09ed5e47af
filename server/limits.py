"""Rate limits: what a caller, an address and a tenant may ask in a minute and an hour; never unlimited."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

import structlog
from starlette.requests import HTTPConnection

from desk.cache.memory import MemoryHits
from desk.cache.port import CacheAway, HitCounter, Standing, Window
from desk.domain import TenantId, TenantSettings
from desk.errors import RateLimited, Unavailable
from desk.settings import Settings
from desk.telemetry.metrics import DEGRADED, LIMITED
from server.addresses import UNKNOWN
from server.auth import Caller

Whose = Literal["caller", "address", "tenant"]

_RETRY_AFTER_SECONDS = 5.0
_BEAT_SECONDS = 5.0
_SUSPECT_SECONDS = 3600.0  # the longest window
_MOST_SUSPECTS = 10_000
_MINUTE, _HOUR = 60, 3600
_NAMES = {_MINUTE: "minute", _HOUR: "hour"}
_SAID: dict[Whose, str] = {
    "caller": "You have sent too many requests",
    "address": "Too many requests have come from your address",
    "tenant": "This shop has too many requests at the moment",
}

log = structlog.get_logger("desk.limits")


@dataclass(frozen=True, slots=True)
class Plan:
    """The windows of a request, whose they are, and how its caller's own are published."""

    windows: tuple[Window, ...]
    whose: tuple[Whose, ...]
    policy: str

    @property
    def told(self) -> int:
        """How many windows, the first ones, are published in full."""
        return self.whose.count("caller")

    def shared_by(self, processes: int) -> Plan:
        """A process's part, while it cannot know what the others count."""
        windows = tuple(replace(one, limit=max(1, one.limit // processes)) for one in self.windows)
        return replace(self, windows=windows)


class Limits:
    """Counts in Redis when there is one; while it is away, in this process, which then has its part alone.

    The caller's own windows are told in the answer's headers; how an address or a tenant stands is nobody's
    business, unless it is what refuses.
    """

    def __init__(self, settings: Settings, shared: HitCounter | None) -> None:
        self._settings = settings
        self._plans: dict[TenantId, tuple[TenantSettings, Plan]] = {}
        self._strangers = _plan({"address": self._of_address()})
        self._unsigned = _plan({"address": (settings.rate_limit_per_minute, settings.rate_limit_per_hour)})
        self._suspects: OrderedDict[str, float] = OrderedDict()
        self.shared = shared
        self._local = MemoryHits()
        self._away_until = 0.0
        self._beating: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Be counted among the processes that share the counts, and know how many they are, until `close`."""
        await self._hit((), Plan((), (), ""))
        if self.shared is not None and self._beating is None:
            self._beating = asyncio.create_task(_beat(self.shared))

    async def check(
        self, caller: Caller, connection: HTTPConnection, *, address_counted: bool = False
    ) -> None:
        """Count a request, and leave how its caller stands for the front to tell.

        Raises RateLimited with the seconds to wait.
        """
        plan = self._plan_of(caller)
        if address_counted or caller.address == UNKNOWN:  # an unknown one would be shared by many
            plan = _without_address(plan)
        who = f"{caller.tenant.id}:{caller.principal.subject_id or caller.api_key_id}"
        names = {"caller": who, "address": f"address:{caller.address}", "tenant": str(caller.tenant.id)}
        standing, plan = await self._hit([names[one] for one in plan.whose], plan)
        if standing.refused is not None and plan.whose[standing.refused] == "address":
            self._suspect(caller.address)
        connection.scope["state"]["rate_limit"] = (plan.policy, _told(plan, standing))
        _refuse(plan, standing)

    async def check_address(self, address: str) -> None:
        """Count a request that asks for an identity; an address has no more of these than one caller has."""
        standing, plan = await self._hit([f"unsigned:{address}"] * 2, self._unsigned)
        _refuse(plan, standing)

    def require_shared(self) -> None:
        """Raises Unavailable if Redis was away at the last count: then no password is tried, no key made."""
        if self.shared is not None and time.monotonic() < self._away_until:
            raise Unavailable("Nobody can sign in or get a key for the moment; try again shortly.")

    def suspects(self, address: str) -> bool:
        """Whether a request of nobody, or too many requests, came from there in the last hour."""
        return self._suspects.get(address, 0.0) > time.monotonic()

    async def check_stranger(self, address: str) -> None:
        """Count a request of which nobody knows whose it is, by its address; raises RateLimited."""
        if address != UNKNOWN:
            self._suspect(address)
            standing, plan = await self._hit([f"address:{address}"] * 2, self._strangers)
            _refuse(plan, standing)

    async def close(self) -> None:
        """Close the shared counter."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        if self.shared is not None:
            await self.shared.close()

    def _suspect(self, address: str) -> None:
        self._suspects[address] = time.monotonic() + _SUSPECT_SECONDS
        self._suspects.move_to_end(address)
        if len(self._suspects) > _MOST_SUSPECTS:
            self._suspects.popitem(last=False)

    def _plan_of(self, caller: Caller) -> Plan:
        settings = caller.tenant.settings
        known = self._plans.get(caller.tenant.id)
        if known is None or known[0] is not settings:
            known = self._plans[caller.tenant.id] = (settings, self._make_plan(settings))
        return known[1]

    def _make_plan(self, own: TenantSettings) -> Plan:
        settings = self._settings
        return _plan(
            {
                "caller": (
                    own.rate_limit_per_minute or settings.rate_limit_per_minute,
                    own.rate_limit_per_hour or settings.rate_limit_per_hour,
                ),
                "address": self._of_address(),
                "tenant": (
                    own.tenant_rate_limit_per_minute or settings.tenant_rate_limit_per_minute,
                    own.tenant_rate_limit_per_hour or settings.tenant_rate_limit_per_hour,
                ),
            }
        )

    def _of_address(self) -> tuple[int, int]:
        return self._settings.address_rate_limit_per_minute, self._settings.address_rate_limit_per_hour

    async def _hit(self, keys: list[str] | tuple[()], plan: Plan) -> tuple[Standing, Plan]:
        """How the hit stands, and the plan that it was held to."""
        if self.shared is None:
            return await self._local.hit(keys, plan.windows, told=plan.told), plan
        if time.monotonic() >= self._away_until:
            try:
                return await self.shared.hit(keys, plan.windows, told=plan.told), plan
            except CacheAway as error:
                self._away_until = time.monotonic() + _RETRY_AFTER_SECONDS
                DEGRADED.labels("redis").inc()
                log.warning("degraded", what="redis rate limits", instead="this process's", error=str(error))
        plan = plan.shared_by(self.shared.processes)
        return await self._local.hit(keys, plan.windows, told=plan.told), plan


async def _beat(shared: HitCounter) -> None:
    """Who is idle counts too: how many share a limit must be known before Redis goes away."""
    while True:
        await asyncio.sleep(_BEAT_SECONDS)
        with suppress(CacheAway):
            await shared.hit((), (), told=0)


def _without_address(plan: Plan) -> Plan:
    kept = [pair for pair in zip(plan.windows, plan.whose, strict=True) if pair[1] != "address"]
    return replace(plan, windows=tuple(one for one, _ in kept), whose=tuple(whose for _, whose in kept))


def _plan(limits: dict[Whose, tuple[int, int]]) -> Plan:
    windows = [
        (whose, Window(limit, seconds))
        for whose, both in limits.items()
        for limit, seconds in zip(both, (_MINUTE, _HOUR), strict=True)
    ]
    published = [window for whose, window in windows if whose == "caller"]
    policy = ", ".join(f'"{_NAMES[one.seconds]}";q={one.limit};w={one.seconds}' for one in published)
    return Plan(tuple(window for _, window in windows), tuple(whose for whose, _ in windows), policy)


def _told(plan: Plan, standing: Standing) -> str:
    """The caller's windows as draft-ietf-httpapi-ratelimit-headers has them; what refuses is told too."""
    said = []
    for place, window in enumerate(plan.windows):
        if plan.whose[place] == "caller":
            name = _NAMES[window.seconds]
        elif place == standing.refused:
            name = f"{plan.whose[place]}-{_NAMES[window.seconds]}"
        else:
            continue
        left = max(0, window.limit - standing.used[place])
        said.append(f'"{name}";r={left};t={-(-standing.left_ms[place] // 1000)}')
    return ", ".join(said)


def _refuse(plan: Plan, standing: Standing) -> None:
    if standing.refused is None:
        return
    whose, wait = plan.whose[standing.refused], max(1, math.ceil(standing.left_ms[standing.refused] / 1000))
    LIMITED.labels(whose).inc()
    raise RateLimited(wait, f"{_SAID[whose]}; try again in {wait} s.")
