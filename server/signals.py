"""Signals: tells the application of a shutdown when it begins, before the connections are closed."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def told_at_shutdown(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` in the event loop at SIGTERM or SIGINT, then whoever handled it before.

    uvicorn first waits for open streams and ends the application after that: without this, a stopping process
    would still take turns, and give none back, for as long as a stream is open.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    earlier = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(act)
        before = earlier[signal.Signals(number)]
        if callable(before):
            before(number, frame)

    for number in earlier:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, before in earlier.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, before)
