"""The demo shop in a mood: it does what it is asked and does not say so, loses requests, or ignores keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from server.demo.effects import EffectStore
from server.demo.shop import ShopApi
from tests.server.conftest import SERVICE_KEY, served

Mood = Literal["good", "silent", "losing", "down"]


class MoodyShop:
    """The shop as an ASGI application; `moods` are used up by what it is asked to do, then it is good.

    `silent` does it and answers 502, `losing` answers 502 without doing it, `down` also knows of nothing.
    """

    def __init__(self, folder: Path, *, deduplicate: bool = True) -> None:
        self.store = EffectStore(folder / f"effects-{deduplicate}.sqlite", deduplicate=deduplicate)
        self.moods: list[Mood] = []
        self.posts = 0
        self._app = ShopApi(self.store, SERVICE_KEY).app()

    def times(self, key: str) -> int:
        """How often something was done under a key."""
        return len(self.store.find(key))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request in the mood of the moment."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = scope["method"] == "POST"
        mood = self.moods[0] if self.moods else "good"
        if asked:
            self.posts += 1
            mood = self.moods.pop(0) if self.moods else "good"
        if mood == "down" or (asked and mood == "losing"):
            await _bad_gateway(scope, receive, send)
        elif asked and mood == "silent":
            await self._app(scope, receive, _unheard)
            await _bad_gateway(scope, receive, send)
        else:
            await self._app(scope, receive, send)


@asynccontextmanager
async def moody_shop(folder: Path, *, deduplicate: bool = True) -> AsyncIterator[tuple[MoodyShop, str]]:
    """The shop on a port of its own, and its address."""
    shop = MoodyShop(folder, deduplicate=deduplicate)
    async with served(shop) as url:
        yield shop, url
    shop.store.close()


async def _unheard(_message: Message) -> None:
    """What the shop says reaches nobody."""


async def _bad_gateway(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"title": "Bad gateway"}, status_code=502)(scope, receive, send)
