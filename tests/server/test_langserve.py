"""LangServe serves the one turn to its own clients, and nothing beside it gets through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from langserve import RemoteRunnable
from langsmith import tracing_context

from desk.domain import Principal, SubjectId, Tenant, TenantId, new_id
from desk.errors import Conflict, Misconfigured, RateLimited
from desk.events import Done, Failed, Revised, Step, Token, TurnEvent
from server.access import RIGHTS
from server.auth import Caller
from server.issuer import Issuer
from server.langserve import PATH, mount_langserve
from tests.server.conftest import bearer, served
from tests.server.langserve_wire import ScriptedTurns, done, frames, output_of, run, scripted_front, summed
from tests.server.wire import ask

pytestmark = pytest.mark.filterwarnings("ignore:astream_log is deprecated")

RUNS = ("invoke", "stream", "stream_events", "stream_log")
AWAY = {"type": "about:blank", "title": "Away", "status": 503, "detail": "Try again.", "correlation_id": "c"}
SHIPPING = "How long does shipping take?"


@pytest.fixture
def turns() -> ScriptedTurns:
    return ScriptedTurns()


def a_person() -> Caller:
    tenant = Tenant(TenantId(new_id()), "shop", "A shop")
    return Caller(Principal(tenant.id, "user", SubjectId(new_id())), tenant, RIGHTS["user"])


@pytest.fixture
async def scripted(turns: ScriptedTurns) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the mount with the script behind it."""
    transport = httpx.ASGITransport(scripted_front(turns, a_person()))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
        yield client


class TestTheTurn:
    """On the real application."""

    @pytest.mark.parametrize("endpoint", RUNS)
    async def test_every_endpoint_gives_the_text_and_the_reply_object(
        self, ada: httpx.AsyncClient, endpoint: str
    ) -> None:
        expected = (await ask(ada, SHIPPING))["reply"]
        output = await output_of(ada, endpoint, SHIPPING)
        assert set(output) == {"text", "reply"}
        assert output["text"] == expected["text"] == output["reply"]["reply"]["text"]
        assert output["reply"]["reply"]["route"] == expected["route"]

    async def test_stream_yields_text_first_and_the_reply_last(self, ada: httpx.AsyncClient) -> None:
        told = frames((await run(ada, "stream", SHIPPING)).text)
        chunks = [data for event, data in told if event == "data"]
        assert [set(chunk) for chunk in chunks] == [{"text"}] * (len(chunks) - 1) + [{"reply"}]
        assert told[0] == ("metadata", {"run_id": chunks[-1]["reply"]["turn_id"]})

    async def test_a_conversation_goes_on_across_the_doors(self, ada: httpx.AsyncClient) -> None:
        first = (await run(ada, "invoke", "Where is my order?")).json()["output"]["reply"]
        conversation = first["conversation_id"]
        second = await ask(ada, "100234", conversation_id=conversation)
        third = await run(ada, "invoke", "thanks", input={"conversation_id": conversation})
        assert second["reply"]["route"] == "order"
        assert third.json()["output"]["reply"]["conversation_id"] == conversation

    async def test_remote_runnable(self, base_url: str, issuer: Issuer) -> None:
        headers = bearer(issuer, "ada@example.com")
        remote: RemoteRunnable[dict[str, str], Any] = RemoteRunnable(base_url + PATH, headers=headers)
        asked = {"message": SHIPPING}
        texts = [
            (await asyncio.to_thread(remote.invoke, asked))["text"],
            (await remote.ainvoke(asked))["text"],
            summed(await asyncio.to_thread(lambda: list(remote.stream(asked))))["text"],
            summed([chunk async for chunk in remote.astream(asked)])["text"],
        ]
        remote.sync_client.close()
        await remote.async_client.aclose()
        assert texts == [(await run_as(base_url, headers, SHIPPING))["text"]] * 4

    async def test_remote_runnable_needs_an_identity(self, base_url: str) -> None:
        remote: RemoteRunnable[dict[str, str], Any] = RemoteRunnable(base_url + PATH)
        with pytest.raises(httpx.HTTPStatusError, match="401"):
            await remote.ainvoke({"message": SHIPPING})
        remote.sync_client.close()
        await remote.async_client.aclose()


async def run_as(base_url: str, headers: dict[str, str], message: str) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30) as client:
        return await output_of(client, "invoke", message)


