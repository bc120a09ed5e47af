"""Experiments: a suite's results as a dataset and an experiment of LangSmith, in pseudonyms."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

import orjson

from desk.domain import new_id
from desk.errors import InvalidInput
from desk.privacy.vaults import Vault
from desk.telemetry.langsmith_wire import LangSmithWire
from evals.report import Report
from graphs.commits.traced import hide_json, hiding, run_of, trace_guard

MOST_IN_A_REQUEST = 100


@dataclass(slots=True)
class Result:
    """A case, or a row of a suite without conversations: what was said and got, and its scores, 0 to 1."""

    id: str
    said: list[str] = field(default_factory=list)
    got: list[dict[str, Any]] = field(default_factory=list)
    ms: float = 0.0
    scores: dict[str, float] = field(default_factory=dict)


def send_experiment(wire: LangSmithWire, report: Report, name: str) -> str:
    """Send the report's rows, and give the name that the experiment got; raises Unavailable.

    The dataset is named for its content, so that experiments of the same cases stand side by side. Each text
    leaves in pseudonyms, and a body that holds a personal value all the same raises EgressBlocked.
    """
    hide, check = hiding(Vault()), trace_guard(Vault())
    found = [_hidden(result, hide) for result in results_of(report)]

    def post(path: str, body: Any) -> Any:
        return wire.post(path, orjson.dumps(body), check)

    dataset = _dataset(wire, post, report["suite"], found)
    experiment = f"{name}-{uuid4().hex[:8]}"
    began, facts = datetime.now(UTC).isoformat(), {"metadata": _facts(report)}
    session = {"name": experiment, "reference_dataset_id": str(dataset), "start_time": began, "extra": facts}
    post("/sessions", session)
    runs = {result.id: _run(result, dataset, experiment) for result in found}
    for some in _parts([*runs.values()]):
        post("/runs/batch", {"post": some, "patch": []})
    for result in found:
        for key, score in result.scores.items():
            post("/feedback", {"run_id": runs[result.id]["id"], "key": key, "score": score})
    return experiment


def results_of(report: Report) -> list[Result]:
    """The cases of a suite of conversations, else the rows that its shares and means were counted from.

    Raises InvalidInput when the report tells neither.
    """
    found: dict[str, Result] = {}
    for talk in report.get("talks", []):
        result = found.setdefault(talk["case"], Result(talk["case"]))
        result.said += [one["customer"] for one in talk["exchanges"]]
        result.got += [{"text": one["desk"], "route": one["route"]} for one in talk["exchanges"]]
        result.ms += talk["ms"]
    for figure, item, value in _rows(report):
        # Rows of conversations are turns, named `case:number`, or cases; a case is as good as its worst turn.
        result = found.setdefault(_case_of(item, found), Result(item))
        result.scores[figure] = min(value, result.scores.get(figure, 1.0))
    if not found:
        raise InvalidInput("This suite tells no rows, so there is nothing that an experiment could hold.")
    return [*found.values()]


def _case_of(item: str, known: dict[str, Result]) -> str:
    case = item.rpartition(":")[0]
    return case if case in known else item


def _rows(report: Report) -> Iterator[tuple[str, str, float]]:
    for figures in report.get("evidence", {}).values():
        for figure, stored in figures.items():
            if stored["kind"] in {"share", "mean"}:
                for item, value in zip(stored["ids"], stored["values"], strict=True):
                    yield figure, item, value[0]


def _hidden(result: Result, hide: Any) -> Result:
    said, got = hide_json(result.said, hide), hide_json(result.got, hide)
    return Result(hide(result.id), said, got, result.ms, result.scores)


def _dataset(wire: LangSmithWire, post: Any, suite: str, found: Sequence[Result]) -> UUID:
    """The dataset of these very cases, made if it is not there yet."""
    content = orjson.dumps([[one.id, one.said] for one in found])
    name = f"deskgraph {suite} {hashlib.sha256(content).hexdigest()[:8]}"
    there = wire.get("/datasets", name=name)
    if there:
        return UUID(there[0]["id"])
    made = post("/datasets", {"name": name, "data_type": "kv", "description": f"The suite {suite}."})
    dataset = UUID(made["id"])
    examples = [
        {
            "id": str(_example(dataset, one)),
            "dataset_id": str(dataset),
            "inputs": {"case": one.id, "said": one.said},
        }
        for one in found
    ]
    for some in _parts(examples):
        post("/examples/bulk", some)
    return dataset


def _example(dataset: UUID, result: Result) -> UUID:
    return uuid5(dataset, result.id)


def _run(result: Result, dataset: UUID, experiment: str) -> dict[str, Any]:
    run = run_of(new_id(), "case", "chain", datetime.now(UTC), result.ms)
    return {
        **run,
        "session_name": experiment,
        "reference_example_id": str(_example(dataset, result)),
        "inputs": {"case": result.id, "said": result.said},
        "outputs": {"answers": result.got},
    }


def _facts(report: Report) -> dict[str, Any]:
    return {key: report[key] for key in ("suite", "definition_version", "overall")}


def _parts(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), MOST_IN_A_REQUEST):
        yield rows[start : start + MOST_IN_A_REQUEST]
