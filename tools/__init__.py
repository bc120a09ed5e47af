"""What the assistant can do in the customer's world: one tool per file, listed in TOOLS."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any, Final

from desk.errors import Misconfigured
from desk.tooling import Tool
from tools import calculator, create_ticket, faq_search, order_status, product_search, start_return

GROUP: Final = "deskgraph.tools"

TOOLS: Final[tuple[Tool[Any], ...]] = (
    order_status.TOOL,
    product_search.TOOL,
    faq_search.TOOL,
    calculator.TOOL,
    start_return.TOOL,
    create_ticket.TOOL,
)


def load_tools() -> tuple[Tool[Any], ...]:
    """Our tools, then those that installed packages offer in the entry-point group `deskgraph.tools`.

    Raises Misconfigured when an entry point is no Tool or takes a name that is already there.
    """
    tools = {tool.name: tool for tool in TOOLS}
    for entry in entry_points(group=GROUP):
        tool = entry.load()
        if not isinstance(tool, Tool):
            raise Misconfigured(f"The entry point {entry.name!r} of {GROUP} must name a desk.tooling.Tool.")
        if tool.name in tools:
            raise Misconfigured(
                f"The entry point {entry.name!r} of {GROUP} offers {tool.name!r} a second time."
            )
        tools[tool.name] = tool
    return tuple(tools.values())