class TestTheFence:
    async def test_exactly_the_listed_addresses_answer(self, ada: httpx.AsyncClient) -> None:
        for page in ("input_schema", "output_schema", "config_schema", "playground/"):
            assert (await ada.get(f"{PATH}/{page}")).status_code == 200
        for other in ("batch", "feedback", "token_feedback", "public_trace_link", "c/N4XyA/invoke"):
            assert (await ada.post(f"{PATH}/{other}", json={})).status_code == 404, other
        assert (await ada.get(f"{PATH}/c/N4XyA/playground/")).status_code == 404

    def test_another_route_under_the_mount_stops_the_start(self) -> None:
        app = FastAPI()
        app.post(f"{PATH}/batch")(lambda: None)
        with pytest.raises(Misconfigured, match=f"POST {PATH}/batch"):
            mount_langserve(app)

    async def test_the_schemas_say_what_goes_in_and_out(self, anyone: httpx.AsyncClient) -> None:
        taken = (await anyone.get(f"{PATH}/input_schema")).json()
        assert set(taken["properties"]) == {"message", "conversation_id"}
        assert taken["required"] == ["message"]
        assert taken["additionalProperties"] is False
        assert set((await anyone.get(f"{PATH}/output_schema")).json()["properties"]) == {"text", "reply"}
        assert (await anyone.get(f"{PATH}/config_schema")).json()["properties"] == {}

    @pytest.mark.parametrize("endpoint", RUNS)
    async def test_nothing_of_the_turn_but_its_reply_comes_out(
        self, ada: httpx.AsyncClient, endpoint: str
    ) -> None:
        canary = f"canary-{uuid4().hex}@example.org"
        response = await run(ada, endpoint, f"{SHIPPING} Please write to {canary}")
        assert response.status_code == 200
        said = response.text
        for secret in (
            canary,
            "Please write",
            "[EMAIL",
            "EMAIL_1",
            "because",
            "decision",
            "passages",
            "vault",
        ):
            assert secret not in said, secret
        told = [data for event, data in frames(said) if event == "data"]
        if endpoint == "stream_events":
            assert {(event["name"], *event["parent_ids"]) for event in told} == {(PATH,)}
            assert all(event["metadata"] == {} and event["tags"] == [] for event in told)
        if endpoint == "stream_log":
            assert told[0]["ops"][0]["value"]["logs"] == {}
            assert not any(op["path"].startswith("/logs") for ops in told for op in ops["ops"])

    @pytest.mark.parametrize("endpoint", RUNS)
    async def test_the_clients_config_has_no_effect(self, ada: httpx.AsyncClient, endpoint: str) -> None:
        mine = (await ask(ada, "hi"))["conversation_id"]
        run_id = str(uuid4())
        config = {
            "configurable": {"thread_id": mine, "conversation_id": mine, "checkpoint_id": "EVIL"},
            "callbacks": ["EVIL"],
            "tags": ["EVIL"],
            "metadata": {"EVIL": "EVIL"},
            "run_name": "EVIL",
            "run_id": run_id,
            "recursion_limit": 1,
        }
        response = await run(ada, endpoint, "hi", config=config, kwargs={"EVIL": 1})
        assert response.status_code == 200
        assert "EVIL" not in response.text
        assert mine not in response.text
        assert run_id not in response.text

    @pytest.mark.parametrize("endpoint", RUNS)
    async def test_nobody_and_strangers_are_refused_with_the_right_status(
        self, ada: httpx.AsyncClient, grace: httpx.AsyncClient, anyone: httpx.AsyncClient, endpoint: str
    ) -> None:
        theirs = (await ask(ada, "hi"))["conversation_id"]
        for response, status in (
            (await run(anyone, endpoint, "hi"), 401),
            (await run(grace, endpoint, "hi", input={"conversation_id": theirs}), 404),
        ):
            assert response.status_code == status
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["status"] == status

    @pytest.mark.parametrize("endpoint", RUNS)
    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"\xff",
            b"[" * 30_000,
            b"[]",
            b"{}",
            b'{"input": "hi"}',
            b'{"input": {"message": " "}}',
            b'{"input": {"message": "a\\u0000b"}}',
            b'{"input": {"message": "\\ud800"}}',
            b'{"input": {"message": "hi", "role": "system"}}',
            b'{"input": {"message": "hi", "conversation_id": "mine"}}',
            b'{"input": {"message": "hi"}, "include_names": 5}',
        ],
    )
    async def test_bad_input_is_refused_before_a_turn_starts(
        self, scripted: httpx.AsyncClient, turns: ScriptedTurns, endpoint: str, body: bytes
    ) -> None:
        response = await scripted.post(f"{PATH}/{endpoint}", content=body)
        assert (response.status_code, response.json()["status"]) == (422, 422)
        assert turns.seen == []

    @pytest.mark.parametrize("endpoint", RUNS)
    async def test_a_refusal_of_the_runner_keeps_its_status(
        self, scripted: httpx.AsyncClient, turns: ScriptedTurns, endpoint: str
    ) -> None:
        turns.refusal = Conflict()
        assert (await run(scripted, endpoint, "hi")).status_code == 409
        turns.refusal = RateLimited(7)
        refused = await run(scripted, endpoint, "hi")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")

    async def test_a_services_key_is_no_person(self, turns: ScriptedTurns) -> None:
        tenant = Tenant(TenantId(new_id()), "shop", "A shop")
        service = Caller(Principal(tenant.id, "user"), tenant, RIGHTS["service"], api_key_id=new_id())
        transport = httpx.ASGITransport(scripted_front(turns, service))
        async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
            assert (await run(client, "invoke", "hi")).status_code == 403
        assert turns.seen == []

    @pytest.mark.parametrize("endpoint", RUNS)
    async def test_runs_are_never_traced_by_langsmith(
        self, scripted: httpx.AsyncClient, turns: ScriptedTurns, endpoint: str
    ) -> None:
        turns.script = [done("Yes.")]
        with tracing_context(enabled=True):
            await run(scripted, endpoint, "hi")
        assert turns.traced == [False]


