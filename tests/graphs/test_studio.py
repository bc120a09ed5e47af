"""What `langgraph.json` names is there, and is the support graph."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

from langgraph.graph.state import CompiledStateGraph

from graphs.support import NODES

ROOT = Path(__file__).parents[2]


def test_the_dev_server_finds_the_graph() -> None:
    named = json.loads((ROOT / "langgraph.json").read_text())
    assert [(ROOT / folder / "pyproject.toml").is_file() for folder in named["dependencies"]] == [True]
    path, variable = named["graphs"]["support"].split(":")
    spec = importlib.util.spec_from_file_location("opened_by_the_dev_server", ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    graph = getattr(module, variable)
    assert isinstance(graph, CompiledStateGraph)
    drawn = graph.get_graph()
    assert {node.__name__ for node in NODES} <= set(drawn.nodes)
    assert "call_llm" in graph.get_graph().draw_mermaid()
