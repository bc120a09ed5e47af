"""Cases made of recorded turns: playable, with what was said before, and without a personal value."""

from __future__ import annotations

from uuid import UUID

import orjson
import pytest

from desk.domain import Principal, TurnId
from desk.errors import NotFound
from evals.cases import parse_cases
from evals.rehearsal import Rehearsal
from graphs.tuning import Tuning
from prompts.choice import PromptChoice
from server.recorded_cases import recorded_case
from tests.graphs.conftest import ada, bookshop, demo
from tests.graphs.conversing import Customer

__all__ = ["ada", "bookshop", "demo"]

MAIL = "ada.hidden@example.org"


async def test_a_recorded_turn_becomes_a_case_that_passes(ada: Customer) -> None:
    worker = Principal(ada.tenant.id, "worker")
    await ada.say(f"I am {MAIL}, thanks")
    await ada.say("hello")
    told = await ada.say("Do you ship to Canada?")
    made = await recorded_case(ada.services, worker, ada.tenant, TurnId(UUID(told.reply["turn_id"])))
    assert MAIL not in orjson.dumps(made).decode()
    (case,) = parse_cases([made])
    said = ["I am [EMAIL_1], thanks", "hello", "Do you ship to Canada?"]
    assert [turn.say for turn in case.turns] == said
    assert case.turns[2].expect.citations == ("shipping-international",)
    rehearsal = Rehearsal(ada.services, ada.tenant, worker.as_user(), Tuning(), PromptChoice(), vouched=False)
    assert await rehearsal.play(case) == []


async def test_there_is_no_case_of_a_turn_that_there_is_not(ada: Customer) -> None:
    worker = Principal(ada.tenant.id, "worker")
    with pytest.raises(NotFound):
        await recorded_case(ada.services, worker, ada.tenant, TurnId(UUID(int=7)))
