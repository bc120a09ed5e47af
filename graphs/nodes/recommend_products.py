"""recommend_products: three articles of the tenant's own catalogue that are in stock, and why these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from langgraph.runtime import Runtime

from desk.domain import Answer
from desk.retrieval.products import Found, Wanted
from desk.routing.follow_up import asks_for_content, asks_for_details, asks_for_others
from desk.routing.shown import means_what_was_shown, which_listed
from desk.tooling import Product, Reason
from graphs.answering import answered, say
from graphs.hearing.follow_up import with_before
from graphs.hearing.parts import asked
from graphs.state import TurnContext, TurnState
from prompts.replies import phrase, spoken_language, suggestions

SHOWN = 3
# Enough that three are left when those that were shown before are not shown again.
MOST_SEEN = 12
# A title that was asked for and its author stand in the line already.
_TOLD = frozenset({"like", "genre"})


async def recommend_products(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """List what fits the message best, or say that nothing does."""
    context, decision = runtime.context, state["decision"]
    understanding = await context.services.understandings.of(context.tenant, context.prompts)
    meant = _meant(state, context) if decision.goes_on else []
    said = with_before(state, context) if decision.goes_on else asked(state, context)
    query = ", ".join(meant) or understanding.spelled(said)
    seen = _shown_before(state) if decision.goes_on and asks_for_others(context.text) else ""
    limit = MOST_SEEN if seen else SHOWN
    found = await context.services.engine.catalogue.find(context.principal, query, Wanted(), limit=limit)
    products = [product for product in found.products if product.title not in seen][:SHOWN]
    language = spoken_language(state["language"])
    of_one = _asked_for(products)
    details = bool(of_one) and asks_for_details(context.text)
    listed = _listed(products, language, described=details or asks_for_content(context.text))
    lines = [*_sold_out(found, language), *listed]
    if not lines:
        return answered(state, say(state, "products_none", "product", intent=decision.intent))
    if found.unknown:
        lines.insert(0, phrase("product_unknown", language))
    answer = Answer("\n".join(lines), language, "product", decision.intent, decision.confidence)
    if details:
        answer = _knows_no_more(answer)
    titles = [product.title for product in of_one or products]
    return answered(state, answer, titles=titles, **({} if meant else {"listed": titles}))


def _meant(state: TurnState, context: TurnContext) -> list[str]:
    """The titles, of those that were shown, that "the second one" or "it" means."""
    listed = state.get("topic", {}).get("listed", [])
    if places := which_listed(context.text, len(listed)):
        return [listed[place] for place in places]
    return state.get("topic", {}).get("titles", []) if means_what_was_shown(context.text) else []


def _knows_no_more(answer: Answer) -> Answer:
    """The answer to what the catalogue does not say: what it says, and that this is all."""
    text = f"{answer.text}\n{phrase('product_no_more', answer.language)}"
    return replace(answer, text=text, suggestions=suggestions("product_no_more", answer.language))


def _sold_out(found: Found, language: str) -> list[str]:
    return [phrase("product_sold_out", language, title=title) for title in found.sold_out]


def _shown_before(state: TurnState) -> str:
    """What was last said, where a title stands that is not shown twice to who wants to see something else."""
    said = (line["text"] for line in reversed(state.get("window", [])) if line["role"] == "assistant")
    return next(said, "")


def _listed(products: Sequence[Product], language: str, *, described: bool = False) -> list[str]:
    """The titles that were asked for, which are in stock; else what might be liked. `described` in full."""
    if asked := _asked_for(products):
        return [_described(_in_stock(product, language), product, wanted=described) for product in asked]
    if not products:
        return []
    lines = (_described(_line(product, language), product, wanted=described) for product in products)
    return [phrase("products_intro", language), *lines]


def _asked_for(products: Sequence[Product]) -> list[Product]:
    return [product for product in products if any(reason.kind == "title" for reason in product.because)]


def _described(line: str, product: Product, *, wanted: bool) -> str:
    """The line, with what the catalogue says of the product where that is `wanted`."""
    return f"{line} {product.description}".rstrip() if wanted else line


def _in_stock(product: Product, language: str) -> str:
    told = {"title": product.title, "price": product.price}
    if not product.authors:
        return phrase("product_in_stock_unsigned", language, **told)
    return phrase("product_in_stock", language, authors=", ".join(product.authors), **told)


def _line(product: Product, language: str) -> str:
    line = f"{product.title}, {product.price}"
    if product.authors:
        told = {"title": product.title, "price": product.price}
        line = phrase("product_line", language, authors=", ".join(product.authors), **told)
    reasons = ", ".join(_reason(reason, language) for reason in product.because if reason.kind in _TOLD)
    return f"- {line} ({reasons})" if reasons else f"- {line}"


def _reason(reason: Reason, language: str) -> str:
    return reason.value if reason.kind == "genre" else phrase("product_like", language, name=reason.value)
