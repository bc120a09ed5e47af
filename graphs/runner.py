"""The runner: accepts turns, runs them in tasks of their own, keeps their leases, and takes over orphans."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from desk.domain import Principal, Tenant, TurnId
from desk.errors import Conflict, DeskError, Fenced, NotFound, Unavailable
from desk.events import Accepted, Done, Failed, Revised, TurnEvent
from desk.storage import conversations, turns
from desk.storage.turns import MAX_ATTEMPTS, Claim, Turn
from graphs.inbox import AcceptedTurn, TurnRequest, accept, open_vault, reopen
from graphs.reply import restored
from graphs.services import Services
from graphs.streams import TurnStream
from graphs.turn import run_turn

RENEW_SECONDS = 2.0
ORPHAN_POLL_SECONDS = 0.5
ATTACH_SECONDS = 30.0
LONGEST_TURN_SECONDS = 60.0

log = structlog.get_logger("desk.turns")


@dataclass(slots=True)
class _Running:
    claim: Claim
    stream: TurnStream
    task: asyncio.Task[None]


class TurnRunner:
    """The turns of this process. Start it once; `submit` is the one door for every way in."""

    def __init__(self, services: Services, *, on_end: Callable[[TurnEvent, dict[str, Any]], None]) -> None:
        self._services = services
        self._on_end = on_end
        self._running: dict[TurnId, _Running] = {}
        self._loops: list[asyncio.Task[None]] = []

    async def start(self, *, take_orphans: bool) -> None:
        """Begin to renew leases and, if asked, to take over turns of processes that died."""
        self._loops.append(_spawn(self._renew_leases()))
        if take_orphans:
            self._loops.append(_spawn(self._poll_orphans()))

    async def stop(self) -> None:
        """Stop all turns and hand them back, so that another process runs them at once."""
        running = list(self._running.values())
        tasks = [*self._loops, *(entry.task for entry in running)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if running:
            with contextlib.suppress(DeskError):
                async with self._services.engine.database.control_tx() as tx:
                    await turns.release(tx, [entry.claim for entry in running])

    async def submit(self, principal: Principal, tenant: Tenant, request: TurnRequest) -> TurnStream:
        """Accept the message and start its turn; a key that was used before gives the turn it gave then."""
        accepted = await accept(self._services, principal, tenant, request)
        if isinstance(accepted, AcceptedTurn):
            return self._run(accepted)
        return await self._earlier(principal, accepted)

    def _run(self, turn: AcceptedTurn) -> TurnStream:
        claim = turn.claim
        stream = TurnStream(claim.turn_id, claim.conversation_id, attempt=claim.attempts)
        task = _spawn(self._guarded(turn, stream))
        self._running[claim.turn_id] = _Running(claim, stream, task)
        task.add_done_callback(lambda _: self._running.pop(claim.turn_id, None))
        return stream

    async def _guarded(self, turn: AcceptedTurn, stream: TurnStream) -> None:
        """Run the turn; whatever goes wrong, the reader gets a last event and the inbox knows the state."""
        if turn.claim.attempts > 1:
            stream.publish(Revised(""))
        try:
            async with asyncio.timeout(LONGEST_TURN_SECONDS):
                await run_turn(self._services, turn, stream.publish)
        except asyncio.CancelledError:
            stream.publish(Failed(problem_of(Unavailable(), turn.claim.turn_id)))
            raise
        except (Fenced, Unavailable) as error:
            # Not ours any more, or not committable now: the queue's lease decides who finishes it.
            log.warning("turn_left", turn_id=str(turn.claim.turn_id), error=type(error).__name__)
            stream.publish(Failed(problem_of(Unavailable(), turn.claim.turn_id)))
        except Exception as error:
            log.exception("turn_failed", turn_id=str(turn.claim.turn_id), error=type(error).__name__)
            stream.publish(Failed(await self._store_failure(turn.claim, error)))
        self._on_end(*_last(stream, turn))

    async def _store_failure(self, claim: Claim, error: Exception) -> dict[str, Any]:
        known = error if isinstance(error, DeskError) else DeskError()
        problem = problem_of(known, claim.turn_id)
        worker = Principal(claim.tenant_id, "worker", claim.subject_id)
        with contextlib.suppress(DeskError):
            async with self._services.engine.database.tenant_tx(worker) as tx:
                await turns.pass_fence(tx, claim)
                await turns.fail(tx, claim.turn_id, problem, dead=claim.attempts >= MAX_ATTEMPTS)
        return problem

    async def _earlier(self, principal: Principal, turn: Turn) -> TurnStream:
        """The stream of a turn that was sent before: live if it runs here, else as it was stored."""
        running = self._running.get(turn.id)
        if running is not None:
            return running.stream
        deadline = asyncio.get_running_loop().time() + ATTACH_SECONDS
        while turn.state == "accepted":
            if asyncio.get_running_loop().time() > deadline:
                raise Conflict("This turn is still running; send the same key again to get its answer.")
            await asyncio.sleep(ORPHAN_POLL_SECONDS / 2)
            turn = await self._reread(principal, turn.id)
        return await self._stored(principal, turn)

    async def _reread(self, principal: Principal, turn_id: TurnId) -> Turn:
        async with self._services.engine.database.tenant_tx(principal) as tx:
            turn = await turns.get(tx, turn_id)
        if turn is None:
            raise NotFound
        return turn

    async def _stored(self, principal: Principal, turn: Turn) -> TurnStream:
        stream = TurnStream(turn.id, turn.conversation_id)
        stream.publish(Accepted(turn.id, turn.conversation_id))
        if turn.reply_sealed is None:
            stream.publish(Failed(turn.problem or problem_of(Unavailable(), turn.id)))
            return stream
        reply = await self._open_reply(principal, turn, turn.reply_sealed)
        stream.publish(Revised(reply["reply"]["text"]))
        stream.publish(Done(reply))
        return stream

    async def _open_reply(self, principal: Principal, turn: Turn, sealed: bytes) -> dict[str, Any]:
        key = await self._services.engine.keys.data_key(principal)
        async with self._services.engine.database.tenant_tx(principal) as tx:
            conversation = await conversations.get(tx, turn.conversation_id)
        if conversation is None:
            raise NotFound
        reply: dict[str, Any] = key.open_json(sealed, aad=turns.reply_aad(turn.id))
        return restored(reply, open_vault(conversation, key))

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            claims = [entry.claim for entry in self._running.values()]
            if not claims:
                continue
            try:
                async with self._services.engine.database.control_tx() as tx:
                    ours = await turns.renew(tx, claims)
            except DeskError:
                continue  # the leases may run out; the fence then keeps our commits out
            for claim in claims:
                entry = self._running.get(claim.turn_id)
                if entry is not None and claim.turn_id not in ours:
                    entry.task.cancel()

    async def _poll_orphans(self) -> None:
        while True:
            await asyncio.sleep(ORPHAN_POLL_SECONDS)
            try:
                async with self._services.engine.database.control_tx() as tx:
                    claims = await turns.claim_orphans(tx, limit=8)
                for claim in claims:
                    await self._take_over(claim)
            except DeskError as error:
                log.warning("orphan_poll_failed", error=type(error).__name__)

    async def _take_over(self, claim: Claim) -> None:
        if claim.attempts > MAX_ATTEMPTS:
            await self._store_failure(claim, DeskError())
            log.error("turn_dead", turn_id=str(claim.turn_id), attempts=claim.attempts)
            return
        turn = await reopen(self._services, claim)
        if turn is not None:
            log.info("turn_taken_over", turn_id=str(claim.turn_id), attempts=claim.attempts)
            self._run(turn)


def problem_of(error: DeskError, turn_id: TurnId) -> dict[str, Any]:
    """The problem+json body of an error, with the turn as its correlation id."""
    return {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "correlation_id": str(turn_id),
    }


def _last(stream: TurnStream, turn: AcceptedTurn) -> tuple[TurnEvent, dict[str, Any]]:
    return stream.last, {"turn_id": str(turn.claim.turn_id), "tenant": turn.tenant.slug}


def _spawn(work: Any) -> asyncio.Task[None]:
    """A task in an empty context: nothing of the request's callbacks or tracing reaches into the turn."""
    return asyncio.create_task(work, context=contextvars.Context())
