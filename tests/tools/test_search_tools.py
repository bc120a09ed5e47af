"""The search tools pass on what was asked, and say plainly when there is nothing."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from desk.tooling import Passage, Product
from tests.tools.contexts import TENANT, Knowledge, tool_context
from tools.faq_search import TOOL as FAQ_SEARCH
from tools.faq_search import FaqSearchArguments
from tools.product_search import TOOL as PRODUCT_SEARCH
from tools.product_search import ProductSearchArguments

BOOK = Product(
    "B1", "Good Omens", ("Terry Pratchett", "Neil Gaiman"), ("fantasy",), "$11.99", 4.25, 3, "Fun."
)
PASSAGE = Passage("f1", "faq", 2, "Returns?", "Within 30 days.", "en", 0.81239)


async def test_products_are_listed_with_their_facts() -> None:
    knowledge = Knowledge(products=[BOOK])
    arguments = ProductSearchArguments(query="funny", genre="fantasy", author=None, limit=2)
    result = await PRODUCT_SEARCH.run(arguments, tool_context(knowledge))
    assert knowledge.asked == [(TENANT.id, "funny", "fantasy", None, 2)]
    assert result.text == (
        "1. Good Omens by Terry Pratchett and Neil Gaiman (fantasy), $11.99, rated 4.2 of 5. Fun."
    )
    assert result.data["products"][0]["sku"] == "B1"


async def test_passages_come_word_for_word_with_their_source() -> None:
    knowledge = Knowledge(passages=[PASSAGE])
    result = await FAQ_SEARCH.run(FaqSearchArguments(query="return"), tool_context(knowledge))
    assert knowledge.asked == [(TENANT.id, "return", 3)]
    assert result.text == "[1] Returns?\nWithin 30 days."
    assert [(c.source_id, c.version, c.quote, c.score) for c in result.citations] == [
        ("f1", 2, "Within 30 days.", 0.8124)
    ]


async def test_nothing_found_is_said() -> None:
    books = await PRODUCT_SEARCH.run(ProductSearchArguments(query="x"), tool_context())
    passages = await FAQ_SEARCH.run(FaqSearchArguments(query="x"), tool_context())
    assert (books.ok, books.data) == (False, {"products": []})
    assert (passages.ok, passages.citations) == (False, ())


@pytest.mark.parametrize(
    "arguments",
    [
        {"query": ""},
        {"query": "x" * 600},
        {"query": "x", "limit": 0},
        {"query": "x", "limit": 99},
        {"query": "x", "tenant_id": "other"},
    ],
)
def test_arguments_are_bounded(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProductSearchArguments(**arguments)
    with pytest.raises(ValidationError):
        FaqSearchArguments(**arguments)
