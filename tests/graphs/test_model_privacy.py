"""What leaves for a model holds pseudonyms, and what comes back is restored, wherever it is cut."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic import BaseModel, SecretStr

from desk.errors import EgressBlocked, ModelUnavailable
from desk.models.catalog import ModelSpec
from desk.models.lazy import LazyModel
from desk.models.openai import GuardedChatOpenAI, open_openai
from desk.models.port import ModelRequest, Timeouts
from desk.models.scripted import ScriptedAnswer, ScriptedModel
from desk.tooling import Tool, ToolContext, ToolResult
from tests.graphs.conversing import EXTERNAL, KINDLE, POINTS, POINTS_ANSWER, Customer, calls, contents
from tests.servers.openai_wire import Fault, Wire, call, openai_wire, refuse, say

HOSTED = ModelSpec("hosted", "openai", external=True, context_window=8000, usd_per_million_in=1.0)
CANARIES = {
    "EMAIL": "eve.adams@example.org",
    "PHONE": "+44 20 7946 0958",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "IBAN": "DE89 3704 0044 0532 0130 00",
    "SSN": "SSN 536-22-1234",
    "IP_ADDRESS": "203.0.113.77",
}
VALUES = tuple(value.removeprefix("SSN ") for value in CANARIES.values())
TELLING = "I am on " + ", ".join(CANARIES.values()) + ". "


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with openai_wire() as running:
        yield running


@pytest.fixture
async def hosted(ada: Customer, wire: Wire) -> AsyncIterator[Customer]:
    """Ada, answered by a hosted model that is really the local server."""
    model = _hosted(wire)
    ada.ask_model(model)
    yield ada
    await model.aclose()


def _hosted(wire: Wire) -> LazyModel[GuardedChatOpenAI]:
    times = Timeouts(connect=1, first_token=0.5, between_tokens=0.5, total=3)
    key = SecretStr("k")
    return LazyModel(HOSTED, lambda: open_openai(HOSTED, api_key=key, base_url=wire.base_url, times=times))


def assert_clean(wire: Wire) -> None:
    """No request holds a canary, in any spelling of spaces and dashes."""
    for request in wire.requests:
        sent = request.body.decode()
        squeezed = "".join(sign for sign in sent if sign.isalnum())
        for value in VALUES:
            assert value not in sent
            assert "".join(sign for sign in value if sign.isalnum()) not in squeezed


async def test_values_leave_as_pseudonyms_and_come_back_restored(hosted: Customer, wire: Wire) -> None:
    wire.script([say("I will write to ", "[EMAIL_1]", " about it.", usage=(120, 9))])
    told = await hosted.say(TELLING + POINTS)
    assert len(wire.requests) == 1
    assert_clean(wire)
    assert all(f"[{kind}_1]" in wire.requests[0].body.decode() for kind in CANARIES)
    assert told.text == told.shown == f"I will write to {CANARIES['EMAIL']} about it."
    assert told.reply["usage"] == {"prompt_tokens": 120, "completion_tokens": 9, "cost_usd": 0.00012}
    assert told.reply["model"] == "hosted"


async def test_earlier_turns_leave_as_pseudonyms_too(hosted: Customer, wire: Wire) -> None:
    wire.script([say("Noted, [EMAIL_1] and [PHONE_1].")])
    await hosted.say(TELLING + POINTS)
    told = await hosted.say(f"And again, {CANARIES['EMAIL'].upper()}: {KINDLE}")
    assert len(wire.requests) == 2
    assert_clean(wire)
    assert "[EMAIL_1]" in wire.requests[1].json["messages"][-1]["content"]
    assert told.text == f"Noted, {CANARIES['EMAIL']} and {CANARIES['PHONE']}."


class Note(BaseModel):
    """What to look for."""

    about: str


async def test_tools_get_the_values_and_their_results_leave_as_pseudonyms(
    hosted: Customer, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def look(arguments: Note, context: ToolContext) -> ToolResult:
        asked.append(arguments.about)
        return ToolResult("Found: " + "; ".join(CANARIES.values()))

    monkeypatch.setitem(hosted.services.tools, "notes", Tool("notes", "Notes.", Note, look))
    wire.script([say(calls=[call("notes", about="mail of [EMAIL_1]")]), say("Your phone is [PHONE_1].")])
    told = await hosted.say(f"I am {CANARIES['EMAIL']}. {POINTS}")
    assert asked == [f"mail of {CANARIES['EMAIL']}"]
    assert len(wire.requests) == 2
    assert_clean(wire)
    assert told.text == f"Your phone is {CANARIES['PHONE']}."


async def test_arguments_that_a_model_made_up_do_not_block_the_talk(hosted: Customer, wire: Wire) -> None:
    wire.script([say(calls=[call("faq_search", query="ask bob@elsewhere.example")]), say(POINTS_ANSWER)])
    told = await hosted.say(POINTS)
    assert len(wire.requests) == 2
    assert "bob@elsewhere" not in wire.requests[1].body.decode()
    assert told.text == POINTS_ANSWER


async def test_the_shops_own_addresses_do_not_block_the_talk(ada: Customer) -> None:
    """An address on a page looks as personal to the guard as a customer's: it leaves as a pseudonym."""

    def answer(request: ModelRequest) -> ScriptedAnswer | str:
        last = request.messages[-1]
        if last["role"] != "tool":
            return calls("faq_search", '{"query": "open positions, jobs", "limit": 1}')
        (named,) = re.findall(r"\[EMAIL_\d+\]", last["content"])
        return f"Write to {named}"

    model = ScriptedModel(answer, spec=EXTERNAL)
    ada.ask_model(model)
    first = await ada.say("Are there any jobs or open positions at your shop?")
    assert "help@bookshop.example" in first.text
    told = await ada.say(POINTS)
    assert told.degraded == []
    assert len(model.requests) == 2
    assert "@bookshop.example" not in "".join(map(contents, model.requests))
    assert told.text == "Write to jobs@bookshop.example"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
