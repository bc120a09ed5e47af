"""The support graph as LangGraph's own dev server opens it: to be looked at, as `langgraph.json` names it."""

from __future__ import annotations

from graphs.support import build_support_graph

# Without a checkpointer, which the server brings. A run needs a TurnContext, which only `run_turn` makes.
support = build_support_graph().compile()
