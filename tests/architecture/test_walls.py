"""The walls between rooms hold, and each of them would notice a breach."""

from __future__ import annotations

import ast

import grimp
import pytest
from importlinter.application import use_cases
from importlinter.application.user_options import UserOptions
from importlinter.configuration import configure
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract

from tests.architecture.files import ROOT, room_modules

ENVIRONMENT_DOOR = ROOT / "desk" / "settings.py"
KINDS = {"forbidden": ForbiddenContract, "layers": LayersContract}


@pytest.fixture(scope="module")
def options() -> UserOptions:
    configure()
    return use_cases.read_user_options(str(ROOT / ".importlinter"))


@pytest.fixture(scope="module")
def graph(options: UserOptions) -> grimp.ImportGraph:
    rooms = options.session_options["root_packages"]
    return grimp.build_graph(*rooms, include_external_packages=True, cache_dir=None)


def broken(options: UserOptions, graph: grimp.ImportGraph) -> dict[str, object]:
    """Broken contracts by name, each with what broke it."""
    found: dict[str, object] = {}
    for given in options.contracts_options:
        kind = KINDS[given["type"]]
        contract = kind(given["name"], options.session_options, given)
        check = contract.check(graph.__deepcopy__({}), verbose=False)
        if not check.kept:
            found[given["name"]] = check.metadata
    return found


def test_every_wall_holds(options: UserOptions, graph: grimp.ImportGraph) -> None:
    assert broken(options, graph) == {}, "`lint-imports` shows each breach"


@pytest.mark.parametrize(
    ("importer", "imported", "wall"),
    [
        ("desk.errors", "graphs.state", "rooms under it"),
        ("graphs.state", "server", "rooms under it"),
        ("evals", "bench", "rooms under it"),
        ("desk.domain", "desk.storage.pool", "layers under it"),
        ("desk.storage.pool", "desk.cache", "layers under it"),
        ("desk.anything_new", "desk.errors", "layers under it"),
        ("tools", "fastapi", "HTTP"),
        ("server.app", "langserve", "LangServe"),
        ("graphs.turn", "langsmith", "LangSmith"),
        ("desk.storage.pool", "langgraph", "LangGraph"),
        ("graphs.state", "langchain_openai", "Model vendors"),
        ("server.app", "psycopg", "Postgres"),
        ("desk.cache.memory", "redis", "Redis"),
        ("graphs.state", "phonenumbers", "personal data"),
        ("server.jobs.registry", "smtplib", "Mail"),
        ("server.app", "opentelemetry", "Telemetry"),
    ],
)
def test_each_wall_notices_a_breach(
    options: UserOptions, graph: grimp.ImportGraph, importer: str, imported: str, wall: str
) -> None:
    breached = graph.__deepcopy__({})
    breached.add_import(importer=importer, imported=imported)
    found = broken(options, breached)
    assert any(wall in name and importer in str(what) for name, what in found.items())


def test_only_the_settings_read_the_environment() -> None:
    """But for what a library reads before there are settings: that is set in one place, and read nowhere."""
    readers = [
        str(path.relative_to(ROOT))
        for path in room_modules()
        if path != ENVIRONMENT_DOOR and "peers" not in path.parts and _reads_environment(path.read_text())
    ]
    assert readers == ["server/beginning.py"]


def test_reading_the_environment_is_recognised() -> None:
    assert _reads_environment("import os\nos.environ['A']")
    assert _reads_environment("import os\nos.getenv('A')")
    assert _reads_environment("from os import environ")
    assert not _reads_environment("import os\nos.getpid()")


def _reads_environment(source: str) -> bool:
    names = {"environ", "environb", "getenv", "putenv"}
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            found.update(alias.name for alias in node.names)
    return bool(found & names)