class TestTheStream:
    @pytest.mark.parametrize(
        ("script", "text"),
        [
            ([done("All of it.")], "All of it."),
            ([Token("In "), Step("call_llm", "ended", 1.0), Token("parts."), done("In parts.")], "In parts."),
            ([Token("Wrong. "), Revised(""), Token("Right."), done("Right.")], "Wrong. \n\nRight."),
            ([Token("Five "), Revised(""), done("Five days.")], "Five days."),
            ([Revised(""), Token("Again."), done("Again.")], "Again."),
            ([Revised("Kept."), done("Kept.")], "Kept."),
        ],
    )
    async def test_all_endpoints_add_up_to_the_same_also_when_an_answer_is_revised(
        self, scripted: httpx.AsyncClient, turns: ScriptedTurns, script: list[TurnEvent], text: str
    ) -> None:
        turns.script = script
        assert isinstance(script[-1], Done)
        expected = {"text": text, "reply": script[-1].reply}
        assert [await output_of(scripted, endpoint, "hi") for endpoint in RUNS] == [expected] * 4

    @pytest.mark.parametrize("endpoint", RUNS[1:])
    async def test_a_turn_that_fails_ends_the_stream_with_an_error_and_no_internals(
        self, turns: ScriptedTurns, endpoint: str
    ) -> None:
        turns.script = [Token("Let me "), Failed(AWAY)]
        async with (
            served(scripted_front(turns, a_person())) as url,
            httpx.AsyncClient(base_url=url) as client,
        ):
            response = await run(client, endpoint, "hi")  # raises if the body were cut off
        told = frames(response.text)
        assert told[-1] == ("error", {"status_code": 500, "message": "Internal Server Error"})
        assert "Let me " in response.text
        assert "Traceback" not in response.text

    async def test_a_turn_that_fails_gives_invoke_its_problem(
        self, scripted: httpx.AsyncClient, turns: ScriptedTurns
    ) -> None:
        turns.script = [Token("Let me "), Failed(AWAY)]
        response = await run(scripted, "invoke", "hi")
        assert response.status_code == 503
        problem = response.json()
        assert (problem["title"], problem["detail"]) == ("Away", "Try again.")

    async def test_turns_at_the_same_time_do_not_mix(
        self, scripted: httpx.AsyncClient, turns: ScriptedTurns
    ) -> None:
        turns.pause = 0.01
        turns.script = [Token("Yes."), done("Yes.")]
        answers = await asyncio.gather(*(run(scripted, "invoke", "hi") for _ in range(8)))
        assert {answer.json()["metadata"]["run_id"] for answer in answers} == {
            str(stream.turn_id) for stream in turns.streams
        }
        assert len(turns.streams) == 8
