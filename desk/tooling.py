"""What a tool is: typed arguments, a bounded call, a result with its sources, a readable error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel

from desk.domain import Citation, Principal, Route, Tenant

Arguments = TypeVar("Arguments", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a tenant's knowledge found by a search; `score` joins meaning and words, -1 to 1."""

    source_id: str
    kind: Literal["faq", "document"]
    version: int
    title: str
    text: str
    language: str
    score: float

    def citation(self) -> Citation:
        """The passage as a source of an answer."""
        return Citation(
            self.source_id, self.kind, self.version, self.title, self.text, round(max(0.0, self.score), 4)
        )


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a product was found: what about it fits, and which genre, author or title of the catalogue."""

    kind: Literal["title", "like", "genre", "author"]
    value: str


@dataclass(frozen=True, slots=True)
class Product:
    """One article of a tenant's catalogue; `price` is in the tenant's currency.

    `because` is empty for a product that was not found by a search.
    """

    sku: str
    title: str
    authors: tuple[str, ...]
    genres: tuple[str, ...]
    price: str
    rating: float
    stock: int
    description: str = ""
    because: tuple[Reason, ...] = ()


class KnowledgeSearch(Protocol):
    """Finds passages in the tenant's knowledge, best first."""

    async def __call__(self, principal: Principal, query: str, *, limit: int) -> list[Passage]:
        """At most `limit` passages of the principal's tenant."""


class ProductSearch(Protocol):
    """Finds products in the tenant's catalogue, best first."""

    async def __call__(
        self,
        principal: Principal,
        query: str,
        *,
        genre: str | None,
        author: str | None,
        limit: int,
        price_to: float | None = None,
        rating_from: float | None = None,
    ) -> list[Product]:
        """At most `limit` products in stock; what is given narrows the choice as what the query says does."""


class HttpClient(Protocol):
    """The one way a tool may reach a service of the tenant: an allow-listed host, bounded in time."""

    async def get(self, url: str, *, headers: dict[str, str]) -> HttpReply:
        """GET; raises ToolUnavailable when there is no answer in time."""

    async def post(self, url: str, *, headers: dict[str, str], json: dict[str, Any]) -> HttpReply:
        """POST; raises ToolUnavailable when there is no answer, and ToolUnreachable if it was not sent."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """Status and decoded JSON body of a tenant's service."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may use: who asks, and the services that were given to it. Never a model's say-so.

    `effect_key` is what the receiver of a confirmed action knows it by; empty for everything else.
    """

    principal: Principal
    tenant: Tenant
    http: HttpClient
    search_knowledge: KnowledgeSearch
    search_products: ProductSearch
    shop_api_url: str | None
    shop_api_key: str
    known_emails: tuple[str, ...] = ()
    known_postcodes: tuple[str, ...] = ()
    effect_key: str = ""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a customer is told: a key of the phrases in `prompts/replies`, and its values."""

    key: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool found or did. `text` is quoted to a model; `data` and `spoken` are for our own nodes."""

    text: str
    data: dict[str, Any] = field(default_factory=dict)
    citations: tuple[Citation, ...] = ()
    ok: bool = True
    spoken: Spoken | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """What a receiver says was done under a key: how often, and with what result; None = it cannot tell."""

    times: int | None
    result: ToolResult | None = None


@dataclass(frozen=True, slots=True)
class Writing(Generic[Arguments]):
    """What a tool needs that changes something: it is offered first, and acts once it is confirmed.

    `draft` makes arguments of a message and the order numbers in it; None when an order number is missing.
    `check` says whether this customer may have it done, and speaks the action's label. `trace` asks the
    receiver what was done under the context's `effect_key`. Answers about it come from `route`. `asks` is the
    phrase that asks for the customer's own words, where the action is nothing without them.
    """

    route: Route
    draft: Callable[[str, tuple[str, ...]], dict[str, Any] | None]
    check: Callable[[Arguments, ToolContext], Awaitable[ToolResult]]
    trace: Callable[[ToolContext], Awaitable[Trace]]
    asks: str = ""


@dataclass(frozen=True, slots=True)
class Tool(Generic[Arguments]):
    """A named capability. One with `writing` acts only after the user confirmed these exact arguments."""

    name: str
    description: str
    arguments: type[Arguments]
    run: Callable[[Arguments, ToolContext], Awaitable[ToolResult]]
    writing: Writing[Arguments] | None = None
    timeout_seconds: float = 5.0

    def schema(self) -> dict[str, Any]:
        """The tool as an OpenAI-wire function declaration; the same object each time, not to be changed."""
        return _declaration(self.name, self.description, self.arguments)


@lru_cache(maxsize=1024)
def _declaration(name: str, description: str, arguments: type[BaseModel]) -> dict[str, Any]:
    parameters = arguments.model_json_schema()
    parameters.pop("title", None)
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }
