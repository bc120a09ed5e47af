"""`desk eval` runs suites, compares reports and judges goals from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from desk.domain import Principal
from desk.embedded import Engines
from desk.errors import InvalidInput
from desk.models.embeddings import MiniLM
from desk.settings import load_settings
from desk.storage import tenants
from desk.storage.pool import Database
from evals.data import OWN
from evals.suites.orders import SLUG
from server.commands.quality import app
from tests.conftest import MASTER_KEY, MODELS

cli = CliRunner()

GATES = """
[[run]]
suite = "entities"
data = "own"
dataset = "entities.jsonl"
goals = [{{ source = "deskgraph_own", figure = "by_type.ORDER_ID.recall", goal = {goal} }}]

[[run]]
suite = "routing"
data = "third-party"
examples = "intents.jsonl"
goals = [{{ source = "s", figure = "accuracy_in_scope", goal = 0.9 }}]
"""
CASES: tuple[dict[str, Any], ...] = (
    {
        "id": "order",
        "source": "s",
        "turns": [
            {"say": "Where is order 100235?", "expect": {"routes": ["order"], "absent": ["Neuromancer"]}},
            {"say": "Where is order 100234?", "expect": {"facts": ["shipped"], "tools": ["order_status"]}},
        ],
    },
    {
        "id": "wrong",
        "source": "s",
        "turns": [{"say": "let me talk to a person", "expect": {"routes": ["canned"]}}],
    },
)


@pytest.fixture
def on_stores(
    migrated: Engines, embedder: MiniLM, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The command's environment: the session's stores and model, a home of its own."""
    values = {
        "DATABASE_URL": migrated.database_url,
        "DESK_MIGRATION_DATABASE_URL": migrated.migration_database_url,
        "REDIS_URL": migrated.redis_url or "",
        "DESK_HOME": str(home),
        "DESK_MASTER_KEY": MASTER_KEY,
        "DESK_MODELS_DIR": str(MODELS),
        "DESK_SHOP_API_URL": "",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def run(*arguments: str | Path) -> Any:
    """What the command said; an error that it does not handle is raised."""
    result = cli.invoke(app, ["eval", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_suite_prints_json_that_can_be_compared(tmp_path: Path) -> None:
    told = orjson.loads(run("run", "entities", "--dataset", OWN / "entities.jsonl").stdout)
    assert set(told) >= {"suite", "n", "by_source", "overall", "timing", "definition_version"}
    assert "evidence" not in told
    assert told["timing"].keys() == {"p50_ms", "p99_ms"}
    report = tmp_path / "of-today" / "report.json"
    assert (
        run("run", "entities", "--dataset", OWN / "entities.jsonl", "--json", report, "--evidence").stdout
        == ""
    )
    compared = run("compare", report, report).stdout
    assert "by_type.ORDER_ID.recall" in compared
    assert "paired" in compared


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("run", "poetry"), "no suite 'poetry'"),
        (("run", "pii"), "needs --dataset"),
        (("gate", "--suite", "poetry"), "No run is left"),
        (("compare", OWN / "pii.jsonl", OWN / "pii.jsonl"), "not a report"),
    ],
)
def test_mistakes_are_said(arguments: tuple[str | Path, ...], complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        run(*arguments)


@pytest.mark.parametrize(("goal", "code"), [(0.5, 0), (0.99, 0), (1.1, 1)])
def test_only_a_goal_that_is_certainly_missed_is_red(tmp_path: Path, goal: float, code: int) -> None:
    gates, table, junit = (tmp_path / name for name in ("gates.toml", "gate.md", "gate.xml"))
    gates.write_text(GATES.format(goal=goal))
    result = run("gate", "--gates", gates, "--suite", "entities", "--markdown", table, "--junit", junit)
    assert result.exit_code == code
    state = {0.5: "PASS", 0.99: "INCONCLUSIVE", 1.1: "FAIL"}[goal]
    assert f"{state} |" in table.read_text()
    assert ("<failure" in junit.read_text()) == bool(code)


def test_missing_third_party_data_are_told_and_are_not_red(tmp_path: Path) -> None:
    gates = tmp_path / "gates.toml"
    gates.write_text(GATES.format(goal=0.5))
    result = run("gate", "--gates", gates, "--suite", "routing", "--data", tmp_path)
    assert result.exit_code == 0
    assert "SKIPPED (no intents.jsonl" in result.stdout


@pytest.mark.usefixtures("on_stores")
def test_retrieval_leaves_no_tenant_behind(tmp_path: Path) -> None:
    queries = tmp_path / "queries.jsonl"
    queries.write_bytes(
        b"".join((OWN / "retrieval_queries.jsonl").read_bytes().splitlines(keepends=True)[:6])
    )
    corpus = OWN / "retrieval_corpus.jsonl"
    told = orjson.loads(run("run", "retrieval", "--corpus", corpus, "--dataset", queries).stdout)
    assert told["by_source"]["deskgraph_own"]["n"] == 6
    assert told["by_source"]["deskgraph_own"]["recall_at_5"] > 0.5
    assert told["counts"] == {"deskgraph_own": {"recall_at_1": 6, "recall_at_5": 6}}
    assert "evals-" not in orjson.dumps(told).decode()


@pytest.mark.usefixtures("on_stores")
def test_the_bookshop_suite_runs_whole_turns_and_tells_what_failed(tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    cases.write_bytes(b"\n".join(map(orjson.dumps, CASES)))
    told = orjson.loads(run("run", "bookshop", "--dataset", cases).stdout)
    found = told["by_source"]["s"]
    assert (found["n"], found["turns"], found["passed"]) == (2, 3, 0.5)
    assert (found["facts"], found["tools"], found["no_leak"]) == (1.0, 1.0, 1.0)
    assert found["citations"] is None
    [failure] = told["failed"]
    assert (failure["case"], failure["failed"], failure["got"]["route"]) == ("wrong:1", ["route"], "handoff")


async def test_no_measurement_is_left_in_the_stores(database: Database) -> None:
    async with database.control_tx() as tx:
        left = await tenants.list_all(tx)
    made = {tenant.slug for tenant in left if tenant.slug.startswith("evals-")}
    assert made <= {SLUG}, "the orders suite asks in one tenant that it keeps"
    for tenant in left:
        async with database.tenant_tx(Principal(tenant.id, "agent")) as tx:
            cursor = await tx.execute("select count(*) from conversations where channel = 'evals'")
            assert await cursor.fetchone() == (0,)
