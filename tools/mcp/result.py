"""What a model reads of a tool's result: its texts, or else its data as JSON, and how much was left out."""

from __future__ import annotations

import json
from typing import Any, Final

from desk.telemetry.metrics import MCP_PARTS_DROPPED
from desk.tooling import ToolResult
from tools.calling import LONGEST_RESULT
from tools.mcp.wire import unavailable

_KINDS: Final = frozenset(("image", "audio", "resource_link", "resource"))


def read_result(told: dict[str, Any]) -> ToolResult:
    """The result; raises ToolUnavailable for what is none."""
    parts, data = told.get("content", []), told.get("structuredContent")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise unavailable("the result has no content")
    texts = [str(part.get("text", "")) for part in parts if part.get("type") == "text"]
    structured = isinstance(data, dict)
    if structured and not texts:
        texts = [json.dumps(data, ensure_ascii=False)]
    text = "\n".join(texts)[:LONGEST_RESULT]
    dropped = [str(part.get("type")) for part in parts if part.get("type") != "text"]
    for kind in dropped:
        MCP_PARTS_DROPPED.labels(kind if kind in _KINDS else "other").inc()
    if dropped:
        text += f"\n({len(dropped)} parts that are not text were left out.)"
    return ToolResult(text or "It answered with nothing.", {"body": data} if structured else {})
