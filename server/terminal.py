"""A conversation in the terminal: messages typed, answers streamed, steps shown."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from threading import Thread
from uuid import uuid4

from rich.console import Console

from desk.domain import ConversationId, Principal
from desk.events import Degraded, Done, Failed, HandoffChanged, Revised, Step, Token, TurnEvent
from graphs.commits.inbox import TurnRequest
from graphs.runtime.runner import TurnRunner
from graphs.services import Services
from server.commands.opening import say

out = Console(highlight=False)


async def converse(services: Services, slug: str, email: str, message: str | None) -> None:
    """Talk as the customer with this e-mail address until an empty line, or send one message."""
    tenant = await services.engine.tenants.get(slug)
    subject = await services.engine.keys.subject(tenant.id, services.engine.settings.issuer, email.casefold())
    principal = Principal(tenant.id, "user", subject, email.casefold())
    runner = TurnRunner(services, on_end=lambda *_: None)
    await runner.start(take_orphans=False)
    conversation: ConversationId | None = None
    try:
        while text := message or await _ask():
            request = TurnRequest(text, str(uuid4()), conversation, channel="cli")
            stream = await runner.submit(principal, tenant, request)
            conversation = stream.conversation_id
            async for _, event in stream.read():
                _show(event)
            if message:
                return
    finally:
        await runner.stop()


async def _ask() -> str:
    """What is typed, empty at its end. Nobody waits for its thread, or Ctrl-C would wait for a line."""
    if not (sys.stdin.isatty() and out.is_terminal):
        return await asyncio.to_thread(_line)  # of a pipe Python must not be torn away at its end
    loop = asyncio.get_running_loop()
    typed: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        line = _line()
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(typed.put_nowait, line)

    Thread(target=read, name="typing", daemon=True).start()
    return await typed.get()


def _line() -> str:
    try:
        return out.input("\n[bold]you>[/bold] ").strip()
    except EOFError:
        return ""


def _show(event: TurnEvent) -> None:
    match event:
        case Step(node, "ended", ms):
            say(f"  {node} {ms:.1f} ms")
        case Token(text):
            out.print(text, end="", markup=False)
        case Revised(text):
            out.print(f"\n[replaced] {text}", markup=False)
        case Degraded(what, instead):
            say(f"  degraded: {what}; instead: {instead}")
        case HandoffChanged(_, state):
            say(f"  handoff: {state}")
        case Done(reply):
            sources = ", ".join(citation["title"] for citation in reply["reply"]["citations"])
            say(
                f"\n  route {reply['reply']['route']}, {reply['timings_ms']['total']:.1f} ms"
                + (f", from: {sources}" if sources else "")
            )
        case Failed(problem):
            say(f"\n  {problem['detail']}")
        case _:
            pass
