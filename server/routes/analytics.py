"""Analytics: what became of conversations and answers, each number beside what it is a part of."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from desk.domain import ConversationId, SubjectId
from desk.errors import NotFound
from desk.storage import outcomes, prompt_bundles, subjects
from desk.storage.outcomes import Answers, Talks
from desk.storage.pool import Tx
from desk.storage.prompt_bundles import VersionFigures
from server.deps import CurrentCaller, CurrentDesk
from server.openapi import answers
from server.recorded_turns import PROMPT
from server.routes.chat import json_response, person
from server.shapes.analytics import DashboardOut, PersonFiguresOut, TalksOut

router = APIRouter(prefix="/api/v1/analytics", tags=["analytics"])

Days = Annotated[int, Query(ge=1, le=366)]


@router.get("/dashboard", summary="How conversations and answers end", responses=answers(DashboardOut))
async def dashboard(desk: CurrentDesk, caller: CurrentCaller, days: Days = 30) -> Response:
    """Each share is `{n, of}`, and null where `of` is nothing; of the last `days`, day by day of UTC.

    `by_prompt` is of the answers for which a model was asked with that version."""
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        found = {"days": days, **await _figures(tx, days, None)}
        by_prompt = await prompt_bundles.figures(tx, admin.tenant_id, PROMPT, days=days)
    return json_response({**found, "by_prompt": [_version(one) for one in by_prompt]})


@router.get("/conversations", summary="Conversations and what became of each", responses=answers(TalksOut))
async def list_conversations(
    desk: CurrentDesk,
    caller: CurrentCaller,
    days: Days = 30,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """`outcome` is `answered` (without a person), `given_up`, `person` or `failed`; the newest first."""
    start, end = _span(days)
    before = ConversationId(cursor) if cursor else None
    async with desk.services.engine.database.tenant_tx(person(caller)) as tx:
        found = await outcomes.list_talks(tx, start, end, before=before, limit=limit)
    page = [
        {
            **asdict(one),
            "id": str(one.id),
            "subject_id": str(one.subject_id),
            "began_at": one.began_at.isoformat(),
            "rested_at": one.rested_at.isoformat(),
        }
        for one in found
    ]
    return json_response(
        {"conversations": page, "next_cursor": page[-1]["id"] if len(page) == limit else None}
    )


@router.get("/user/{subject_id}", summary="The same of one person", responses=answers(PersonFiguresOut))
async def one_person(subject_id: UUID, desk: CurrentDesk, caller: CurrentCaller, days: Days = 30) -> Response:
    """By the subject's id, as the privacy routes and the list of conversations name it."""
    chosen = SubjectId(subject_id)
    async with desk.services.engine.database.tenant_tx(person(caller)) as tx:
        if not await subjects.exist(tx, chosen):
            raise NotFound
        figures = await _figures(tx, days, chosen)
    return json_response({"subject_id": str(subject_id), "days": days, **figures})


async def _figures(tx: Tx, days: int, subject_id: SubjectId | None) -> dict[str, Any]:
    start, end = _span(days)
    talks = await outcomes.count_talks(tx, start, end, subject_id)
    total, *by_day = await outcomes.count_answers(tx, start, end, subject_id)
    routes = await outcomes.count_routes(tx, start, end, subject_id)
    return {
        "conversations": {"total": talks.conversations, **_talks(talks)},
        "answers": {"turns": total.turns, "cost_usd": total.cost_usd, **_answers(total)},
        "by_route": routes,
        "by_day": [
            {
                "day": day.day.isoformat() if day.day else None,
                "turns": day.turns,
                "cost_usd": day.cost_usd,
                **_answers(day),
            }
            for day in by_day
        ],
    }


def _version(one: VersionFigures) -> dict[str, Any]:
    return {
        "name": PROMPT,
        "version": one.version,
        "label": one.label,
        "answers": one.turns,
        "fallback": _share(one.fallbacks, one.turns),
        "asked_for_person": _share(one.handed_over, one.conversations),
        "rated_down": _share(one.down, one.up + one.down),
        "cost_usd": one.cost_usd,
    }


def _talks(talks: Talks) -> dict[str, Any]:
    return {
        "involved": _share(talks.involved, talks.conversations),
        "answered_without_person": _share(talks.answered, talks.involved),
        "given_up": _share(talks.given_up, talks.involved),
        "asked_for_person": _share(talks.person, talks.involved),
        "reopened_within_7_days": _share(talks.reopened, talks.known),
        "not_known_yet": talks.answered - talks.known,
    }


def _answers(found: Answers) -> dict[str, Any]:
    return {
        "fallback": _share(found.fallbacks, found.answers),
        "rated": _share(found.rated, found.turns),
        "rated_down": _share(found.down, found.rated),
    }


def _share(n: int, of: int) -> dict[str, int] | None:
    return {"n": n, "of": of} if of else None


def _span(days: int) -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return now - timedelta(days=days), now
