"""Turns leave for LangSmith as pseudonyms, by one exporter, in no turn's way; without a key not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import langsmith
import orjson
import pytest
from langchain_core.runnables import RunnableLambda
from langsmith import run_trees
from langsmith.run_trees import get_cached_client
from langsmith.utils import get_env_var
from pydantic import SecretStr
from structlog.testing import capture_logs

from desk.errors import EgressBlocked
from desk.privacy.vaults import Vault
from desk.settings import Settings
from desk.telemetry.langsmith_wire import LangSmithWire, switch_tracers_off
from desk.telemetry.logs import configure_logs
from desk.telemetry.metrics import TRACES
from desk.telemetry.traces import Trace, TraceExporter, open_traces
from graphs.commits.traced import hide_json, hiding, trace_guard
from graphs.services import Services
from tests.graphs.conversing import POINTS, POINTS_ANSWER, Customer
from tests.servers.langsmith_sink import Sink, langsmith_sink

SECRET = "planted.secret@example.net"
SPOKEN = f"I am at {SECRET} and +44 20 7946 0958, which cards do you take?"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with langsmith_sink() as served:
        yield served


@pytest.fixture
def exporter(bookshop: Services, sink: Sink) -> Iterator[TraceExporter]:
    exporter = TraceExporter(wire_to(sink), "tests")
    bookshop.engine.traces = exporter
    yield exporter
    bookshop.engine.traces = None
    sink.open.set()
    exporter.close()


def wire_to(sink: Sink) -> LangSmithWire:
    settings = Settings().model_copy(
        update={"langsmith_api_key": SecretStr("the-key"), "langsmith_endpoint": sink.url}
    )
    return LangSmithWire(settings)


def counted(outcome: str) -> float:
    [metric] = TRACES.collect()
    return sum(
        sample.value
        for sample in metric.samples
        if sample.labels.get("outcome") == outcome and sample.name.endswith("_total")
    )


def trace(text: str = "hello", check: Callable[[bytes], None] = lambda _: None) -> Trace:
    return Trace(lambda: [{"id": text}], check)


async def test_a_turn_leaves_as_its_steps_and_with_pseudonyms_alone(
    ada: Customer, exporter: TraceExporter, sink: Sink
) -> None:
    told = await ada.say(SPOKEN)
    await ada.say("Where is my order 100234?")
    await asyncio.to_thread(exporter.close)
    runs = [run for batch in sink.posted("/runs/batch") for run in batch["post"]]
    assert {one.headers["x-api-key"] for one in sink.requests} == {"the-key"}
    root, *steps = [run for run in runs if run["trace_id"] == told.reply["turn_id"]]
    assert (root["name"], root["session_name"], root["id"]) == ("turn", "tests", told.reply["turn_id"])
    assert [step["name"] for step in steps] == told.nodes
    assert {step["parent_run_id"] for step in steps} == {root["id"]}
    assert root["outputs"]["route"] == told.reply["reply"]["route"]
    assert "[EMAIL_1]" in root["inputs"]["text"]
    assert SECRET.encode() not in sink.everything
    assert b"7946 0958" not in sink.everything
    assert b"ada@example.com" not in sink.everything
    assert len({run["trace_id"] for run in runs}) == 2


async def test_a_models_turn_leaves_with_what_it_was_asked(
    ada: Customer, exporter: TraceExporter, sink: Sink
) -> None:
    ada.script(POINTS_ANSWER)
    await ada.say(f"{SECRET} {POINTS}")
    await asyncio.to_thread(exporter.close)
    [asked] = [run for run in sink.posted("/runs/batch")[0]["post"] if run["name"] == "call_llm"]
    assert asked["run_type"] == "llm"
    assert asked["inputs"]["messages"][0]["role"] == "system"
    assert SECRET.encode() not in sink.everything


def test_a_score_that_looks_like_a_card_keeps_no_trace_from_leaving() -> None:
    scored = hide_json({"score": 0.5233487242892427, "of": [0.4111111111111111]}, hiding(Vault()))
    assert scored == {"score": 0.5233, "of": [0.4111]}
    trace_guard(Vault())(orjson.dumps(scored))


async def test_where_nothing_may_leave_for_a_model_no_trace_leaves_either(
    ada: Customer, exporter: TraceExporter, sink: Sink
) -> None:
    settings = replace(ada.tenant.settings, external_models=False)
    ada.tenant = replace(ada.tenant, settings=settings)
    await ada.say("Which cards do you take?")
    await asyncio.to_thread(exporter.close)
    assert sink.requests == []


async def test_a_langsmith_that_hangs_keeps_no_turn_waiting(
    ada: Customer, bookshop: Services, exporter: TraceExporter, sink: Sink
) -> None:
    sink.open.clear()
    bookshop.engine.traces = small = TraceExporter(wire_to(sink), "tests", most_waiting=3, batch=1)
    dropped = counted("dropped")
    for _ in range(12):
        small.offer(trace())
    assert (await ada.say("Which cards do you take?")).reply["reply"]["route"] == "canned"
    assert counted("dropped") - dropped >= 8
    sink.open.set()
    await asyncio.to_thread(small.close)


def test_one_that_is_away_or_refuses_is_counted_and_logged_once(sink: Sink) -> None:
    failed, sink.status = counted("failed"), 500
    configure_logs("warning")  # another test's application may have set a higher level since
    with capture_logs() as logs:
        exporter = TraceExporter(wire_to(sink), "tests", batch=1)
        for _ in range(3):
            exporter.offer(trace("words of a customer"))
        exporter.close()
    assert counted("failed") - failed == 3
    assert [line["event"] for line in logs] == ["traces_lost"]
    assert "words" not in str(logs)


def test_what_the_guard_objects_to_is_not_sent_and_the_rest_is(sink: Sink) -> None:
    def objects(_: bytes) -> None:
        raise EgressBlocked

    def broken(_: bytes) -> None:
        raise RuntimeError("a fault of the guard")

    blocked, faults = counted("blocked"), counted("broken")
    exporter = TraceExporter(wire_to(sink), "tests")
    for one in (trace("bad", objects), trace("worse", broken), trace("good")):
        exporter.offer(one)
    exporter.close()
    assert sink.posted("/runs/batch") == [{"post": [{"id": "good", "session_name": "tests"}], "patch": []}]
    assert (counted("blocked") - blocked, counted("broken") - faults) == (1, 1)


async def test_a_value_that_slipped_through_is_stopped_by_the_guard(
    ada: Customer, exporter: TraceExporter, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = counted("blocked")
    monkeypatch.setattr(
        "graphs.commits.traced.hide_json", lambda value, _: {**value, "noted": {"leak": SECRET}}
    )
    await ada.say("Which cards do you take?")
    await asyncio.to_thread(exporter.close)
    assert sink.requests == []
    assert counted("blocked") - blocked == 1


def _forget_environment() -> None:
    """The library remembers each variable as it found it first."""
    get_env_var.cache_clear()  # type: ignore[attr-defined]


def _flush() -> None:
    """Wait until the libraries' own client has sent what it has."""
    get_cached_client().flush()


