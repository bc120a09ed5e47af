"""Every row of the newcomer's table in CONTRIBUTING.md, followed on a copy of the checkout."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import get_args

import psycopg
import pytest

from desk.models import catalog
from desk.models.providers import PROVIDERS
from desk.storage.migrate import migrate, read_migrations
from tests.architecture.files import ROOT
from tests.docs.checkout import Checkout

TOOL = '''"""The opening_hours tool: when the shop is open."""

from pydantic import BaseModel, ConfigDict

from desk.tooling import Tool, ToolContext, ToolResult


class OpeningHoursArguments(BaseModel):
    """Nothing is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)


async def run(_arguments: OpeningHoursArguments, _context: ToolContext) -> ToolResult:
    """The hours."""
    return ToolResult("Nine to five.")


TOOL = Tool("opening_hours", "When the shop is open.", OpeningHoursArguments, run)
'''
NODE = '''"""say_thanks: thank the customer."""

from langgraph.runtime import Runtime

from graphs.state import TurnContext, TurnState


async def say_thanks(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Change nothing."""
    return {}
'''
ROUTE = '''"""Hours: when the shop is open."""

from fastapi import APIRouter
from starlette.responses import Response

from server.deps import CurrentCaller
from server.openapi import answers
from server.routes.chat import json_response
from server.shapes.hours import HoursOut

router = APIRouter(prefix="/api/v1/hours", tags=["hours"])


@router.get("", summary="When the shop is open", responses=answers(HoursOut))
async def hours(caller: CurrentCaller) -> Response:
    """The hours."""
    return json_response({"open": "nine to five"})
'''
SHAPE = '''"""The shape of hours."""

from typing_extensions import TypedDict


class HoursOut(TypedDict):
    """When the shop is open."""

    open: str
'''
SCORER = '''"""Did the answer stay short?"""

from evals.scorers.observed import Expected, Observed


def score_brevity(_expected: Expected, observed: Observed) -> bool | None:
    """Whether it has at most five words."""
    return len(observed.text.split()) <= 5
'''
SUITE = '''"""The `rows` suite: how many rows a file has."""

from evals.data import read_rows
from evals.report import build_report


async def evaluate_rows(inputs, _ground):
    """Counts."""
    rows = read_rows(inputs.dataset, {"text": str})
    return build_report("rows", 1, {}, {"n": len(rows)}, [], {})
'''
BENCH = '''"""A benchmark of nothing."""

from bench.result import Result, require_equal
from bench.stage import Effort, Stage


async def measure(stage: Stage, effort: Effort) -> Result:
    """Both sides answer at once."""
    require_equal("ours", "hi", "hi")
    return Result("nothing", "Nothing beside nothing", {"ms": 1.0}, {"ms": 1.0}, {"ms": 1.0})
'''
TABLE = """-- scope: placement
-- Notes of the shop's staff.

create table notes (
    tenant_id uuid not null, id uuid not null, subject_id uuid not null, text_sealed bytea not null,
    primary key (tenant_id, id)
);
"""
FUTURE = "from __future__ import annotations\n"
UNFENCED = (
    "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where n.nspname = 'shared' and c.relkind = 'r' and not (c.relrowsecurity and c.relforcerowsecurity)"
)


def rows_of_the_table() -> dict[str, str]:
    """What each row is about, and the row."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    return dict(re.findall(r"^\| \*\*([\w ]+)\*\*(.*)$", text, re.MULTILINE))


def test_every_row_has_its_test() -> None:
    tests = set(re.findall(r"def test_an?_(\w+)\(", (ROOT / "tests/docs/test_howtos.py").read_text()))
    assert {name.replace(" ", "_") for name in rows_of_the_table()} == tests


def test_every_provider_is_described_and_opened() -> None:
    assert catalog._PROVIDERS.keys() == PROVIDERS.keys() == set(get_args(catalog.Provider))


def test_a_tool(checkout: Checkout) -> None:
    checkout.write("tools/opening_hours.py", TOOL)
    checkout.add_after("tools/__init__.py", FUTURE, "from tools import opening_hours\n")
    checkout.add_after("tools/__init__.py", "TOOLS: Final[tuple[Tool[Any], ...]] = (", "opening_hours.TOOL,")
    checkout.add_after("tests/tools/test_tool_registry.py", "assert names == [", '"opening_hours", ')
    checkout.tests("tests/tools/test_tool_registry.py")


def test_a_node(checkout: Checkout) -> None:
    checkout.write("graphs/nodes/say_thanks.py", NODE)
    support = "graphs/support.py"
    checkout.add_after(support, FUTURE, "from graphs.nodes.say_thanks import say_thanks\n")
    checkout.add_after(support, "NODES = (", "say_thanks,")
    checkout.add_after(
        support, 'graph.add_edge("handoff", ', '"say_thanks")\n    graph.add_edge("say_thanks", '
    )
    drawn = checkout.stale_page("graph.md")
    assert "handoff --> say_thanks" in drawn
    assert "| `say_thanks` | thank the customer. |" in drawn


def test_a_provider(checkout: Checkout) -> None:
    described, opened = "desk/models/catalog.py", "desk/models/providers.py"
    checkout.add_after(described, "Provider = Literal[", '"echo", ')
    checkout.add_after(
        described,
        "_PROVIDERS: dict[str, Callable[[Settings], ModelSpec | None]] = {",
        '\n    "echo": lambda settings: ModelSpec("echo", "echo", external=False, context_window=100),',
    )
    checkout.add_after(
        opened,
        "PROVIDERS: dict[str, Callable[[ModelSpec, Settings], ChatModel]] = {",
        '\n    "echo": lambda spec, settings: ScriptedModel(spec=spec),',
    )
    probe = (
        "from desk.settings import Settings\nfrom desk.models.providers import open_models\n"
        "print(open_models(Settings()).spec.name)"
    )
    said = checkout.python("-c", probe, DESK_MODEL_ORDER='["echo"]')
    assert said == "echo\n"


def test_a_prompt(checkout: Checkout) -> None:
    first = (checkout.root / "prompts" / "support" / "1.md").read_text()
    newest = max(int(path.stem) for path in (checkout.root / "prompts" / "support").glob("*.md"))
    checkout.write(f"prompts/support/{newest + 1}.md", first.replace("version: 1", f"version: {newest + 1}"))
    checkout.tests("tests/prompts/test_prompt_loader.py")
    probe = "from prompts.loader import load_prompt; print(load_prompt('support').version)"
    assert checkout.python("-c", probe) == f"{newest + 1}\n"


def test_a_reply_language(checkout: Checkout) -> None:
    checkout.add_after("prompts/replies.py", "LANGUAGES: Final = (", '"sv", ')
    checkout.write_yaml("prompts/replies/sv.yaml", checkout.read_yaml("prompts/replies/de.yaml"))
    for file in (checkout.root / "prompts" / "replies").glob("*.yaml"):
        path = f"prompts/replies/{file.name}"
        own = "Swedish" if file.stem == "en" else f"Swedish as {file.stem} says it"
        checkout.write_yaml(path, checkout.read_yaml(path) | {"language_sv": own})
    for name in ("bookshop", "general"):
        pack = checkout.read_yaml(f"prompts/intents/{name}.yaml")
        for intent in pack["intents"]:
            for kind in ("reply", "suggestions"):
                if "de" in intent.get(kind, {}):
                    intent[kind]["sv"] = intent[kind]["de"]
        checkout.write_yaml(f"prompts/intents/{name}.yaml", pack)
    checkout.tests("tests/prompts/test_reply_phrases.py", "tests/prompts/test_intent_packs.py")


def test_a_mail_language(checkout: Checkout) -> None:
    spoken = checkout.read_yaml("prompts/mails/en.yaml")
    spoken["reasons"]["complaint"] = "klagomål"
    checkout.write_yaml("prompts/mails/sv.yaml", spoken)
    checkout.tests("tests/prompts/test_mails.py")
    probe = (
        "from prompts.mails import handoff_mail\n"
        "values = dict(shop='', since='', due='', link='')\n"
        "print(handoff_mail('handoff_queued', 'sv-SE', 'complaint', **values).text)"
    )
    assert "klagomål" in checkout.python("-c", probe)


def test_an_intent(checkout: Checkout) -> None:
    path = "prompts/intents/bookshop.yaml"
    pack = checkout.read_yaml(path)
    languages = next(entry for entry in pack["intents"] if entry["route"] == "canned")["reply"]
    pack["intents"].append(
        {
            "name": "book_clubs",
            "route": "canned",
            "reply": dict.fromkeys(languages, "Our book clubs meet on Mondays."),
            "examples": [f"tell me about reading circle number {number}" for number in range(15)],
        }
    )
    checkout.write_yaml(path, pack)
    checkout.tests("tests/prompts/test_intent_packs.py")


def test_an_endpoint(checkout: Checkout) -> None:
    checkout.write("server/shapes/hours.py", SHAPE)
    checkout.write("server/routes/hours.py", ROUTE)
    checkout.add_after("server/app.py", FUTURE, "from server.routes import hours\n")
    checkout.add_after("server/app.py", "_MODULES = (", "hours, ")
    listed = '("GET", "/api/v1/hours"): "self",'
    checkout.add_after("server/access.py", 'Right | Literal["public"]] = MappingProxyType(\n    {', listed)
    row = "| `GET` | `/api/v1/hours` | `self` | When the shop is open | `HoursOut` |"
    assert row in checkout.stale_page("api.md")


@pytest.fixture
async def empty_database(owner_url: str) -> AsyncIterator[str]:
    """The owner's login to a new database beside the session's."""
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as conn:
        await conn.execute("drop database if exists howto with (force)")
        await conn.execute("create database howto")
        yield owner_url.replace("/desk?", "/howto?")
        await conn.execute("drop database howto with (force)")


@pytest.mark.parametrize("fence", ["fence_tenant", "fence_person"])
async def test_a_table(checkout: Checkout, empty_database: str, fence: str) -> None:
    folder = checkout.root / "migrations"
    number = len(read_migrations(folder)) + 1
    fenced = f"{TABLE}select desk_control.{fence}('notes');\n"
    checkout.write(f"migrations/{number:04d}_notes.sql", fenced)
    await migrate(empty_database, folder, say=lambda _: None)
    async with await psycopg.AsyncConnection.connect(empty_database) as conn:
        assert await (await conn.execute("select to_regclass('shared.notes')")).fetchone() == (
            "shared.notes",
        )
        assert await (await conn.execute(UNFENCED)).fetchall() == []


async def test_the_guard_finds_a_table_without_a_fence(checkout: Checkout, empty_database: str) -> None:
    folder = checkout.root / "migrations"
    checkout.write(f"migrations/{len(read_migrations(folder)) + 1:04d}_notes.sql", TABLE)
    await migrate(empty_database, folder, say=lambda _: None)
    async with await psycopg.AsyncConnection.connect(empty_database) as conn:
        assert await (await conn.execute(UNFENCED)).fetchall() == [("notes",)]
    # The very question that the guarding test asks.
    assert (
        "c.relrowsecurity and c.relforcerowsecurity" in (ROOT / "tests/server/test_isolation.py").read_text()
    )


def test_a_scorer(checkout: Checkout) -> None:
    checkout.write("evals/scorers/brevity.py", SCORER)
    registry = "evals/scorers/__init__.py"
    checkout.add_after(registry, FUTURE, "from evals.scorers.brevity import score_brevity\n")
    checkout.add_after(
        registry, "SCORERS: Mapping[str, Scorer] = MappingProxyType(\n    {", '"brevity": score_brevity,'
    )
    checkout.add_after(
        "tests/evals/test_scorers.py",
        "from evals.scorers.observed import Expected, Observed\n",
        "\n\ndef test_brevity() -> None:\n"
        '    assert SCORERS["brevity"](Expected(), Observed({"text": "Two days."}, "", ()))\n',
    )
    checkout.tests("tests/evals/test_scorers.py")


def test_a_judge(checkout: Checkout) -> None:
    first = (ROOT / "prompts/measuring/judge_answers/1.md").read_text()
    checkout.write("prompts/measuring/judge_tone/1.md", first)
    probe = (
        "from evals.judges import judge_names, open_judge\n"
        "print(judge_names(), open_judge('tone', None).prompt.name)"
    )
    assert checkout.python("-c", probe) == "['answers', 'tone'] judge_tone\n"


def test_a_suite(checkout: Checkout) -> None:
    checkout.write("evals/suites/rows.py", SUITE)
    registry = "evals/registry.py"
    checkout.add_after(registry, FUTURE, "from evals.suites.rows import evaluate_rows\n")
    checkout.add_after(
        registry,
        "SUITES: Mapping[str, Suite] = MappingProxyType(\n    {",
        '"rows": Suite("nothing", ("dataset",), evaluate_rows),',
    )
    checkout.write("rows.jsonl", '{"text": "one"}\n{"text": "two"}\n')
    probe = (
        "import asyncio\nfrom pathlib import Path\nfrom evals.registry import Ground, Inputs, run_suite\n"
        "print(asyncio.run(run_suite('rows', Inputs(dataset=Path('rows.jsonl')), Ground()))['n'])"
    )
    assert checkout.python("-c", probe) == "2\n"


def test_a_benchmark(checkout: Checkout) -> None:
    checkout.write("bench/nothing.py", BENCH)
    checkout.add_after("bench/registry.py", "NAMES = (", '"nothing", ')
    probe = "from bench.registry import NAMES, load; print('nothing' in NAMES, load('nothing').__name__)"
    assert checkout.python("-c", probe) == "True measure\n"
    guard = (ROOT / "tests/bench/test_benchmarks.py").read_text()
    assert "callable(load(name)) for name in NAMES" in guard
