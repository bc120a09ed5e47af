"""The product_search tool: articles of the tenant's catalogue that are in stock."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import BaseModel, ConfigDict, Field

from desk.tooling import Product, Tool, ToolContext, ToolResult


class ProductSearchArguments(BaseModel):
    """What the customer is after."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    query: str = Field(min_length=1, max_length=300, description="What to look for, in the customer's words.")
    genre: str | None = Field(None, max_length=60, description="Only this genre, for example mystery.")
    author: str | None = Field(None, max_length=100, description="Only books by this author.")
    max_price: float | None = Field(
        None, gt=0, le=1_000_000, description="Only what costs at most this, in the shop's currency."
    )
    min_rating: float | None = Field(
        None, ge=0, le=5, description="Only what has at least so many stars of 5."
    )
    limit: int = Field(3, ge=1, le=10, description="How many to show.")


async def run(arguments: ProductSearchArguments, context: ToolContext) -> ToolResult:
    """The best matches, one a line, and as `products` in the data; `ok` is false when there are none."""
    products = await context.search_products(
        context.principal,
        arguments.query,
        genre=arguments.genre,
        author=arguments.author,
        limit=arguments.limit,
        price_to=arguments.max_price,
        rating_from=arguments.min_rating,
    )
    if not products:
        return ToolResult("Nothing in stock matches that.", {"products": []}, ok=False)
    lines = [f"{number}. {_line(product)}" for number, product in enumerate(products, 1)]
    return ToolResult("\n".join(lines), {"products": [asdict(product) for product in products]})


def _line(product: Product) -> str:
    authors, genres = " and ".join(product.authors), ", ".join(product.genres)
    rating = f"rated {product.rating:.1f} of 5"
    return (
        f"{product.title} by {authors} ({genres}), {product.price}, {rating}. {product.description}".strip()
    )


TOOL = Tool(
    name="product_search",
    description="Find or recommend books that are in stock, with authors, price and rating.",
    arguments=ProductSearchArguments,
    run=run,
)
