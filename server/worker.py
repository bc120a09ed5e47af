"""The worker: a process that serves no HTTP, but takes over turns whose process died, and runs jobs."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack

import structlog

from desk.settings import Settings
from desk.telemetry.logs import configure_logs
from server.app import open_desk
from server.jobs.sweeping import sweeping
from server.jobs.working import jobs_working
from server.settling import settle

log = structlog.get_logger("desk.worker")


async def work(settings: Settings) -> None:
    """Work until SIGINT or SIGTERM; running turns are then handed back."""
    configure_logs(settings.log_level)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        desk = await open_desk(settings, stack)
        await desk.runner.start(take_orphans=True)
        stack.push_async_callback(desk.runner.stop)
        await stack.enter_async_context(jobs_working(desk.services.engine))
        await stack.enter_async_context(sweeping(desk.services))
        settle()
        log.info("worker_ready")
        await stop.wait()
