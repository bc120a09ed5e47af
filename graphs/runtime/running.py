"""One running turn: its tries until it has ended, and what is stored when it does not end well."""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import structlog

from desk.domain import Principal
from desk.errors import DeskError, Fenced, Unavailable
from desk.events import Failed
from desk.settings import Settings
from desk.storage import deliveries, turn_queue, turns
from desk.storage.turns import Claim
from graphs.brake import Brake
from graphs.commits.inbox import AcceptedTurn, reopen
from graphs.crash_points import crash_point
from graphs.services import Services
from graphs.streams.turn_stream import TurnStream, problem_of
from graphs.turn import run_turn

LONGEST_TURN_SECONDS = 60.0
# What a turn does beside asking models.
_BESIDE_MODELS_SECONDS = 30.0
# A turn over its time is cancelled; if even that does not end it, its lease is renewed no longer.
_OVERDUE_SECONDS = 5.0
_PAUSE_SECONDS = 0.2

log = structlog.get_logger("desk.turns")


@dataclass(slots=True)
class Running:
    """A turn that this process runs; a further try changes its claim."""

    claim: Claim
    stream: TurnStream
    brake: Brake
    longest: float
    until: float
    missed: int = 0
    store_away: bool = False
    task: asyncio.Task[None] = field(init=False)

    @classmethod
    def begin(cls, claim: Claim, stream: TurnStream, longest: float) -> Running:
        """The turn of a fresh claim; one that was cancelled before it ran has its brake pulled."""
        running = cls(claim, stream, Brake(pulled=claim.cancelled), longest, until=0.0)
        running.set_time()
        return running

    def set_time(self) -> None:
        """A try begins now."""
        self.until = asyncio.get_running_loop().time() + self.longest + _OVERDUE_SECONDS

    @property
    def overdue(self) -> bool:
        """Whether the turn should have ended by now, one way or the other."""
        return asyncio.get_running_loop().time() > self.until


def longest_turn_of(settings: Settings) -> float:
    """Seconds that a turn may take: long enough for what models may take in it."""
    return max(LONGEST_TURN_SECONDS, settings.model_timeout_seconds + _BESIDE_MODELS_SECONDS)


async def run_to_its_end(services: Services, running: Running, turn: AcceptedTurn) -> None:
    """Try the turn until it has ended; the stream then has its last event, or the turn goes on elsewhere."""
    following: AcceptedTurn | None = turn
    try:
        while following is not None:
            following = await _try(services, running, following)
    except (Fenced, Unavailable) as error:
        # Not ours any more, or not committable now: the queue's lease decides who finishes it.
        # The store's own word: a model or a tool that is away costs a try.
        running.store_away |= type(error) is Unavailable
        log.warning("turn_left", turn_id=str(running.claim.turn_id), error=type(error).__name__)
    finally:
        running.stream.abandon()


async def _try(services: Services, running: Running, turn: AcceptedTurn) -> AcceptedTurn | None:
    """One try; the turn to be tried next, if it needs another."""
    limit = asyncio.timeout(running.longest)
    try:
        async with limit:
            await run_turn(services, turn, running.stream.publish, running.brake)
    except (Fenced, Unavailable):
        raise
    except Exception as error:
        log.exception("turn_failed", turn_id=str(turn.claim.turn_id), error=type(error).__name__)
        if _may_be_tried_again(error, running.claim, expired=limit.expired()):
            return await _again(services, running)
        state: Literal["failed", "dead"] = "failed" if _is_expected(error) else "dead"
        known = error if isinstance(error, DeskError) else DeskError()
        problem = await _store_failure(services, running.claim, state, known, _reason(error))
        running.stream.publish(Failed(problem))
    return None


async def _again(services: Services, running: Running) -> AcceptedTurn | None:
    await asyncio.sleep(_PAUSE_SECONDS * running.claim.tries)
    crash_point(services.engine.settings, "before_retry")
    async with services.engine.database.control_tx() as tx:
        claim = await turn_queue.claim_again(tx, running.claim)
    crash_point(services.engine.settings, "after_retry")
    if claim is None:
        raise Fenced
    running.claim = claim
    running.set_time()
    turn = await reopen(services, claim)
    if turn is None:
        raise Fenced
    running.stream.begin_run(claim.attempts)
    return turn


async def give_up(services: Services, claim: Claim, reason: str) -> None:
    """Make a dead letter of a turn that no try could end."""
    log.error("turn_dead", turn_id=str(claim.turn_id), attempts=claim.attempts)
    await _store_failure(services, claim, "dead", DeskError(), reason)


async def _store_failure(
    services: Services, claim: Claim, state: Literal["failed", "dead"], error: DeskError, reason: str
) -> dict[str, Any]:
    problem = problem_of(error, claim.turn_id)
    worker = Principal(claim.tenant_id, "worker", claim.subject_id)
    crash_point(services.engine.settings, "before_failure")
    async with services.engine.database.tenant_tx(worker) as tx:
        await turns.pass_fence(tx, claim)
        await turns.fail(tx, claim, state, problem, reason)
        if state == "dead":
            conversation = claim.conversation_id
            await deliveries.owe(tx, "turn.dead", turn_id=claim.turn_id, conversation_id=conversation)
    crash_point(services.engine.settings, "after_failure")
    return problem


def _may_be_tried_again(error: Exception, claim: Claim, *, expired: bool) -> bool:
    """Whether another try may help who waits: not after a refusal, nor after the longest time."""
    return not (expired or _is_expected(error) or claim.tries >= turn_queue.MOST_TRIES)


def _is_expected(error: Exception) -> bool:
    return isinstance(error, DeskError) and error.status < 500


def _reason(error: Exception) -> str:
    """What went wrong and where, for an operator; the message may hold a customer's words and is left out."""
    frames = traceback.extract_tb(error.__traceback__)
    where = "/".join((*Path(frames[-1].filename).parts[-2:],)) if frames else "nowhere"
    return f"{type(error).__name__} at {where}:{frames[-1].lineno if frames else 0}"
