"""LangServe serves the one turn to its own clients and to its playground, and nothing beside it gets through."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from langchain_core.runnables.utils import AddableDict
from langserve import RemoteRunnable
from langsmith import tracing_context
from langsmith.utils import tracing_is_enabled
from playwright.async_api import BrowserContext, Page, Route, async_playwright

from desk.domain import Principal, SubjectId, Tenant, TenantId, new_id
from desk.errors import Conflict, DeskError, Misconfigured, RateLimited
from desk.events import Accepted, Done, Failed, Revised, Step, Token, TurnEvent
from graphs.inbox import TurnRequest
from graphs.streams import TurnStream
from server.auth import Caller
from server.errors import handle_errors
from server.front import Front
from server.issuer import Issuer
from server.langserve import PATH, mount_langserve
from tests.server.conftest import bearer, served
from tests.server.wire import ask

CHROMIUM = Path("/usr/bin/chromium")
RUNS = ("invoke", "stream", "stream_events", "stream_log")
STREAMS = RUNS[1:]
AWAY = {"type": "about:blank", "title": "Away", "status": 503, "detail": "Try again.", "correlation_id": "c"}
SHIPPING = "How long does shipping take?"


def frames(body: str) -> list[tuple[str, Any]]:
    """The events of a LangServe stream, as (event, data)."""
    found = []
    for block in body.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            found.append((fields["event"], json.loads(fields.get("data", "null"))))
    return found


def summed(chunks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The chunks added up as LangChain does it."""
    total = AddableDict()
    for chunk in chunks:
        total = total + AddableDict(chunk)
    return dict(total)


async def run(client: httpx.AsyncClient, endpoint: str, message: str, **body: Any) -> httpx.Response:
    sent = {"input": {"message": message, **body.pop("input", {})}, **body}
    return await client.post(f"{PATH}/{endpoint}", json=sent)


async def output_of(client: httpx.AsyncClient, endpoint: str, message: str) -> dict[str, Any]:
    """What a run gives in the end, read the way each endpoint tells it."""
    response = await run(client, endpoint, message)
    assert response.status_code == 200, response.text
    if endpoint == "invoke":
        return dict(response.json()["output"])
    told = frames(response.text)
    assert told[-1][0] == "end"
    data = [data for event, data in told if event == "data"]
    if endpoint == "stream":
        return summed(data)
    if endpoint == "stream_events":
        return dict(data[-1]["data"]["output"])
    pieces = [op["value"] for ops in data for op in ops["ops"] if op["path"] == "/streamed_output/-"]
    return {key: value for key, value in summed(pieces).items() if key != "content"}


class ScriptedTurns:
    """Stands where the runner does: each turn publishes the script's events, `pause` seconds apart."""

    def __init__(self) -> None:
        self.script: list[TurnEvent] = []
        self.pause = 0.0
        self.refusal: DeskError | None = None
        self.seen: list[TurnRequest] = []
        self.traced: list[bool] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def submit(self, principal: Principal, tenant: Tenant, request: TurnRequest) -> TurnStream:
        self.seen.append(request)
        if self.refusal is not None:
            raise self.refusal
        stream = WatchedStream(self.traced)
        self._tasks.append(asyncio.create_task(self._play(stream)))
        return stream

    async def _play(self, stream: TurnStream) -> None:
        for event in [Accepted(stream.turn_id, stream.conversation_id), *self.script]:
            await asyncio.sleep(self.pause)
            stream.publish(event)


class WatchedStream(TurnStream):
    """A real stream that notes whether its reader is being traced."""

    def __init__(self, traced: list[bool]) -> None:
        super().__init__(new_id(), new_id())  # type: ignore[arg-type]
        self._traced = traced

    async def read(self, after: int = 0) -> AsyncIterator[tuple[int, TurnEvent]]:
        self._traced.append(bool(tracing_is_enabled()))
        async for numbered in super().read(after):
            yield numbered


def done(text: str) -> Done:
    return Done({"turn_id": str(uuid4()), "reply": {"text": text}})


@pytest.fixture
def turns() -> ScriptedTurns:
    return ScriptedTurns()


@pytest.fixture
def caller() -> Caller:
    tenant = Tenant(TenantId(new_id()), "shop", "A shop")
    return Caller(Principal(tenant.id, "user", SubjectId(new_id())), tenant)


