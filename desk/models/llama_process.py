"""Keeps the local model's process: starts it, asks it one thing at a time, cancels, kills and restarts it."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from desk.errors import Misconfigured
from desk.models.port import Timeouts
from desk.models.wire import Chunk, Patience, WireFailed

START_SECONDS = 120.0
CANCEL_SECONDS = 1.0
MAX_LINE_BYTES = 1 << 20
_MODULE = "desk.models.llama_child"


def check_model_file(path: Path) -> None:
    """Raises Misconfigured, saying what to do, when this file cannot be loaded here."""
    if find_spec("llama_cpp") is None:
        raise Misconfigured(
            "LLAMA_MODEL_PATH is set but llama-cpp-python is not installed; run `make extras`."
        )
    if not path.is_file():
        raise Misconfigured(
            f"LLAMA_MODEL_PATH names '{path}', which is no file; download a model in GGUF form."
        )
    try:
        with path.open("rb") as file:
            begins = file.read(4)
    except OSError as error:
        raise Misconfigured(f"LLAMA_MODEL_PATH names '{path}': {error.strerror}.") from None
    if begins != b"GGUF":
        raise Misconfigured(f"'{path}' is no GGUF file; LLAMA_MODEL_PATH needs a model in that form.")


class LlamaProcess:
    """One child with one model. Two answers at once would abort it, so they wait for each other."""

    def __init__(self, path: Path, context_tokens: int) -> None:
        self._command = (sys.executable, "-m", _MODULE, str(path), str(context_tokens))
        self._free = asyncio.Lock()
        self._starting: asyncio.Future[Process] | None = None
        self._settling: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The running child's process id."""
        running = self._started()
        return running.pid if running else None

    async def start(self) -> Process:
        """The running child; starts one if there is none. Raises Misconfigured if the model does not load."""
        if self._started() is None and (self._starting is None or self._starting.done()):
            self._starting = asyncio.ensure_future(self._spawn())
        assert self._starting is not None
        # A large file loads for longer than one caller waits: the next one finds it loaded.
        return await asyncio.shield(self._starting)

    async def stream(self, ask: dict[str, Any], times: Timeouts) -> AsyncGenerator[Chunk, None]:
        """The chunks of one answer; raises WireFailed. Closing the generator cancels the computation."""
        await self._take_turn(times.first_token)
        child: Process | None = None
        whole = False
        try:
            child = await self.start()
            patience = Patience(times)
            await _send(child, {"ask": ask})
            while chunk := (message := await _next_message(child, patience)).get("chunk"):
                patience.extend(chunk)
                yield chunk
            whole = True
            if message["end"]:
                raise WireFailed(message["end"])
        finally:
            self._settling = asyncio.create_task(self._settle(None if whole else child))

    async def aclose(self) -> None:
        """End the child."""
        if self._settling:
            await self._settling
        if self._starting:
            with suppress(Misconfigured):
                await _end(await self._starting)

    def _started(self) -> Process | None:
        future = self._starting
        if future is None or not future.done() or future.cancelled() or future.exception():
            return None
        return future.result() if future.result().returncode is None else None

    async def _take_turn(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise WireFailed("busy") from error

    async def _spawn(self) -> Process:
        # A model file is code: it gets nothing of our environment, so no secrets.
        # A session of its own keeps Ctrl-C from it; it ends when its input does.
        environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
        child = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            env=environment,
            limit=MAX_LINE_BYTES,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                greeting = await _receive(child)
        except (TimeoutError, WireFailed):
            greeting = {"failed": "the process died or took too long"}
        if "ready" not in greeting:
            await _end(child)
            raise Misconfigured(f"The model at LLAMA_MODEL_PATH does not load: {greeting.get('failed')}.")
        return child

    async def _settle(self, unfinished: Process | None) -> None:
        """Cancel what the child still does, or kill it; then the next caller may ask."""
        try:
            if unfinished is not None and unfinished.returncode is None:
                await _cancel(unfinished)
        finally:
            self._free.release()


async def _cancel(child: Process) -> None:
    try:
        async with asyncio.timeout(CANCEL_SECONDS):
            await _send(child, {"cancel": True})
            while "end" not in await _receive(child):
                pass
    except (TimeoutError, WireFailed):
        await _end(child)


async def _end(child: Process) -> None:
    with suppress(ProcessLookupError):
        child.kill()
    await child.wait()


async def _next_message(child: Process, patience: Patience) -> dict[str, Any]:
    try:
        async with asyncio.timeout_at(patience.until):
            return await _receive(child)
    except TimeoutError as error:
        raise WireFailed(patience.reason) from error


async def _send(child: Process, message: dict[str, Any]) -> None:
    assert child.stdin is not None
    try:
        child.stdin.write(orjson.dumps(message) + b"\n")
        await child.stdin.drain()
    except (ConnectionError, RuntimeError) as error:
        raise WireFailed("crashed") from error


async def _receive(child: Process) -> dict[str, Any]:
    """The next message; raises WireFailed when the child is gone."""
    assert child.stdout is not None
    line = await child.stdout.readline()
    if not line.endswith(b"\n"):
        await child.wait()
        raise WireFailed("crashed")
    message: dict[str, Any] = orjson.loads(line)
    return message
