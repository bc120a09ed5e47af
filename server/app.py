"""The application: opens the desk at start, serves it through every door, closes it at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

import migrations
from desk.cache.memory import MemoryFeed
from desk.cache.redis import RedisFeed, RedisHits
from desk.errors import DeskError
from desk.events import Done, Failed, TurnEvent
from desk.settings import Settings, load_settings
from desk.storage.migrate import migrate
from desk.telemetry import metrics
from desk.telemetry.logs import configure_logs
from graphs.handoffs.feed import HandoffFeed
from graphs.registry import open_services
from graphs.runtime.runner import TurnRunner
from server.access import refuse_unlisted
from server.auth import Authenticator
from server.demo.load import load_demo
from server.deps import Desk
from server.errors import handle_errors
from server.events import Reachable
from server.foreign_pages import ForeignPages
from server.front import Front
from server.identity.reception import open_reception
from server.jobs.sweeping import sweeping
from server.jobs.working import jobs_working
from server.limits import Limits
from server.open_streams import OpenStreams
from server.openapi import answers, describe_answers
from server.overload import Overload
from server.preflight import needed_database_url, refuse_unfit
from server.routes import (
    accounts,
    adoption,
    analytics,
    api_keys,
    audit,
    auth,
    chat,
    conversations,
    evals,
    faq_gaps,
    faqs,
    handoff_events,
    handoffs,
    health,
    intents,
    login,
    pages,
    playground,
    privacy,
    prompts,
    replays,
    reviews,
    sites,
    socket,
    tenants,
    turns,
    usage,
    widget,
)
from server.routes import settings as own_settings
from server.settling import settle
from server.signals import told_at_shutdown

_MODULES = (
    accounts,
    adoption,
    analytics,
    api_keys,
    audit,
    auth,
    chat,
    conversations,
    evals,
    faq_gaps,
    faqs,
    handoff_events,
    handoffs,
    health,
    intents,
    login,
    pages,
    playground,
    privacy,
    prompts,
    replays,
    reviews,
    own_settings,
    sites,
    socket,
    tenants,
    turns,
    usage,
    widget,
)

log = structlog.get_logger("desk.app")


def create_app(settings: Settings | None = None) -> ASGIApp:
    """The ASGI application; nothing opens before its lifespan starts."""
    settings = settings or load_settings()
    configure_logs(settings.log_level)
    return around(build_routes(settings), settings)


def around(routes: FastAPI, settings: Settings) -> ASGIApp:
    """The routes with the layers around them."""
    secure = settings.public_address.startswith("https://")
    app: ASGIApp = Front(routes, routes.state.overload, secure=secure)
    return Reachable(ForeignPages(app, settings.allowed_origins, routes))


def build_routes(settings: Settings) -> FastAPI:
    """Every door of the application, without the front around it."""
    app = FastAPIOffline(
        title="Deskgraph",
        version=version("deskgraph"),
        summary="Customer-support chat on a LangGraph state graph.",
        lifespan=_lifespan,
        docs_url="/docs",
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.settings = settings
    app.state.overload = Overload()
    handle_errors(app)
    # Not included as the others are: what is asked most is found first, and found once.
    app.router.routes[:0] = chat.turns_in.routes
    for module in _MODULES:
        # An error of ours is never what FastAPI would describe by itself.
        app.include_router(module.router, responses={} if module is health else answers())
    app.include_router(chat.small)
    if settings.langserve:
        from server.langserve import mount_langserve

        mount_langserve(app)
    refuse_unlisted(app)
    describe_answers(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    async with AsyncExitStack() as stack:
        with _told_why_not():
            desk = await open_desk(settings, stack, app.state.overload)
        app.state.desk = desk
        database = desk.services.engine.database
        desk.overload.start(database.waiting, database.crowded)
        stack.callback(desk.overload.stop)
        await desk.runner.start(take_orphans=settings.in_process_worker)
        stack.push_async_callback(desk.runner.stop)
        stack.enter_context(told_at_shutdown(desk.runner.drain))
        _resolve(app)
        if settings.in_process_worker:
            await stack.enter_async_context(jobs_working(desk.services.engine))
            await stack.enter_async_context(sweeping(desk.services))
        settle()
        log.info("ready", port=settings.port)
        yield


def _resolve(app: FastAPI) -> None:
    """Have the routers work out their routes now, and not when the first request looks for its own."""
    nowhere = {"type": "http", "method": "GET", "path": "/-", "root_path": "", "headers": []}
    for route in app.router.routes:
        route.matches(nowhere)


@contextmanager
def _told_why_not() -> Iterator[None]:
    """A start that fails says why, in full: no customer has said anything yet that could be in it."""
    try:
        yield
    except Exception as error:
        why = error.detail if isinstance(error, DeskError) else f"{type(error).__name__}: {error}"
        log.critical("not_started", error=why, exc_info=True)
        raise


async def open_desk(settings: Settings, stack: AsyncExitStack, overload: Overload | None = None) -> Desk:
    """Open everything that the routes share; closed when the stack unwinds."""
    url = needed_database_url(settings)
    if settings.demo:
        owner = settings.migration_database_url
        await migrate(owner.get_secret_value() if owner else url, migrations.FOLDER, say=lambda _: None)
    else:
        await refuse_unfit(settings, url)
    services = await stack.enter_async_context(open_services(settings, url, on_degraded=_note_degraded))
    if settings.demo:
        await load_demo(services)
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    limits = Limits(settings, RedisHits(redis_url) if redis_url else None)
    stack.push_async_callback(limits.close)
    await limits.start()
    turn_feed = RedisFeed(redis_url) if redis_url else MemoryFeed()
    stack.push_async_callback(turn_feed.close)
    reception = await open_reception(settings, services.engine, stack)
    runner = TurnRunner(services, on_end=_note_end, feed=turn_feed)
    feed = HandoffFeed(services.engine.database)
    return Desk(
        services,
        runner,
        Authenticator(services, reception.verifier, reception.api_keys),
        reception,
        limits,
        OpenStreams(settings),
        feed,
        overload or Overload(),
    )


def _note_degraded(what: str, instead: str) -> None:
    metrics.DEGRADED.labels(what).inc()
    log.warning("degraded", what=what, instead=instead)


def _note_end(event: TurnEvent, where: dict[str, Any]) -> None:
    """Count a turn that ended, and say so in the log."""
    if isinstance(event, Done):
        reply = event.reply
        route, timings = reply["reply"]["route"], dict(reply["timings_ms"])
        total = timings.pop("total")
        metrics.TURNS.labels(route).inc()
        metrics.TURN_SECONDS.labels(route).observe(total / 1000)
        for node, ms in timings.items():
            metrics.STEP_SECONDS.labels(node).observe(ms / 1000)
        metrics.TOKENS.labels("prompt").inc(reply["usage"]["prompt_tokens"])
        metrics.TOKENS.labels("completion").inc(reply["usage"]["completion_tokens"])
        log.info("turn", route=route, ms=total, **where)
    elif isinstance(event, Failed):
        metrics.ERRORS.labels(event.problem["title"]).inc()
