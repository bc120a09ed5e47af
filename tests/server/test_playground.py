"""The playground's routes: recorded turns opened, and gone on from in a sandbox that leaves no trace."""

from __future__ import annotations

import json
from typing import Any

import httpx
import psycopg
import pytest

from prompts.loader import load_prompt
from tests.graphs.conversing import POINTS, POINTS_ANSWER
from tests.server.wire import ask
from tests.servers.openai_wire import Wire, say

# What a turn may leave anywhere; a run in the sandbox leaves none of it.
TRACES = (
    "turns",
    "messages",
    "turn_steps",
    "effects",
    "usage",
    "checkpoints",
    "conversations",
    "handoffs",
)
MAIL = "ada.hidden@example.org"


async def opened(admin: httpx.AsyncClient, turn_id: str) -> dict[str, Any]:
    response = await admin.get(f"/api/v1/playground/turns/{turn_id}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def run(admin: httpx.AsyncClient, turn_id: str, **body: Any) -> list[tuple[str, dict[str, Any]]]:
    """The events of runs in the sandbox."""
    response = await admin.post(f"/api/v1/playground/turns/{turn_id}/runs", json=body)
    assert response.status_code == 200, response.text
    frames: list[list[str]] = [frame.split("\n") for frame in response.text.strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in frames]


def place_of(turn: dict[str, Any], node: str) -> int:
    return int(next(step["place"] for step in turn["steps"] if step["node"] == node))


async def counted(owner_url: str) -> dict[str, int]:
    async with await psycopg.AsyncConnection.connect(owner_url) as connection:
        found = {}
        for table in TRACES:
            cursor = await connection.execute(f"select count(*) from shared.{table}")
            row = await cursor.fetchone()
            assert row is not None
            found[table] = row[0]
        return found


async def test_a_recorded_turn_shows_what_each_node_saw_and_did(
    customer: httpx.AsyncClient, admin: httpx.AsyncClient, wire: Wire
) -> None:
    wire.script([say("100 ", "points ", "are ", "worth ", "$5.", usage=(321, 12))])
    first = await ask(customer, f"I am {MAIL}, thanks")
    reply = await ask(customer, POINTS, conversation_id=first["conversation_id"])
    turn = await opened(admin, reply["turn_id"])
    assert [step["node"] for step in turn["steps"]] == [
        "screen",
        "scrub_pii",
        "route_intent",
        "retrieve_faqs",
        "call_llm",
        "verify_answer",
    ]
    by_node = {step["node"]: step for step in turn["steps"]}
    assert "text" not in by_node["scrub_pii"]["input"]
    assert by_node["route_intent"]["input"]["text"] == POINTS
    assert by_node["route_intent"]["update"]["decision"]["because"]
    assert by_node["route_intent"]["noted"]["needed"] == 0.5
    reasons = by_node["route_intent"]["noted"]["reasons"]
    assert len(reasons["nearest"]) == len(reasons["rivals"]) == 3
    assert "less than discounts" in reasons["against"][0]["because"]
    assert by_node["retrieve_faqs"]["update"]["passages"][0]["score"] > 0.3
    sent = by_node["call_llm"]["noted"]
    assert sent["messages"] == wire.requests[-1].json["messages"]
    assert sent["prompt"]["sha"] == turn["prompt"]["sha"] == reply["prompt"]["sha"]
    assert by_node["call_llm"]["usage"]["prompt_tokens"] == 321
    assert len(by_node["screen"]["input"]["window"]) == 2
    assert MAIL not in json.dumps(turn)
    assert "[EMAIL_1]" in json.dumps(turn["start"])
    listed = (await admin.get("/api/v1/playground/turns", params={"limit": 2})).json()
    assert [one["id"] for one in listed["turns"]] == [reply["turn_id"], first["turn_id"]]
    assert listed["turns"][1]["asked"] == "I am [EMAIL_1], thanks"
    assert listed["next_cursor"] == first["turn_id"]


async def test_a_fork_with_another_prompt_asks_the_model_anew_and_leaves_no_trace(
    customer: httpx.AsyncClient, admin: httpx.AsyncClient, wire: Wire, owner_url: str
) -> None:
    wire.script([say(POINTS_ANSWER, usage=(321, 12))])
    reply = await ask(customer, POINTS)
    turn = await opened(admin, reply["turn_id"])
    before, asked = await counted(owner_url), len(wire.requests)
    wire.script([say("Gladly! ", POINTS_ANSWER, usage=(300, 15)), say(POINTS_ANSWER, usage=(300, 15))])
    text = load_prompt("support").text.replace("no flattery", "some flattery")
    events = await run(
        admin,
        reply["turn_id"],
        at=place_of(turn, "call_llm"),
        prompt=text,
        times=2,
        parameters={"answer_tokens": 50},
    )
    assert await counted(owner_url) == before
    assert [name for name, _ in events if name != "step"] == ["run", "run", "done"]
    assert [data["node"] for name, data in events if name == "step" and data["state"] == "ended"][:2] == [
        "call_llm",
        "verify_answer",
    ]
    runs = [data for name, data in events if name == "run"]
    assert [one["reply"]["reply"]["text"] for one in runs] == [f"Gladly! {POINTS_ANSWER}", POINTS_ANSWER]
    assert runs[0]["reply"]["prompt"]["version"] == 0
    assert runs[0]["reply"]["usage"]["prompt_tokens"] == 300
    sent = [request.json for request in wire.requests[asked:]]
    assert ["some flattery" in one["messages"][0]["content"] for one in sent] == [True, True]
    assert sent[0]["messages"][1:] == turn["steps"][place_of(turn, "call_llm")]["noted"]["messages"][1:]


async def test_intents_are_tried_out_before_anybody_has_them(
    customer: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    reply = await ask(customer, "hi")
    turn = await opened(admin, reply["turn_id"])
    assert (turn["intents"]["name"], turn["intents"]["version"]) == ("intents", 1)
    text = turn["intents"]["text"].replace("Hello and welcome to the bookshop!", "Ahoy!")
    events = await run(admin, reply["turn_id"], at=place_of(turn, "route_intent"), intents=text)
    (tried,) = [data for name, data in events if name == "run"]
    assert tried["reply"]["reply"]["text"] == "Ahoy! How can I help you today?"
    noted = next(step["noted"] for step in tried["steps"] if step["node"] == "route_intent")
    assert noted["intents"]["version"] == 0
    assert (await ask(customer, "hi"))["reply"]["text"] == turn["reply"]["reply"]["text"]
    broken = {"at": 0, "intents": text.replace("route: canned", "route: cannon")}
    refused = await admin.post(f"/api/v1/playground/turns/{reply['turn_id']}/runs", json=broken)
    assert (refused.status_code, "unknown route 'cannon'" in refused.text) == (422, True)


async def test_an_unchanged_fork_takes_the_recorded_way(
    customer: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    for message in ("hi", "Where is my order 100234?", "recommend me a mystery", "asdkjh qwe"):
        reply = await ask(customer, message)
        turn = await opened(admin, reply["turn_id"])
        for step in turn["steps"]:
            events = await run(admin, reply["turn_id"], at=step["place"])
            again = next(data for name, data in events if name == "run")
            assert [one["node"] for one in again["steps"]] == [
                one["node"] for one in turn["steps"][step["place"] :]
            ]
            assert again["reply"]["reply"] == turn["reply"]["reply"]


async def test_a_turn_whose_raw_message_is_forgotten_is_gone_on_from(
    customer: httpx.AsyncClient, admin: httpx.AsyncClient, owner_url: str
) -> None:
    reply = await ask(customer, f"hi, I am {MAIL}")
    before = await opened(admin, reply["turn_id"])
    async with await psycopg.AsyncConnection.connect(owner_url) as connection:
        forget = "update shared.turns set input_sealed = '' where id = %s"
        await connection.execute(forget, (reply["turn_id"],))
    turn = await opened(admin, reply["turn_id"])
    assert turn["message"] == before["message"] == "hi, I am [EMAIL_1]"
    [*_, (_, again), _] = await run(admin, reply["turn_id"], at=0)
    assert again["reply"]["reply"] == turn["reply"]["reply"]
    assert again["steps"][1]["update"]["text"] == "hi, I am [EMAIL_1]"


async def test_a_changed_state_takes_another_way(
    customer: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    reply = await ask(customer, "hi")
    turn = await opened(admin, reply["turn_id"])
    place = place_of(turn, "canned_reply")
    decision = {**turn["steps"][place]["input"]["decision"], "intent": "thanks"}
    [*_, (_, other), _] = await run(admin, reply["turn_id"], at=place, state={"decision": decision})
    assert other["reply"]["reply"]["text"] != turn["reply"]["reply"]["text"]
    [*_, (_, asked), _] = await run(admin, reply["turn_id"], at=0, message="Where is my order 100234?")
    assert asked["reply"]["reply"]["route"] == "order"
    assert "shipped" in asked["reply"]["reply"]["text"]


async def test_a_value_that_the_customer_was_told_is_shown_as_its_pseudonym(
    customer: httpx.AsyncClient, admin: httpx.AsyncClient, wire: Wire
) -> None:
    wire.script([say("We write to [EMAIL_1] then.")] * 2)
    reply = await ask(customer, f"I am on {MAIL}. {POINTS}")
    assert reply["reply"]["text"] == f"We write to {MAIL} then."
    turn = await opened(admin, reply["turn_id"])
    [*_, (_, again), _] = await run(admin, reply["turn_id"], at=0)
    for shown in (turn, again):
        assert "We write to [EMAIL_1] then." in json.dumps(shown["reply"])
        assert MAIL not in json.dumps(shown)


async def test_a_sandbox_never_acts(
    customer: httpx.AsyncClient, admin: httpx.AsyncClient, owner_url: str
) -> None:
    offered = await ask(customer, "I want to send back order 100234")
    assert offered["reply"]["actions"]
    answered = await ask(customer, "no", conversation_id=offered["conversation_id"])
    turn = await opened(admin, answered["turn_id"])
    before = await counted(owner_url)
    events = await run(admin, answered["turn_id"], at=0, message="yes")
    run_ = next(data for name, data in events if name == "run")
    assert run_["withheld"] == 1
    assert run_["reply"]["reply"]["actions"] == []  # it went on as if it had been done
    assert [step["node"] for step in run_["steps"]][-1] == "confirm_action"
    assert await counted(owner_url) == before
    asked = await run(admin, answered["turn_id"], at=0, message="let me talk to a person")
    assert next(data for name, data in asked if name == "run")["wants_person"]
    assert await counted(owner_url) == before
    assert turn["forkable"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"at": 99}, "steps"),
        ({"state": {"nonsense": 1}}, "nonsense"),
        ({"state": {"decision": {"route": "faq"}}}, "form"),
        ({"parameters": {"confident": 7}}, "confident"),
        ({"parameters": {"temperature": 1}}, "no parameter"),
        ({"prompt": "Hello {{customer}}"}, "customer"),
        ({"times": 11}, "times"),
    ],
)
async def test_a_fork_that_cannot_be_is_refused(
    customer: httpx.AsyncClient, admin: httpx.AsyncClient, body: dict[str, Any], said: str
) -> None:
    reply = await ask(customer, "hi")
    refused = await admin.post(f"/api/v1/playground/turns/{reply['turn_id']}/runs", json=body)
    assert refused.status_code == 422
    assert said in refused.json()["detail"]


async def test_a_node_that_fails_on_a_changed_value_says_so(
    customer: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    reply = await ask(customer, "hi")
    decision = {"route": "nowhere", "intent": None, "confidence": 1, "because": ""}
    turn = await opened(admin, reply["turn_id"])
    place = place_of(turn, "canned_reply")
    events = await run(
        admin, reply["turn_id"], at=place, state={"decision": {**decision, "intent": "none such"}}
    )
    name, data = events[-1]
    assert name == "error"
    assert data["status"] == 422


async def test_it_is_for_admins_alone_and_audited(
    customer: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    reply = await ask(customer, "hi")
    assert (await customer.get("/api/v1/playground/turns")).status_code == 403
    assert (await customer.get(f"/api/v1/playground/turns/{reply['turn_id']}")).status_code == 403
    body = {"at": 0}
    forbidden = await customer.post(f"/api/v1/playground/turns/{reply['turn_id']}/runs", json=body)
    assert forbidden.status_code == 403
    await run(admin, reply["turn_id"], at=1, times=2)
    audit = (await admin.get("/api/v1/audit", params={"action": "playground.run"})).json()["audit"]
    assert audit[0]["object"] == reply["turn_id"]
    assert audit[0]["detail"] == {"at": 1, "times": 2, "changed": []}
