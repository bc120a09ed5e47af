"""A suite's rows become a dataset and an experiment, in pseudonyms; without a key there is none."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from desk.errors import InvalidInput, Misconfigured, Unavailable
from desk.settings import Settings
from desk.telemetry.langsmith_wire import LangSmithWire
from evals.evidence import evidence
from evals.experiments import send_experiment
from evals.report import Report, build_report
from tests.servers.langsmith_sink import Sink, langsmith_sink

SECRET = "planted.secret@example.net"
FOUND = str(uuid4())


def report() -> Report:
    proofs = {
        "passed": evidence("share", {"a": 1.0, "b": 0.0}),
        "route": evidence("share", {"a:1": 1.0, "a:2": 0.0, "b:1": 1.0}),
    }
    figures = {"n": 2, "passed": 0.5}
    said = {"customer": f"Write to {SECRET}", "desk": f"To {SECRET}, gladly.", "route": "canned"}
    talks: list[dict[str, Any]] = [{"case": case, "exchanges": [said], "ms": 5.0} for case in ("a", "b")]
    return {**build_report("bookshop", 1, {"s": figures}, figures, [], {"s": proofs}), "talks": talks}


def wire_to(sink: Sink) -> LangSmithWire:
    key = {"langsmith_api_key": SecretStr("k"), "langsmith_endpoint": sink.url}
    return LangSmithWire(Settings().model_copy(update=key))


def test_a_suite_becomes_a_dataset_and_an_experiment() -> None:
    with langsmith_sink() as sink:
        sink.answers = {("GET", "/datasets"): [], ("POST", "/datasets"): {"id": FOUND}}
        name = send_experiment(wire_to(sink), report(), "before")
        [[first, second]] = sink.posted("/examples/bulk")
        [session], [batch] = sink.posted("/sessions"), sink.posted("/runs/batch")
        scores = {(one["run_id"], one["key"]): one["score"] for one in sink.posted("/feedback")}
        assert name.startswith("before-")
        assert (session["name"], session["reference_dataset_id"]) == (name, FOUND)
        assert {run["reference_example_id"] for run in batch["post"]} == {first["id"], second["id"]}
        assert {run["session_name"] for run in batch["post"]} == {name}
        by_case = {run["inputs"]["case"]: run for run in batch["post"]}
        assert by_case["a"]["outputs"]["answers"][0]["text"] == "To [EMAIL_1], gladly."
        assert scores[by_case["a"]["id"], "passed"] == 1.0
        assert scores[by_case["a"]["id"], "route"] == 0.0, "a case is as good as its worst turn"
        assert SECRET.encode() not in sink.everything


def test_the_same_cases_share_a_dataset() -> None:
    with langsmith_sink() as sink:
        sink.answers = {("GET", "/datasets"): [{"id": FOUND}]}
        send_experiment(wire_to(sink), report(), "after")
        assert sink.posted("/datasets") == sink.posted("/examples/bulk") == []
        runs = sink.posted("/runs/batch")[0]["post"]
        assert all(UUID(run["reference_example_id"]).version == 5 for run in runs)


def test_it_is_said_when_it_cannot_be_sent() -> None:
    with pytest.raises(Misconfigured, match="LANGSMITH_API_KEY"):
        LangSmithWire(Settings().model_copy(update={"langsmith_api_key": None}))
    with langsmith_sink() as sink:
        sink.status = 503
        with pytest.raises(Unavailable, match="LangSmith"):
            send_experiment(wire_to(sink), report(), "x")
        with pytest.raises(InvalidInput, match="no rows"):
            send_experiment(wire_to(sink), {**report(), "talks": [], "evidence": {}}, "x")