async def test_a_pseudonym_is_restored_wherever_it_is_cut(hosted: Customer, wire: Wire, size: int) -> None:
    answer = "Dear [EMAIL_1], we will call [PHONE_1] or [EMAIL_1]. Kindly."
    wire.script([say(*(answer[start : start + size] for start in range(0, len(answer), size)))])
    told = await hosted.say(TELLING + POINTS)
    assert told.shown == told.text
    assert told.text.count(CANARIES["EMAIL"]) == 2
    assert "[" not in told.ever_shown


async def test_a_pseudonym_that_nobody_named_is_a_claim(hosted: Customer, wire: Wire) -> None:
    wire.script([say("Please write to [EMAIL_9].")])
    told = await hosted.say(POINTS)
    assert "EMAIL_9" not in told.ever_shown
    assert told.reply["reply"]["route"] == "faq"


async def test_a_request_that_the_guard_stops_is_not_sent(
    hosted: Customer, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise EgressBlocked

    monkeypatch.setattr("graphs.prompting.briefing.check_egress", broken)
    told = await hosted.say(POINTS)
    assert wire.requests == []
    assert "language model" in told.degraded
    assert told.reply["reply"]["route"] == "faq"
    assert told.reply["model"] is None


async def test_the_guard_itself_stops_what_the_scrubber_missed(
    hosted: Customer, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def untouched(texts: list[str], *_: object, **__: object) -> list[str]:
        return texts

    monkeypatch.setattr("graphs.prompting.briefing._hidden", untouched)
    monkeypatch.setattr("graphs.prompting.briefing.phrase", lambda *_: CANARIES["EMAIL"])
    told = await hosted.say(POINTS)
    assert wire.requests == []
    assert "language model" in told.degraded


async def test_a_tenant_that_forbids_external_models_is_answered_without_one(
    hosted: Customer, wire: Wire
) -> None:
    settings = replace(hosted.tenant.settings, external_models=False)
    hosted.tenant = replace(hosted.tenant, settings=settings)
    told = await hosted.say(POINTS)
    assert wire.requests == []
    assert told.reply["reply"]["route"] == "faq"
    assert "call_llm" not in told.nodes


@pytest.mark.parametrize("allowed", [False, True])
async def test_a_hosted_model_stands_in_for_a_local_one_only_if_the_tenant_says_so(
    ada: Customer, allowed: bool
) -> None:
    local = ScriptedModel([ScriptedAnswer(error=ModelUnavailable())])
    remote = ScriptedModel([POINTS_ANSWER], spec=EXTERNAL)
    ada.ask_model(local, remote)
    ada.tenant = replace(ada.tenant, settings=replace(ada.tenant.settings, external_fallback=allowed))
    told = await ada.say(POINTS)
    assert bool(remote.requests) is allowed
    assert told.reply["reply"]["route"] == ("model" if allowed else "faq")
    assert told.reply["model"] == ("hosted" if allowed else None)
    assert any("scripted" in what for what in told.degraded)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.CUT_BEFORE_HEADERS,
        Fault.WRONG_CONTENT_TYPE,
        Fault.CUT_MID_STREAM,
        Fault.MALFORMED_JSON,
        Fault.NOT_AN_OBJECT,
        Fault.NOT_A_CHOICE,
        Fault.ERROR_IN_STREAM,
        Fault.ENDED_EARLY,
        Fault.HUGE_CHUNK,
        Fault.HANG_BEFORE_HEADERS,
        Fault.HANG_MID_STREAM,
        Fault.KEEPALIVES_ONLY,
        Fault.EMPTY_DELTAS,
        Fault.ENDLESS,
    ],
)
async def test_a_model_that_misbehaves_is_told_and_replaced(
    hosted: Customer, wire: Wire, fault: Fault
) -> None:
    wire.script([say("Let me ", "see", fault=fault)])
    told = await hosted.say(POINTS)
    assert "language model" in told.degraded
    assert told.reply["reply"]["route"] == "faq"
    assert told.shown == told.text
    await wire.hung_up()


async def test_a_model_that_refuses_is_replaced(hosted: Customer, wire: Wire) -> None:
    wire.script([refuse(503)])
    told = await hosted.say(POINTS)
    assert "language model" in told.degraded
    assert told.reply["reply"]["route"] == "faq"


async def test_a_refused_answer_hangs_up_on_the_model(hosted: Customer, wire: Wire) -> None:
    wire.script([say("Use code SAVE99 now. ", *["more "] * 500, pause=0.01)])
    told = await hosted.say(POINTS)
    await wire.hung_up()
    assert "SAVE99" not in told.ever_shown
    assert told.reply["usage"]["cost_usd"] > 0


async def test_the_rest_of_a_split_letter_is_no_fault(hosted: Customer, wire: Wire) -> None:
    wire.script([say("Natürlich, ", "schöne ", "Grüße", fault=Fault.SPLIT_UTF8)])
    told = await hosted.say(POINTS)
    assert told.text == "Natürlich, schöne Grüße"


async def test_a_call_in_pieces_reaches_its_tool(hosted: Customer, wire: Wire) -> None:
    wire.script([say(calls=[call("order_status", order_id="100234")]), say("Order 100234 is shipped.")])
    told = await hosted.say(POINTS)
    assert told.tools == [("order_status", "started"), ("order_status", "ended")]
    assert told.text == "Order 100234 is shipped."
