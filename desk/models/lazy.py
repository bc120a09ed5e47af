"""A model that is loaded, off the event loop, when it is first asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Generic, Protocol, TypeVar

from desk.models.catalog import ModelSpec
from desk.models.port import Guard, ModelEvent, ModelRequest


class LoadedModel(Protocol):
    """What a provider's class offers beside LangChain's methods."""

    def stream_request(self, request: ModelRequest, *, guard: Guard) -> AsyncGenerator[ModelEvent, None]:
        """As `ChatModel.stream`."""

    async def warm(self) -> None:
        """As `ChatModel.warm`."""

    async def aclose(self) -> None:
        """As `ChatModel.aclose`."""


Loaded = TypeVar("Loaded", bound=LoadedModel)


class LazyModel(Generic[Loaded]):
    """A ChatModel over a provider's class, which is imported and built on first use."""

    def __init__(self, spec: ModelSpec, load: Callable[[], Loaded]) -> None:
        self.spec = spec
        self._load = load
        self._loading: asyncio.Future[Loaded] | None = None

    async def loaded(self) -> Loaded:
        """The provider's own object, a LangChain chat model; calling this at start-up warms it."""
        if self._loading is None or self._loading.cancelled():
            self._loading = asyncio.ensure_future(asyncio.to_thread(self._load))
        try:
            # A caller that gives up does not stop the loading for the others.
            return await asyncio.shield(self._loading)
        except Exception:
            self._loading = None
            raise

    async def stream(self, request: ModelRequest, *, guard: Guard) -> AsyncGenerator[ModelEvent, None]:
        """As the port says."""
        model = await self.loaded()
        async with aclosing(model.stream_request(request, guard=guard)) as events:
            async for event in events:
                yield event

    async def warm(self) -> None:
        """Load the model now."""
        await (await self.loaded()).warm()

    async def aclose(self) -> None:
        """Close the model if it was ever loaded."""
        if self._loading is not None:
            await (await self._loading).aclose()
