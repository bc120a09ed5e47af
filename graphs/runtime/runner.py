"""The runner: accepts turns, runs them in tasks of their own, keeps their leases, and takes over orphans."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog

from desk.cache.memory import MemoryFeed
from desk.cache.port import CacheAway, Feed
from desk.domain import ConversationId, Principal, SubjectId, Tenant, TurnId, TurnState
from desk.errors import Cancelled, DeskError, Draining, Unavailable
from desk.events import Accepted, TurnEvent
from desk.storage import turn_queue, turns
from desk.storage.turns import Claim, Turn
from desk.telemetry.metrics import TURNS_RUNNING
from graphs.commits.inbox import AcceptedTurn, TurnRequest, WaitingTurn, accept, reopen
from graphs.crash_points import crash_point
from graphs.runtime.forgetting import forget_the_erased
from graphs.runtime.running import Running, give_up, longest_turn_of, run_to_its_end
from graphs.services import Services
from graphs.streams.fanout import Fanout
from graphs.streams.following import Following, read_turn, stored_end
from graphs.streams.turn_stream import LOOKED_UP, TurnStream, problem_of
from graphs.untraced import spawn

RENEW_SECONDS = 2.0
RENEW_AGAIN_SECONDS = 0.2
ORPHAN_POLL_SECONDS = 0.5
FINISH_SECONDS = 5.0
_CLAIMS_AT_ONCE = 32

OnEnd = Callable[[TurnEvent, dict[str, Any]], None]

log = structlog.get_logger("desk.turns")


class TurnRunner:
    """The turns of this process. Start it once; `submit` is the one door for every way in.

    Without a feed nobody in another process can read a turn while it runs.
    """

    def __init__(
        self,
        services: Services,
        *,
        on_end: OnEnd,
        feed: Feed | None = None,
        longest_turn: float | None = None,
    ) -> None:
        self._services = services
        self._settings = services.engine.settings
        self._on_end = on_end
        self._feed = feed or MemoryFeed()
        self._fanout = Fanout(feed) if feed else None
        self._following = Following(services, self._feed)
        self._longest_turn = longest_turn or longest_turn_of(self._settings)
        self._running: dict[TurnId, Running] = {}
        self._unfinished: list[Claim] = []
        self._loops: list[asyncio.Task[None]] = []
        self._finishing: asyncio.Task[None] | None = None

    async def start(self, *, take_orphans: bool) -> None:
        """Begin to renew leases and, if asked, to take over turns of processes that died."""
        self._loops += [spawn(self._renew_leases()), spawn(self._hear_hints())]
        self._loops.append(spawn(forget_the_erased(self._services.engine, self._feed, self._drop)))
        if self._fanout is not None:
            self._loops.append(spawn(self._fanout.run()))
        if take_orphans:
            self._loops.append(spawn(self._poll_queue()))

    @property
    def draining(self) -> bool:
        """Whether this process takes no new turns any more."""
        return self._finishing is not None

    def drain(self) -> None:
        """Take no new turns from now on; what runs has five seconds to end, and is handed back then."""
        if self._finishing is None:
            self._finishing = spawn(self._finish())

    async def stop(self) -> None:
        """Let the turns end that end soon, and hand the others back, so that another process runs them."""
        self.drain()
        assert self._finishing is not None
        await self._finishing
        for task in self._loops:
            task.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._following.stop()
        if self._fanout is not None:
            await self._fanout.hand_over()

    async def _finish(self) -> None:
        if self._running:
            tasks = [running.task for running in self._running.values()]
            await asyncio.wait(tasks, timeout=FINISH_SECONDS)
        left = list(self._running.values())
        for running in left:
            running.task.cancel()
        await asyncio.gather(*(running.task for running in left), return_exceptions=True)
        if left:
            crash_point(self._settings, "before_release")
            with contextlib.suppress(DeskError):
                async with self._services.engine.database.control_tx() as tx:
                    await turn_queue.release(tx, [running.claim for running in left])
            crash_point(self._settings, "after_release")

    async def submit(self, principal: Principal, tenant: Tenant, request: TurnRequest) -> TurnStream:
        """Accept the message and start its turn; a key that was used before gives the turn it gave then."""
        if self.draining:
            raise Draining
        accepted = await accept(self._services, principal, tenant, request)
        if isinstance(accepted, AcceptedTurn):
            return self._run(accepted)
        if isinstance(accepted, WaitingTurn):
            return await self._wait_for(principal, accepted)
        return await self._earlier(principal, accepted)

    async def follow(self, principal: Principal, turn_id: TurnId, *, after: int = 0) -> TurnStream:
        """A turn's stream, for a reader who has seen the events up to `after`; NotFound unless theirs."""
        turn = await read_turn(self._services, principal, turn_id)
        if after > LOOKED_UP and turn.state != "accepted":
            return await self._looked_up(principal, turn)
        stream = self._stream_here(turn)
        if stream is None:
            stream = self._following.follow(principal, turn, after=after)
            if turn.state != "accepted":
                await stream.over()
        return stream

    async def cancel(self, principal: Principal, turn_id: TurnId) -> TurnState:
        """Stop a turn wherever it runs, and keep what was said; gives its state. NotFound unless theirs."""
        turn = await read_turn(self._services, principal, turn_id)
        if turn.state != "accepted":
            return turn.state
        await self._brake(turn_id)
        crash_point(self._settings, "before_cancel")
        async with self._services.engine.database.tenant_tx(principal) as tx:
            withdrawn = await turn_queue.leave_waiting(tx, turn_id)
            if withdrawn:
                await turns.withdraw(tx, turn_id, problem_of(Cancelled(), turn_id))
            else:
                # If its process dies before the turn has ended, the next one must know.
                await turn_queue.ask_cancel(tx, turn_id)
        crash_point(self._settings, "after_cancel")
        return "cancelled" if withdrawn else turn.state

    def _run(self, turn: AcceptedTurn) -> TurnStream:
        claim = turn.claim
        stream = self._following.adopt(claim.turn_id)
        if stream is None:
            stream = TurnStream(claim.turn_id, claim.conversation_id, run=claim.attempts)
        else:
            stream.begin_run(claim.attempts)
        if self._fanout is not None:
            self._fanout.carry(claim.tenant_id, stream, turn.key)
        running = Running.begin(claim, stream, self._longest_turn)
        running.task = spawn(self._work(running, turn))
        self._running[claim.turn_id] = running
        TURNS_RUNNING.set(len(self._running))
        running.task.add_done_callback(lambda _: self._forget(running))
        return stream

    def _forget(self, running: Running) -> None:
        if self._running.get(running.claim.turn_id) is running:
            del self._running[running.claim.turn_id]
        # Also a run that was cancelled, because another process took its turn while the store was away.
        if running.store_away and running.stream.abandoned:
            self._unfinished.append(running.claim)
        TURNS_RUNNING.set(len(self._running))

    async def _work(self, running: Running, turn: AcceptedTurn) -> None:
        await run_to_its_end(self._services, running, turn)
        if running.stream.abandoned:
            return
        where = {"turn_id": str(turn.claim.turn_id), "tenant": turn.tenant.slug}
        self._on_end(running.stream.last, where)
        if turn.tenant.settings.double_texting != "reject":
            self._running.pop(turn.claim.turn_id, None)
            await self._run_next(turn.claim.conversation_id)

    async def _wait_for(self, principal: Principal, waiting: WaitingTurn) -> TurnStream:
        stream = TurnStream(waiting.turn_id, waiting.conversation_id)
        self._following.await_turn(principal, stream)
        for turn_id in waiting.interrupts:
            await self._brake(turn_id)
        await self._run_next(waiting.conversation_id)  # the one before may have ended a moment ago
        return stream

    async def _earlier(self, principal: Principal, turn: Turn) -> TurnStream:
        """The stream of a turn that was sent before: live while it runs, else as it was stored."""
        stream = self._stream_here(turn)
        if stream is not None:
            return stream
        if turn.state == "accepted":
            return self._following.follow(principal, turn)
        return await self._looked_up(principal, turn)

    async def _looked_up(self, principal: Principal, turn: Turn) -> TurnStream:
        """A turn that is over, as it was stored."""
        stream = TurnStream(turn.id, turn.conversation_id)
        stream.publish(Accepted(turn.id, turn.conversation_id))
        stream.conclude(*await stored_end(self._services, principal, turn))
        return stream

    def _stream_here(self, turn: Turn) -> TurnStream | None:
        """The stream of the run here; one that ended is no longer that of a turn which was replayed."""
        running = self._running.get(turn.id)
        carried = self._fanout.stream_of(turn.id) if self._fanout else None
        stream = running.stream if running else carried
        if stream is None or stream.abandoned or (stream.ended and turn.state == "accepted"):
            return None
        return stream

    async def _brake(self, turn_id: TurnId) -> None:
        running = self._running.get(turn_id)
        if running is not None:
            running.brake.pull()
            return
        with contextlib.suppress(CacheAway):
            await self._feed.hint(f"cancel {turn_id}")

    async def _hear_hints(self) -> None:
        async for hint in self._feed.hints():
            what, *turn_ids = hint.split(" ")
            for running in filter(None, (self._running.get(_turn_id(one)) for one in turn_ids)):
                if what == "cancel":
                    running.brake.pull()
                elif what == "watch" and self._fanout is not None:
                    self._fanout.watch(running.claim.turn_id)

    def _drop(self, subject_id: SubjectId) -> None:
        """Stop what runs for a subject that was erased; the fence keeps its commit out anyway."""
        for running in list(self._running.values()):
            if running.claim.subject_id == subject_id:
                running.task.cancel()

    async def _renew_leases(self) -> None:
        pause = RENEW_SECONDS
        while True:
            await asyncio.sleep(pause)
            held = [running for running in self._running.values() if not running.overdue]
            unfinished = self._unfinished.copy()
            if not held and not unfinished:
                continue
            crash_point(self._settings, "before_renewal")
            claims = [running.claim for running in held]
            try:
                async with self._services.engine.database.control_tx() as tx:
                    standings = await turn_queue.renew(tx, claims)
                    if unfinished:
                        await turn_queue.forgive(tx, unfinished)
            except DeskError:
                # The wait has used up half a lease. If it runs out, the fence keeps our commits out.
                pause = RENEW_AGAIN_SECONDS
                for running in held:
                    running.store_away = True
                continue
            pause = RENEW_SECONDS
            crash_point(self._settings, "after_renewal")
            del self._unfinished[: len(unfinished)]
            for claim in claims:
                self._heed(claim, standings)

    def _heed(self, claim: Claim, standings: dict[TurnId, turn_queue.Standing]) -> None:
        """Stop a turn that another process took, that is lost, or that its customer cancelled."""
        running = self._running.get(claim.turn_id)
        if running is None or running.claim.fence != claim.fence:
            return
        standing = standings.get(claim.turn_id)
        # Absent once is no news: a turn that commits leaves the queue. The fence guards every commit anyway.
        running.missed = running.missed + 1 if standing is None else 0
        if standing == "taken" or running.missed > 1:
            running.task.cancel()
        elif standing == "cancelled":
            running.brake.pull()

    async def _poll_queue(self) -> None:
        while True:
            await asyncio.sleep(ORPHAN_POLL_SECONDS)
            while not self.draining and await self._claim_some():
                pass

    async def _claim_some(self) -> bool:
        """Take over what nobody runs; whether there may be more."""
        try:
            async with self._services.engine.database.control_tx() as tx:
                claims = await turn_queue.claim_orphans(tx, limit=_CLAIMS_AT_ONCE)
                claims += await turn_queue.claim_waiting(tx, limit=_CLAIMS_AT_ONCE)
        except DeskError as error:
            log.warning("queue_poll_failed", error=type(error).__name__)
            return False
        for claim in claims:
            await self._take_over(claim)
        return len(claims) >= _CLAIMS_AT_ONCE

    async def _run_next(self, conversation_id: ConversationId) -> None:
        """The next turn of a conversation, at once; if this fails, somebody's poll finds it."""
        if self.draining:
            return
        with contextlib.suppress(DeskError):
            async with self._services.engine.database.control_tx() as tx:
                claims = await turn_queue.claim_waiting(tx, conversation_id=conversation_id, limit=1)
            for claim in claims:
                await self._take_over(claim)

    async def _take_over(self, claim: Claim) -> None:
        """Run a claimed turn, or settle one that cannot be run; what goes wrong is left to its next lease."""
        crash_point(self._settings, "after_claim")
        try:
            if claim.tries > turn_queue.MOST_TRIES:
                await give_up(self._services, claim, "its process ended, or lost its lease, in every try")
                return
            turn = await reopen(self._services, claim)
            if turn is None:
                async with self._services.engine.database.control_tx() as tx:
                    await turn_queue.forget(tx, claim)
                return
            log.info("turn_taken_over", turn_id=str(claim.turn_id), attempts=claim.attempts)
            self._run(turn)
        except Unavailable:
            self._unfinished.append(claim)
        except Exception as error:
            log.exception("take_over_failed", turn_id=str(claim.turn_id), error=type(error).__name__)


def _turn_id(text: str) -> TurnId:
    try:
        return TurnId(UUID(text))
    except ValueError:
        return TurnId(UUID(int=0))
