"""What a tool is: typed arguments, a bounded call, a result with its sources, a readable error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel

from desk.domain import Citation, Principal, Tenant

Arguments = TypeVar("Arguments", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a tenant's knowledge found by a search; `score` is the cosine similarity, -1 to 1."""

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
class Product:
    """One article of a tenant's catalogue; `price` is in the tenant's currency."""

    sku: str
    title: str
    authors: tuple[str, ...]
    genres: tuple[str, ...]
    price: str
    rating: float
    stock: int
    description: str = ""


class KnowledgeSearch(Protocol):
    """Finds passages in the tenant's knowledge, best first."""

    async def __call__(self, principal: Principal, query: str, *, limit: int) -> list[Passage]:
        """At most `limit` passages of the principal's tenant."""


class ProductSearch(Protocol):
    """Finds products in the tenant's catalogue, best first."""

    async def __call__(
        self, principal: Principal, query: str, *, genre: str | None, author: str | None, limit: int
    ) -> list[Product]:
        """At most `limit` products in stock; `genre` and `author` narrow the choice when given."""


class HttpClient(Protocol):
    """The one way a tool may reach a service of the tenant: an allow-listed host, bounded in time."""

    async def get(self, url: str, *, headers: dict[str, str]) -> HttpReply:
        """GET; raises ToolUnavailable when there is no answer in time."""

    async def post(self, url: str, *, headers: dict[str, str], json: dict[str, Any]) -> HttpReply:
        """POST; raises ToolUnavailable when there is no answer in time."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """Status and decoded JSON body of a tenant's service."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may use: who asks, and the services that were given to it. Never a model's say-so."""

    principal: Principal
    tenant: Tenant
    http: HttpClient
    search_knowledge: KnowledgeSearch
    search_products: ProductSearch
    shop_api_url: str | None
    shop_api_key: str
    known_emails: tuple[str, ...] = ()
    known_postcodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool found. `text` is quoted to the model as data; `data` is for our own nodes."""

    text: str
    data: dict[str, Any] = field(default_factory=dict)
    citations: tuple[Citation, ...] = ()
    ok: bool = True


@dataclass(frozen=True, slots=True)
class Tool(Generic[Arguments]):
    """A named capability. `writes` tools act only after the user confirmed these exact arguments."""

    name: str
    description: str
    arguments: type[Arguments]
    run: Callable[[Arguments, ToolContext], Awaitable[ToolResult]]
    writes: bool = False
    timeout_seconds: float = 5.0

    def schema(self) -> dict[str, Any]:
        """The tool as an OpenAI-wire function declaration."""
        parameters = self.arguments.model_json_schema()
        parameters.pop("title", None)
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": parameters},
        }
