"""What a measurement stands on: services without a model, and the demo bookshop with its order service."""

from __future__ import annotations

import asyncio
import secrets
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from pydantic import SecretStr

from desk.embedded import Engines
from desk.embedded.children import stop
from desk.embedded.kept import Kept
from desk.errors import Misconfigured
from desk.models.fallback import FallbackModel
from desk.models.providers import open_models
from desk.settings import Settings, child_environment, load_settings
from evals.registry import Ground, Needs
from graphs.registry import open_services
from server.commands.opening import Result, say, with_stores
from server.demo.load import load_demo
from server.demo.shop import read_shop_url
from server.supervisor import program

SHOP_SECONDS = 90.0  # it takes two; on a busy machine a start may take many times as long
# Nobody outside is asked or told, whatever the environment has.
OFFLINE = dict.fromkeys(("openai_api_key", "openai_base_url", "llama_model_path", "langsmith_api_key"))


def on_ground(
    needs: Needs, work: Callable[[Ground], Awaitable[Result]], *, with_model: bool = False
) -> Result:
    """Run `work` on what it needs. No model answers, so that the figures of a commit are always the same.

    `with_model` opens the configured one beside that, for who judges answers or plays a customer.
    """

    async def bare() -> Result:
        return await work(Ground())

    if needs == "nothing":
        return asyncio.run(bare())
    settings = load_settings().model_copy(update=OFFLINE)
    if needs == "services":
        return _with_services(settings, work, demo=False, with_model=with_model)
    with _shop(settings) as served:
        return _with_services(served, work, demo=True, with_model=with_model)


def _with_services(
    settings: Settings, work: Callable[[Ground], Awaitable[Result]], *, demo: bool, with_model: bool
) -> Result:
    async def run(_: Settings, found: Engines) -> Result:
        async with (
            open_services(settings, found.database_url, on_degraded=_tell_degraded) as services,
            _measuring_model(with_model=with_model) as model,
        ):
            return await work(Ground(services, await load_demo(services) if demo else None, model))

    return with_stores(run)


@asynccontextmanager
async def _measuring_model(*, with_model: bool) -> AsyncIterator[FallbackModel | None]:
    model = open_models(load_settings()) if with_model else None
    try:
        yield model
    finally:
        if model is not None:
            await model.aclose()


@contextmanager
def _shop(settings: Settings) -> Iterator[Settings]:
    """Settings with an order service: the configured one, else the demo's as a process with its own home."""
    if settings.shop_api_url is not None:
        yield settings
        return
    key = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory(prefix="desk-shop-") as home:
        child = program("shop", child_environment(DESK_HOME=home, DESK_SHOP_API_KEY=key))
        try:
            url = _shop_url(Path(home), child)
            yield settings.model_copy(update={"shop_api_url": url, "shop_api_key": SecretStr(key)})
        finally:
            stop(child.process, signal.SIGTERM)


def _shop_url(home: Path, child: Kept) -> str:
    deadline = time.monotonic() + SHOP_SECONDS
    while time.monotonic() < deadline and child.process.poll() is None:
        url = read_shop_url(home)
        if url is not None:
            return url
        time.sleep(0.05)
    raise Misconfigured("The demo order service did not start; see its error above, or try again.")


def _tell_degraded(what: str, instead: str) -> None:
    say(f"degraded: {what}; instead: {instead}")
