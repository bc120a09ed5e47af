"""Cases made of recorded turns: what the customer said, with pseudonyms, and what was answered."""

from __future__ import annotations

from typing import Any

from desk.domain import Principal, Tenant, TurnId
from desk.errors import InvalidInput
from desk.storage import audit, turn_reviews
from graphs.replays.recorded import open_turn
from graphs.services import Services
from server.recorded_turns import shown_list

_MESSAGES_BEFORE = 50


async def recorded_case(
    services: Services, viewer: Principal, tenant: Tenant, turn_id: TurnId
) -> dict[str, Any]:
    """The turn as a case that `evals.cases` reads, after what was said before it in its conversation.

    Nothing is expected of the earlier answers, and no fact of this one: which must stand in it is for a
    person to say. Raises NotFound, or InvalidInput for a turn without an answer.
    """
    recorded = await open_turn(services, viewer, tenant, turn_id)
    if recorded.reply is None:
        raise InvalidInput("This turn has no answer, so nothing could be expected of it.")
    async with services.engine.database.tenant_tx(viewer) as tx:
        before = await turn_reviews.list_page(
            tx,
            "all",
            conversation_id=recorded.turn.conversation_id,
            before=turn_id,
            limit=_MESSAGES_BEFORE,
        )
        await audit.record(tx, viewer, "case.made", str(turn_id))
    earlier = [one["asked"] for one in reversed(await shown_list(services, viewer, before)) if one["asked"]]
    return {
        "id": f"recorded-{turn_id.hex[-12:]}",
        "source": "recorded",
        "as": None,
        "turns": [
            *({"say": said} for said in earlier),
            {"say": recorded.message, "expect": _expected(recorded.reply["reply"])},
        ],
    }


def _expected(told: dict[str, Any]) -> dict[str, Any]:
    expected = {
        "routes": [told["route"]],
        "facts": [],
        "language": told["language"],
        "citations": [citation["source_id"] for citation in told["citations"]],
    }
    return expected | ({"intent": told["intent"]} if told["intent"] else {})
