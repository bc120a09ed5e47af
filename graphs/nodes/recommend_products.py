"""recommend_products: three articles of the tenant's own catalogue that are in stock, and why these."""

from __future__ import annotations

from langgraph.runtime import Runtime

from desk.domain import Answer
from desk.retrieval.products import Found, Wanted
from desk.tooling import Product, Reason
from graphs.answering import answered, say
from graphs.hearing.follow_up import with_before
from graphs.hearing.parts import asked
from graphs.state import TurnContext, TurnState
from prompts.replies import phrase, spoken_language

SHOWN = 3
# A title that was asked for and its author stand in the line already.
_TOLD = frozenset({"like", "genre"})


async def recommend_products(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """List what fits the message best, or say that nothing does."""
    context, decision = runtime.context, state["decision"]
    query = with_before(state, context) if decision.goes_on else asked(state, context)
    found = await context.services.engine.catalogue.find(context.principal, query, Wanted(), limit=SHOWN)
    language = spoken_language(state["language"])
    lines = [*_sold_out(found, language), *_listed(found, language)]
    if not lines:
        return answered(state, say(state, "products_none", "product", intent=decision.intent))
    return answered(
        state, Answer("\n".join(lines), language, "product", decision.intent, decision.confidence)
    )


def _sold_out(found: Found, language: str) -> list[str]:
    return [phrase("product_sold_out", language, title=title) for title in found.sold_out]


def _listed(found: Found, language: str) -> list[str]:
    if not found.products:
        return []
    return [phrase("products_intro", language), *(_line(product, language) for product in found.products)]


def _line(product: Product, language: str) -> str:
    authors = ", ".join(product.authors)
    line = phrase("product_line", language, title=product.title, authors=authors, price=product.price)
    reasons = ", ".join(_reason(reason, language) for reason in product.because if reason.kind in _TOLD)
    return f"- {line} ({reasons})" if reasons else f"- {line}"


def _reason(reason: Reason, language: str) -> str:
    return reason.value if reason.kind == "genre" else phrase("product_like", language, name=reason.value)