@pytest.fixture
def scripted_app(turns: ScriptedTurns, caller: Caller) -> Front:
    """The mount under the real front, with the script in the runner's place."""

    async def anyone(_request: object) -> Caller:
        return caller

    async def unlimited(_caller: Caller) -> None: ...

    app = FastAPI()
    handle_errors(app)
    mount_langserve(app)
    app.state.desk = SimpleNamespace(
        runner=turns,
        authenticator=SimpleNamespace(caller=anyone),
        limits=SimpleNamespace(check=unlimited),
    )
    return Front(app)


@pytest.fixture
async def scripted(scripted_app: Front) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(scripted_app)
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
        config = {
            "configurable": {"thread_id": mine, "conversation_id": mine, "checkpoint_id": "EVIL"},
            "callbacks": ["EVIL"],
            "tags": ["EVIL"],
            "metadata": {"EVIL": "EVIL"},
            "run_name": "EVIL",
            "run_id": str(uuid4()),
            "recursion_limit": 1,
        }
        response = await run(ada, endpoint, "hi", config=config, kwargs={"EVIL": 1})
        assert response.status_code == 200
        assert "EVIL" not in response.text
        assert mine not in response.text
        assert config["run_id"] not in response.text

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

    async def test_a_services_key_is_no_person(
        self, scripted_app: Front, turns: ScriptedTurns, scripted: httpx.AsyncClient, caller: Caller
    ) -> None:
        object.__setattr__(caller, "principal", Principal(caller.tenant.id, "user"))
        assert (await run(scripted, "invoke", "hi")).status_code == 401
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

    @pytest.mark.parametrize("endpoint", STREAMS)
    async def test_a_turn_that_fails_ends_the_stream_with_an_error_and_no_internals(
        self, scripted_app: Front, turns: ScriptedTurns, endpoint: str
    ) -> None:
        turns.script = [Token("Let me "), Failed(AWAY)]
        async with served(scripted_app) as url, httpx.AsyncClient(base_url=url) as client:
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
        bodies = [
            response.json()
            for response in await asyncio.gather(*(run(scripted, "invoke", "hi") for _ in range(8)))
        ]
        assert len({body["metadata"]["run_id"] for body in bodies}) == 8


@pytest.fixture
async def profile() -> AsyncIterator[BrowserContext]:
    """A fresh browser; a missing one skips, and fails where CI=true."""
    if not CHROMIUM.exists():
        missing = f"{CHROMIUM} is missing; install the package chromium"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield await chromium.new_context()
        await chromium.close()


async def open_playground(profile: BrowserContext, url: str) -> tuple[Page, list[str]]:
    """The playground with the network cut to this server, and the complaints the page makes."""
    complaints: list[str] = []

    async def only_ours(route: Route) -> None:
        if route.request.url.startswith(url):
            await route.continue_()
        else:
            complaints.append(f"asked for {route.request.url}")
            await route.abort()

    await profile.route("**/*", only_ours)
    page = await profile.new_page()
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    await page.goto(f"{url}{PATH}/playground/")
    return page, complaints


async def send(page: Page, message: str) -> None:
    await page.locator("textarea").first.fill(message)
    await page.get_by_role("button", name="Start").click()


@pytest.mark.browser
class TestThePlayground:
    async def test_the_text_grows_while_it_streams(
        self, profile: BrowserContext, scripted_app: Front, turns: ScriptedTurns
    ) -> None:
        words = ["Standard ", "shipping ", "takes ", "a ", "week."]
        turns.script = [*(Token(word) for word in words), done("".join(words))]
        turns.pause = 0.3
        async with served(scripted_app) as url:
            page, complaints = await open_playground(profile, url)
            await send(page, "How long?")
            output = page.locator("h2:has-text('Output') + div")
            seen = []
            while "".join(words) not in (seen or [""])[-1]:
                seen.append(await output.inner_text())
                await asyncio.sleep(0.05)
            await page.close()
        assert complaints == []
        assert len(set(seen)) >= 4
        assert seen[-1] == "".join(words)

    async def test_a_person_with_the_login_link_can_use_it(
        self, profile: BrowserContext, base_url: str, issuer: Issuer
    ) -> None:
        code = issuer.sign(
            tenant="bookshop", email="ada@example.com", role="user", seconds=60, typ="login+jwt"
        )
        login = await profile.new_page()
        await login.goto(f"{base_url}/login?code={code}")
        page, complaints = await open_playground(profile, base_url)
        await send(page, SHIPPING)
        await page.get_by_text("business days").first.wait_for()
        assert complaints == []
