"""Turns with a model: what is streamed, tools, the ledger, answers that are refused, models that fail."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from desk.domain import Principal
from desk.errors import ModelUnavailable
from desk.events import Cited, Revised, Token
from desk.models.port import ModelRequest, ToolCall
from desk.models.scripted import ScriptedAnswer
from desk.storage.effects import list_for_turn
from desk.tooling import Tool, ToolContext, ToolResult
from graphs.commits.inbox import AcceptedTurn, reopen
from graphs.services import Services
from tests.graphs.conversing import KINDLE, POINTS, POINTS_ANSWER, Customer, calls, contents


async def test_an_answer_that_stands_in_a_page_is_streamed_cited_and_counted(ada: Customer) -> None:
    model = ada.script(f"Happy to help with your points! {POINTS_ANSWER}\n")
    told = await ada.say(POINTS)
    assert told.text == told.shown == f"Happy to help with your points! {POINTS_ANSWER}"
    assert len(told.of(Token)) > 3
    reply = told.reply
    assert reply["reply"]["route"] == "model"
    assert reply["reply"]["citations"][0]["source_id"] == "loyalty-points"
    assert told.of(Cited)[0].citation.source_id == "loyalty-points"
    assert reply["model"] == "scripted"
    assert reply["prompt"]["name"] == "support"
    assert reply["usage"]["prompt_tokens"] > 100
    assert reply["usage"]["completion_tokens"] > 5
    assert [message["role"] for message in model.requests[0].messages] == ["system", "user"]
    assert await _usage_rows(ada, told.reply["turn_id"]) == [
        ("scripted", reply["usage"]["prompt_tokens"], reply["usage"]["completion_tokens"])
    ]


async def test_text_before_a_claim_is_shown_before_the_claim_is_whole(ada: Customer) -> None:
    ada.script(f"Sure, gladly. {POINTS_ANSWER}")
    tokens = [event.text for event in (await ada.say(POINTS)).of(Token)]
    assert "".join(tokens[:2]) == "Sure, gladly."
    assert tokens[-1].strip() == POINTS_ANSWER


async def test_a_curated_answer_needs_no_model(ada: Customer) -> None:
    model = ada.script("Never asked.")
    told = await ada.say(
        "How do loyalty points work? You collect 1 point for each dollar spent on books. "
        "100 points are worth $5 and stay valid for 24 months."
    )
    assert model.requests == []
    assert told.reply["reply"]["route"] == "faq"
    assert told.reply["model"] is None
    assert told.text == told.reply["reply"]["citations"][0]["quote"]


@pytest.mark.parametrize(
    "asked",
    [
        "let me talk to a person",
        "where is order 100234? no, let me talk to a person instead",
        # The trained router would give these to the model, the catalogue and a canned reply.
        "i need to spaek to an agnet",
        "Do you have Dune? I need to spaek to an agnet about it",
        "how much is shipping and get me a manager",
    ],
)
async def test_no_model_is_asked_when_somebody_asks_for_a_person(ada: Customer, asked: str) -> None:
    model = ada.script("There are no people here.")
    told = await ada.say(asked)
    assert told.reply["reply"]["route"] == "handoff"
    assert model.requests == []


@pytest.mark.parametrize(
    "wrong",
    [
        "Let me see. 100 points are worth $50.",
        "Points never expire, we do not accept them for books.",
        "See https://evil.example/points now.",
        "Of course! They stay valid for 12 months.",
    ],
)
async def test_a_claim_without_a_source_is_never_shown(ada: Customer, wrong: str) -> None:
    ada.script(wrong)
    told = await ada.say(POINTS)
    assert told.text == told.shown
    assert told.reply["reply"]["route"] == "faq"
    assert told.text == told.reply["reply"]["citations"][0]["quote"]
    for claim in ("$50", "do not accept", "evil.example", "12 months"):
        assert claim not in told.ever_shown
    assert "model answer" in told.degraded
    assert told.reply["model"] == "scripted"
    assert told.reply["usage"]["completion_tokens"] > 0


async def test_a_refused_answer_without_a_good_page_ends_in_an_honest_fallback(ada: Customer) -> None:
    ada.script("It is open from 3:15 to 4:15.")
    told = await ada.say("Is there a parking space for elephants near the river?")
    assert told.reply["reply"]["route"] == "fallback"
    assert "could not confirm" in told.text
    assert told.shown == told.text


async def test_what_was_shown_before_a_refusal_is_taken_back(ada: Customer) -> None:
    ada.script("Gladly, with pleasure. 100 points are worth $500.")
    told = await ada.say(POINTS)
    assert Revised("") in told.events
    assert told.shown == told.text
    assert "pleasure" not in told.text


async def test_an_answer_in_another_language_is_fine(ada: Customer) -> None:
    ada.script("Mit 100 Punkten sparen Sie $5, und sie gelten 24 Monate lang.")
    told = await ada.say(POINTS)
    assert told.reply["reply"]["route"] == "model"
    assert told.reply["reply"]["language"] == "de"


@pytest.mark.parametrize("empty", ["", "   \n ", ScriptedAnswer(error=ModelUnavailable())])
async def test_no_answer_is_said_and_replaced(ada: Customer, empty: ScriptedAnswer | str) -> None:
    ada.script(empty)
    told = await ada.say(POINTS)
    assert "language model" in told.degraded
    assert told.reply["reply"]["route"] == "faq"


async def test_a_stream_that_breaks_off_is_replaced(ada: Customer) -> None:
    ada.script(ScriptedAnswer("Let me think about that for", error=ModelUnavailable()))
    told = await ada.say(POINTS)
    assert "think" in told.ever_shown
    assert "think" not in told.shown
    assert told.shown == told.text
    assert "language model" in told.degraded


async def test_the_order_tool_is_run_for_its_owner_and_its_result_may_be_said(ada: Customer) -> None:
    model = ada.script(
        ScriptedAnswer(
            "Let me look that up.",
            (ToolCall("abc", "order_status", '{"order_id": "100234"}'),),
        ),
        "Good news: your order 100234 was shipped on November 12, 2026.",
    )
    told = await ada.say(POINTS)
    assert told.tools == [("order_status", "started"), ("order_status", "ended")]
    assert told.text == told.shown == "Good news: your order 100234 was shipped on November 12, 2026."
    asked, answered = model.requests[1].messages[-2:]
    assert asked["tool_calls"][0]["id"] == answered["tool_call_id"]
    assert set(answered) == {"role", "tool_call_id", "content"}
    assert told.reply["usage"]["prompt_tokens"] > model_tokens(model.requests[1])


def model_tokens(request: ModelRequest) -> int:
    return sum(len(str(message.get("content") or "")) for message in request.messages) // 4


async def test_pages_that_a_tool_found_are_cited(ada: Customer) -> None:
    ada.script(
        calls("faq_search", '{"query": "gift card validity", "limit": 1}'),
        "Gift cards are valid for 5 years from the day of purchase.",
    )
    told = await ada.say(POINTS)
    assert told.reply["reply"]["route"] == "model"
    assert "gift-card-valid" in [citation["source_id"] for citation in told.reply["reply"]["citations"]]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("order_status", '{"order_id": '),
        ("order_status", "[1, 2]"),
        ("order_status", '{"order_id": "100234", "email": "ada@example.com"}'),
        ("order_status", '{"order_id": {"$ne": 1}}'),
        ("calculator", '{"expression": "' + "1+" * 2000 + '1"}'),
        ("no_such_tool", "{}"),
        ("drop table; --", "{}"),
        ("", ""),
    ],
)
async def test_a_call_that_cannot_be_run_is_answered_and_the_talk_goes_on(
    ada: Customer, name: str, arguments: str
) -> None:
    model = ada.script(calls(name, arguments), POINTS_ANSWER)
    told = await ada.say(POINTS)
    assert told.text == POINTS_ANSWER
    asked, answered = model.requests[1].messages[-2:]
    assert asked["tool_calls"][0]["id"] == answered["tool_call_id"]
    assert isinstance(orjson.loads(asked["tool_calls"][0]["function"]["arguments"]), dict)
    assert "fit" in answered["content"] or "no such tool" in answered["content"]


async def test_tools_are_offered_for_three_rounds_and_then_no_more(ada: Customer) -> None:
    model = ada.script(calls("calculator", '{"expression": "1+1"}'))
    told = await ada.say(POINTS)
    assert [bool(request.tools) for request in model.requests] == [True, True, True, False]
    assert told.nodes.count("run_tools") == 3
    assert told.reply["reply"]["route"] == "faq"
    ids = [call["id"] for message in model.requests[3].messages for call in message.get("tool_calls", ())]
    assert len(set(ids)) == 3


async def test_many_calls_at_once_are_cut_to_a_few(ada: Customer) -> None:
    many = tuple(ToolCall(f"c{n}", "calculator", '{"expression": "1+1"}') for n in range(50))
    model = ada.script(ScriptedAnswer(tool_calls=many), POINTS_ANSWER)
    told = await ada.say(POINTS)
    assert told.tools.count(("calculator", "started")) == 4
    exchange = model.requests[1].messages[2:]
    assert [message["role"] for message in exchange] == ["assistant", *["tool"] * 4]


class Nothing(BaseModel):
    """No arguments."""


async def test_a_tool_that_hangs_costs_its_time_and_no_more(
    ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(arguments: Nothing, context: ToolContext) -> ToolResult:
        await asyncio.Event().wait()
        raise AssertionError

    tool = Tool("slow", "Slow.", Nothing, hang, timeout_seconds=0.05)
    monkeypatch.setitem(ada.services.tools, tool.name, tool)
    model = ada.script(calls("slow", "{}"), POINTS_ANSWER)
    told = await ada.say(POINTS)
    assert told.tools == [("slow", "started"), ("slow", "failed")]
    assert "in time" in model.requests[1].messages[-1]["content"]
    assert told.text == POINTS_ANSWER


async def test_a_second_run_reads_the_recorded_answer_instead_of_asking(ada: Customer) -> None:
    """The process dies after the tools ran; who takes over must not ask anew and choose other arguments."""

    class Killed(BaseException):
        pass

    turn = await ada.accepted(POINTS)
    dying = ada.script(
        calls("order_status", '{"order_id": "100234"}'),
        ScriptedAnswer(error=Killed()),  # type: ignore[arg-type]
    )
    with pytest.raises(Killed):
        await ada.run(turn)
    assert len(dying.requests) == 2
    again = ada.script("Your order 100234 was shipped on 2026-11-12.")
    told = await ada.run(await _taken_over(ada.services, turn))
    assert len(again.requests) == 1
    asked, answered = again.requests[0].messages[-2:]
    assert asked["tool_calls"][0]["function"]["arguments"] == '{"order_id": "100234"}'
    assert "2026-11-12" in answered["content"]
    assert told.text == "Your order 100234 was shipped on 2026-11-12."
    assert told.reply["usage"]["prompt_tokens"] > model_tokens(again.requests[0])
    assert told.reply["model"] == "scripted"


async def test_recorded_answers_hold_pseudonyms(ada: Customer) -> None:
    ada.script(calls("faq_search", '{"query": "mail of eve.adams@example.org"}'), POINTS_ANSWER)
    told = await ada.say(POINTS)
    async with ada.services.engine.database.tenant_tx(ada.principal) as tx:
        (effect,) = await list_for_turn(tx, told.reply["turn_id"])
    assert effect.result_sealed is not None
    assert b"eve.adams" not in effect.result_sealed


async def test_the_next_turn_sees_the_talk(ada: Customer) -> None:
    model = ada.script("Sure.", "Again, sure.")
    await ada.say(POINTS)
    await ada.say(KINDLE)
    roles = [message["role"] for message in model.requests[1].messages]
    assert roles == ["system", "user", "assistant", "user"]
    assert "Sure." in contents(model.requests[1])


async def test_a_model_that_never_ends_is_cut_off_in_time(ada: Customer) -> None:
    settings = ada.services.engine.settings
    ada.services.engine.settings = settings.model_copy(update={"model_timeout_seconds": 0.2})
    ada.ask_model(_Hanging(), seconds=60)
    try:
        async with asyncio.timeout(5):
            told = await ada.say(POINTS)
    finally:
        ada.services.engine.settings = settings
    assert "language model" in told.degraded
    assert told.reply["reply"]["route"] == "faq"


class _Hanging:
    """A model that says nothing and never ends."""

    def __init__(self) -> None:
        from desk.models.scripted import SCRIPTED

        self.spec = SCRIPTED

    async def stream(self, _request: ModelRequest, *, guard: Any) -> Any:  # noqa: ARG002
        await asyncio.Event().wait()
        yield

    async def warm(self) -> None:
        """Nothing to load."""

    async def aclose(self) -> None:
        """Nothing is open."""


async def _taken_over(services: Services, turn: AcceptedTurn) -> AcceptedTurn:
    """The turn as another process reopens it after the lease ran out."""
    async with services.engine.database.control_tx() as tx:
        cursor = await tx.execute(
            "update turn_queue set fence = nextval('fences'), attempts = attempts + 1 where turn_id = %s"
            " returning fence, attempts",
            (turn.claim.turn_id,),
        )
        row = await cursor.fetchone()
    assert row is not None
    reopened = await reopen(services, replace(turn.claim, fence=row[0], attempts=row[1]))
    assert reopened is not None
    return reopened


async def _usage_rows(customer: Customer, turn_id: str) -> list[tuple[Any, ...]]:
    worker = Principal(customer.tenant.id, "worker")
    async with customer.services.engine.database.tenant_tx(worker) as tx:
        cursor = await tx.execute(
            "select model, prompt_tokens, completion_tokens from usage where turn_id = %s", (turn_id,)
        )
        return await cursor.fetchall()
