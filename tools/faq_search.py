"""The faq_search tool: passages of the tenant's FAQs and documents, word for word, with their sources."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from desk.tooling import Tool, ToolContext, ToolResult


class FaqSearchArguments(BaseModel):
    """What the customer wants to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    query: str = Field(min_length=1, max_length=500, description="The question, in the customer's words.")
    limit: int = Field(3, ge=1, le=5, description="How many passages to read.")


async def run(arguments: FaqSearchArguments, context: ToolContext) -> ToolResult:
    """The best passages, numbered, each also as a citation; `ok` is false when there are none."""
    passages = await context.search_knowledge(context.principal, arguments.query, limit=arguments.limit)
    if not passages:
        return ToolResult("Our help pages say nothing about that.", ok=False)
    texts = [f"[{number}] {passage.title}\n{passage.text}" for number, passage in enumerate(passages, 1)]
    return ToolResult("\n\n".join(texts), citations=tuple(passage.citation() for passage in passages))


TOOL = Tool(
    name="faq_search",
    description="Search the shop's help pages: shipping, returns, payment, accounts, gift cards and more.",
    arguments=FaqSearchArguments,
    run=run,
)
