"""What an admin is shown of a recorded turn holds no value of the customer, whatever a node wrote."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import orjson

from desk.domain import Principal, TurnId
from graphs.replays.recorded import open_turn
from server.recorded_turns import shown_turn
from tests.graphs.conversing import Customer

MAIL = "ada.hidden@example.org"


async def test_a_value_that_a_node_forgot_to_hide_is_shown_as_its_pseudonym(ada: Customer) -> None:
    told = await ada.say(f"hi, I am on {MAIL}")
    viewer = Principal(ada.tenant.id, "admin")
    recorded = await open_turn(ada.services, viewer, ada.tenant, TurnId(UUID(told.reply["turn_id"])))
    last = {**recorded.steps[-1], "noted": {"sent": [f"to {MAIL}", {"greeting": f"Dear {MAIL.upper()}"}]}}
    shown = await shown_turn(ada.services, replace(recorded, steps=(*recorded.steps[:-1], last)))
    assert shown["steps"][-1]["noted"] == {"sent": ["to [EMAIL_1]", {"greeting": "Dear [EMAIL_1]"}]}
    assert MAIL.encode() not in orjson.dumps(shown).lower()
