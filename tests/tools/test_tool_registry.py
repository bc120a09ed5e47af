"""The tools are listed once, declared for a model, and joined by those of installed packages."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from desk.errors import Misconfigured
from tools import TOOLS, load_tools

PLUGIN = """
from desk.tooling import Tool
from tools import calculator
OTHER = Tool("shelf_plan", "Where a book stands.", calculator.CalculatorArguments, calculator.run)
CLASH = Tool("calculator", "Another one.", calculator.CalculatorArguments, calculator.run)
NO_TOOL = "text"
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    """An installed package that offers `target`, as an installer would leave it on the path."""
    (folder / "shelf_plugin.py").write_text(PLUGIN)
    info = folder / "shelf_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shelf-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[deskgraph.tools]\nshelf = shelf_plugin:{target}\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "shelf_plugin", raising=False)


def test_names_are_unique_and_what_writes_is_offered_first() -> None:
    names = [tool.name for tool in TOOLS]
    assert names == [
        *("order_status", "product_search", "faq_search", "calculator"),
        *("start_return", "create_ticket"),
    ]
    assert [tool.name for tool in load_tools()] == names
    assert [tool.name for tool in TOOLS if tool.writing] == ["start_return", "create_ticket"]


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_declarations_are_closed_and_plain(tool: object) -> None:
    declared = json.loads(json.dumps(next(entry.schema() for entry in TOOLS if entry is tool)))
    parameters = declared["function"]["parameters"]
    assert parameters["additionalProperties"] is False
    assert all("description" in field for field in parameters["properties"].values())
    assert not {"email", "postcode", "user", "tenant"} & parameters["properties"].keys()


def test_installed_packages_add_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "OTHER")
    assert [tool.name for tool in load_tools()][-1] == "shelf_plan"


@pytest.mark.parametrize(
    ("target", "complaint"), [("CLASH", "'calculator' a second time"), ("NO_TOOL", "must name a desk")]
)
def test_bad_entry_points_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, complaint: str
) -> None:
    install(tmp_path, monkeypatch, target)
    with pytest.raises(Misconfigured, match=complaint):
        load_tools()