class TestWithoutAKey:
    @pytest.fixture
    def traced(self, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """An environment that would have the libraries trace all by themselves."""
        for maker in ("LANGCHAIN", "LANGSMITH"):
            monkeypatch.setenv(f"{maker}_TRACING", "true")
            monkeypatch.setenv(f"{maker}_TRACING_V2", "true")
        for name in ("LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT"):
            monkeypatch.setenv(name, sink.url)
        monkeypatch.setenv("LANGCHAIN_API_KEY", "their-key")
        # A client of another test would send to that one's server.
        monkeypatch.setattr("langsmith.run_trees._CLIENT", None)
        _forget_environment()
        yield
        monkeypatch.undo()
        _forget_environment()
        switch_tracers_off()

    @pytest.mark.usefixtures("traced")
    def test_the_libraries_would_tell_everything(self, sink: Sink) -> None:
        langsmith.configure(enabled=None)
        RunnableLambda(lambda text: text).invoke(SECRET)
        _flush()
        assert SECRET.encode() in sink.everything, "if not, the test below would prove nothing"

    @pytest.mark.usefixtures("traced")
    async def test_not_a_byte_leaves_whatever_the_environment_says(self, ada: Customer, sink: Sink) -> None:
        langsmith.configure(enabled=None)
        assert open_traces(Settings().model_copy(update={"langsmith_api_key": None})) is None
        ada.script(POINTS_ANSWER)
        assert (await ada.say(f"{SECRET} {POINTS}")).reply["reply"]["route"] == "model"
        await ada.say(SPOKEN)
        await RunnableLambda(lambda text: text).ainvoke(SECRET)
        assert run_trees._CLIENT is None, "whoever traces makes a client first"
        assert sink.requests == []


def test_a_redirect_is_not_followed(sink: Sink) -> None:
    exporter = TraceExporter(wire_to(sink), "tests")
    sink.status = 307
    failed = counted("failed")
    exporter.offer(trace())
    exporter.close()
    assert counted("failed") - failed == 1
    assert len(sink.requests) == 1


def test_the_keys_settings_are_read() -> None:
    settings = Settings(langsmith_api_key=SecretStr("k"), langsmith_project="mine")
    exporter = open_traces(settings)
    assert exporter is not None
    exporter.close()
    assert orjson.dumps(settings.langsmith_project) == b'"mine"'
