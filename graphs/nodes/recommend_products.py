"""recommend_products: three articles of the tenant's own catalogue that are in stock."""

from __future__ import annotations

from langgraph.runtime import Runtime

from desk.domain import Answer
from desk.tooling import Product
from graphs.answering import answered, say
from graphs.state import TurnContext, TurnState
from prompts.replies import phrase, spoken_language

SHOWN = 3


async def recommend_products(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """List what fits the message best, or say that nothing does."""
    context, decision = runtime.context, state["decision"]
    found = await context.services.engine.catalogue(
        context.principal, context.text, genre=None, author=None, limit=SHOWN
    )
    if not found:
        return answered(state, say(state, "products_none", "product", intent=decision.intent))
    language = spoken_language(state["language"])
    lines = [phrase("products_intro", language), *(_line(product, language) for product in found)]
    return answered(
        state, Answer("\n".join(lines), language, "product", decision.intent, decision.confidence)
    )


def _line(product: Product, language: str) -> str:
    authors = ", ".join(product.authors)
    return "- " + phrase("product_line", language, title=product.title, authors=authors, price=product.price)
