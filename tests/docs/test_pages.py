"""The pages of this checkout say what the code does."""

from __future__ import annotations

import gc
import re
import tomllib

import pytest

from desk.settings import Settings
from graphs.support import NODES
from server.app import build_routes
from server.documentation.generated import settings_page, stale_pages
from server.documentation.references import untrue_references
from server.langserve import ROUTES
from tests.architecture.files import ROOT

DOCS = ROOT / "docs"
ADRS = sorted((DOCS / "adr").glob("[0-9]*.md"))


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_reported_meanwhile() -> None:
    """Collects what earlier tests left: a report of a task that failed unheard reads source lines by an AST,
    and Python 3.11 breaks off when that happens in the middle of ours."""
    gc.collect()


def described_routes() -> set[tuple[str, str]]:
    """Method and address of every row of api.md."""
    rows = re.findall(r"^\| `([A-Z]+)` \| `([^`]+)` \|", (DOCS / "api.md").read_text(), re.MULTILINE)
    return set(rows)


def test_generated_pages_are_up_to_date() -> None:
    assert stale_pages(DOCS) == [], "run `desk docs`"


def test_nothing_is_named_that_is_not_there() -> None:
    assert untrue_references(ROOT) == []


def test_every_address_of_the_api_is_described() -> None:
    paths = build_routes(Settings().model_copy(update={"langserve": True})).openapi()["paths"]
    answered = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert len(answered) > 10
    assert answered <= described_routes()
    assert described_routes() >= ROUTES


def test_a_setting_that_nothing_reads_is_called_so() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", settings_page(), re.MULTILINE))
    assert "`server/`" in rows["RATE_LIMIT_PER_MINUTE"]
    unread = {name for name, readers in rows.items() if readers == "nothing yet"}
    # README.md and docs/operations.md would have to say so of such a setting.
    assert unread == set()


def test_the_diagram_of_a_turn_names_every_node_and_no_other() -> None:
    diagram = re.search(r"```mermaid\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert diagram is not None
    named = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b|\bscreen\b|\bhandoff\b|\bfallback\b", diagram[1]))
    assert named == {node.__name__ for node in NODES}


def test_every_room_is_in_the_readmes_table() -> None:
    table = (ROOT / "README.md").read_text().partition("## Where things are")[2].partition("## ")[0]
    rooms = set(re.findall(r"\| `(\w+)/` \|", table))
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]
    assert rooms == {*listed["packages"], "deploy", "docs"}


def test_the_changelog_begins_with_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0].startswith(version)


@pytest.mark.parametrize("page", ADRS, ids=lambda page: page.stem)
def test_a_decision_is_one_page_with_a_line_to_quote(page: object) -> None:
    text = next(adr for adr in ADRS if adr == page).read_text()
    assert len(text.split()) < 500
    assert re.findall(r"^#+ .+|^> .+", text, re.MULTILINE)[1].startswith("> ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Why", "What checks it"]
    assert "`" in text.partition("## What checks it")[2] or "test_" in text.partition("## What checks it")[2]


def test_the_index_of_decisions_is_whole() -> None:
    index = (DOCS / "adr" / "README.md").read_text()
    assert re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", index) == [page.name for page in ADRS]
    assert [int(page.name[:4]) for page in ADRS] == list(range(1, len(ADRS) + 1))
