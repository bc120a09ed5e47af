"""The ground of the sweeps: one replica as a process of its own, a model's server and a shop that listen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson

from tests.chaos.fleet import Replica
from tests.chaos.stage import Stage
from tests.chaos.wire import Answer, Event, fetch, opened
from tests.server.conftest import SERVICE_KEY
from tests.servers.openai_wire import Wire, openai_wire
from tests.sweeps.poisoned_shop import PoisonedShop, poisoned_shop


@dataclass(frozen=True, slots=True)
class Told:
    """What one turn told its reader; `status` is not 200 when there was no turn."""

    status: int
    events: list[Event] = field(default_factory=list)

    @property
    def reply(self) -> Any:
        """The reply object; None when the turn ended otherwise."""
        last = self.events[-1] if self.events else None
        return last.data if last and last.name == "done" else None

    @property
    def text(self) -> str:
        """The answer in the end."""
        return str(self.reply["reply"]["text"]) if self.reply else ""

    @property
    def streamed(self) -> list[str]:
        """All that was on the screen at some time, up to each revision; and the answer."""
        stretches = [""]
        for event in self.events:
            if event.name == "token":
                stretches[-1] += event.data["text"]
            elif event.name == "revise":
                stretches.append(event.data["text"])
        return [*stretches, self.text]

    @property
    def tools(self) -> list[tuple[str, str]]:
        """Tools that ran, and what became of them."""
        return [(one.data["name"], one.data["state"]) for one in self.events if one.name == "tool"]

    def all(self) -> str:
        """Every event as it came, as JSON."""
        return "\n".join(orjson.dumps(event.data).decode() for event in self.events)


@dataclass(slots=True)
class Person:
    """Somebody with a token, in one conversation."""

    port: int
    headers: dict[str, str]
    conversation: str | None = None

    async def say(self, message: str) -> Told:
        """One turn."""
        return await self._turn({"message": message})

    async def confirm(self, action_id: str) -> Told:
        """One tap on an action."""
        return await self._turn({"confirm": action_id})

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Any other request."""
        return await fetch(self.port, method, path, body, self.headers)

    async def _turn(self, body: dict[str, Any]) -> Told:
        if self.conversation:
            body = {**body, "conversation_id": self.conversation}
        headers = {**self.headers, "idempotency-key": str(uuid4())}
        async with opened(self.port, "POST", "/api/v1/chat/stream", body, headers) as answer:
            if answer.status != 200:
                return Told(answer.status)
            told = Told(200, [event async for event in answer.events()])
        self.conversation = told.events[0].data["conversation_id"]
        return told


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a sweep takes place; the replica asks `wire` as its model and `shop` for orders."""

    stage: Stage
    replica: Replica
    wire: Wire
    shop: PoisonedShop

    def person(self, email: str, tenant: str, role: str = "user") -> Person:
        """A person of a tenant."""
        return Person(self.replica.port, self.stage.fleet.headers(email, tenant, role))


@asynccontextmanager
async def open_ground(
    stage: Stage, *, model_host: str = "127.0.0.1", **environment: str
) -> AsyncIterator[Ground]:
    """The replica and what it talks to, for the life of the context; it logs all that it can."""
    async with poisoned_shop() as (shop, shop_url), openai_wire() as wire:
        replica = await stage.fleet.start(
            scripted=False,
            environment={
                "OPENAI_BASE_URL": wire.base_url.replace("127.0.0.1", model_host),
                "OPENAI_API_KEY": "a key of the tests",
                "DESK_OPENAI_MODEL": "local-model",
                "DESK_SHOP_API_URL": shop_url,
                "DESK_SHOP_API_KEY": SERVICE_KEY,
                "DESK_LOG_LEVEL": "debug",
                "DESK_METRICS": "true",
                **environment,
            },
        )
        yield Ground(stage, replica, wire, shop)
        await stage.fleet.end_all()
