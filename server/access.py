"""Access: who may call which route. One table, which authorises, and from which docs and tests are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.requests import HTTPConnection

from desk.domain import Scope
from desk.errors import Forbidden, Misconfigured
from web import FILES

# What a caller may do. A role has some of them, an API key those that it was made with.
Right = Literal[
    "chat",
    "relay",
    "faqs.read",
    "inbox",
    "turns.operate",
    "playground",
    "analytics",
    "self",
    "accounts",
    "api-keys",
    "usage.read",
    "settings",
    "tenants",
    "own-data",
    "privacy",
    "audit",
    "knowledge",
    "prompts",
]

# Whom a token may name. What a service may do is chosen for each API key.
Role = Literal["user", "agent", "admin", "platform", "visitor"]

# What row-level security takes a role for.
SCOPES: Mapping[Role, Scope] = MappingProxyType(
    {"user": "user", "agent": "agent", "admin": "admin", "platform": "admin", "visitor": "user"}
)

_PERSON: tuple[Right, ...] = ("self", "chat", "faqs.read", "own-data")
_AGENT: tuple[Right, ...] = (*_PERSON, "inbox")

RIGHTS: Mapping[str, frozenset[Right]] = MappingProxyType(
    {
        "user": frozenset(_PERSON),
        "agent": frozenset(_AGENT),
        "admin": frozenset(
            (
                *_AGENT,
                "turns.operate",
                "playground",
                "analytics",
                "accounts",
                "api-keys",
                "usage.read",
                "settings",
                "privacy",
                "audit",
                "knowledge",
                "prompts",
            )
        ),
        "platform": frozenset(("self", "tenants", "audit")),
        "visitor": frozenset(("chat", "faqs.read", "own-data")),
        "service": frozenset(("relay", "faqs.read")),
    }
)

# Method and path as the route is written. A path that ends in "*" is the folder of a mounted application.
ROUTES: Mapping[tuple[str, str], Right | Literal["public"]] = MappingProxyType(
    {
        ("POST", "/api/v1/chat/"): "chat",
        ("POST", "/api/v1/chat/send"): "chat",
        ("POST", "/api/v1/chat/stream"): "chat",
        ("WS", "/api/v1/chat/ws"): "chat",
        ("GET", "/api/v1/chat/history"): "chat",
        ("POST", "/api/v1/chat/feedback"): "chat",
        ("GET", "/api/v1/conversations"): "chat",
        ("GET", "/api/v1/conversations/{conversation_id}"): "chat",
        ("PUT", "/api/v1/conversations/{conversation_id}"): "chat",
        ("DELETE", "/api/v1/conversations/{conversation_id}"): "chat",
        ("GET", "/api/v1/conversations/{conversation_id}/history"): "chat",
        ("GET", "/api/v1/conversations/{conversation_id}/messages"): "chat",
        ("GET", "/api/v1/conversations/{conversation_id}/events"): "chat",
        ("GET", "/api/v1/turns/{turn_id}/events"): "chat",
        ("POST", "/api/v1/turns/{turn_id}/cancel"): "chat",
        ("POST", "/langserve/*"): "chat",
        ("POST", "/chat"): "relay",
        ("GET", "/api/v1/faqs"): "faqs.read",
        ("GET", "/api/v1/faqs/search"): "faqs.read",
        ("GET", "/api/v1/faqs/categories"): "faqs.read",
        ("GET", "/api/v1/faqs/{faq_id}"): "faqs.read",
        ("GET", "/api/v1/faqs/{faq_id}/versions"): "knowledge",
        ("GET", "/api/v1/faqs/export"): "knowledge",
        ("GET", "/api/v1/faqs/gaps"): "knowledge",
        ("POST", "/api/v1/faqs/gaps/{gap_id}/draft"): "knowledge",
        ("POST", "/api/v1/faqs/gaps/{gap_id}/dismiss"): "knowledge",
        ("POST", "/api/v1/faqs"): "knowledge",
        ("POST", "/api/v1/faqs/import"): "knowledge",
        ("PUT", "/api/v1/faqs/{faq_id}"): "knowledge",
        ("DELETE", "/api/v1/faqs/{faq_id}"): "knowledge",
        ("GET", "/api/v1/handoffs"): "inbox",
        ("GET", "/api/v1/handoffs/agents"): "inbox",
        ("GET", "/api/v1/handoffs/events"): "inbox",
        ("GET", "/api/v1/handoffs/{handoff_id}/messages"): "inbox",
        ("POST", "/api/v1/handoffs/{handoff_id}/claim"): "inbox",
        ("POST", "/api/v1/handoffs/{handoff_id}/reply"): "inbox",
        ("POST", "/api/v1/handoffs/{handoff_id}/transfer"): "inbox",
        ("POST", "/api/v1/handoffs/{handoff_id}/return"): "inbox",
        ("POST", "/api/v1/handoffs/{handoff_id}/close"): "inbox",
        ("GET", "/api/v1/turns"): "turns.operate",
        ("POST", "/api/v1/turns/{turn_id}/replay"): "turns.operate",
        ("DELETE", "/api/v1/turns/{turn_id}"): "turns.operate",
        ("POST", "/api/v1/privacy/erase"): "own-data",
        ("GET", "/api/v1/privacy/erasures/{erasure_id}"): "own-data",
        ("GET", "/api/v1/privacy/export"): "own-data",
        ("GET", "/api/v1/privacy/consent"): "own-data",
        ("POST", "/api/v1/privacy/consent"): "own-data",
        ("POST", "/api/v1/privacy/subjects/find"): "privacy",
        ("GET", "/api/v1/privacy/subjects/{subject_id}/export"): "privacy",
        ("POST", "/api/v1/privacy/subjects/{subject_id}/erase"): "privacy",
        ("GET", "/api/v1/audit"): "audit",
        ("GET", "/api/v1/audit/export"): "audit",
        ("GET", "/api/v1/audit/verify"): "audit",
        ("GET", "/api/v1/usage"): "usage.read",
        ("GET", "/api/v1/settings"): "settings",
        ("PATCH", "/api/v1/settings"): "settings",
        ("GET", "/api/v1/sites"): "settings",
        ("GET", "/api/v1/tenants"): "tenants",
        ("POST", "/api/v1/tenants"): "tenants",
        ("GET", "/api/v1/tenants/{slug}"): "tenants",
        ("PATCH", "/api/v1/tenants/{slug}"): "tenants",
        ("DELETE", "/api/v1/tenants/{slug}"): "tenants",
        ("POST", "/api/v1/tenants/{slug}/suspend"): "tenants",
        ("POST", "/api/v1/tenants/{slug}/resume"): "tenants",
        ("GET", "/api/v1/tenants/{slug}/usage"): "tenants",
        ("GET", "/api/v1/tenants/{slug}/export"): "tenants",
        ("GET", "/api/v1/prompts"): "prompts",
        ("GET", "/api/v1/prompts/bundles/{bundle_id}"): "prompts",
        ("GET", "/api/v1/prompts/{prompt_name}/versions/{version}"): "prompts",
        ("POST", "/api/v1/prompts/{prompt_name}/versions"): "prompts",
        ("POST", "/api/v1/prompts/{prompt_name}/preview"): "prompts",
        ("GET", "/api/v1/prompts/{prompt_name}/diff"): "prompts",
        ("POST", "/api/v1/prompts/{prompt_name}/labels"): "prompts",
        ("POST", "/api/v1/prompts/{prompt_name}/rollback"): "prompts",
        ("GET", "/api/v1/prompts/{prompt_name}/history"): "prompts",
        ("GET", "/api/v1/prompts/{prompt_name}/figures"): "prompts",
        ("POST", "/api/v1/intents/form"): "prompts",
        ("POST", "/api/v1/intents/entry"): "prompts",
        ("GET", "/playground/graph.json"): "playground",
        ("GET", "/api/v1/reviews"): "playground",
        ("PUT", "/api/v1/reviews/{turn_id}"): "playground",
        ("GET", "/api/v1/analytics/dashboard"): "analytics",
        ("GET", "/api/v1/analytics/conversations"): "analytics",
        ("GET", "/api/v1/analytics/user/{subject_id}"): "analytics",
        ("GET", "/api/v1/playground/turns"): "playground",
        ("GET", "/api/v1/playground/turns/{turn_id}"): "playground",
        ("POST", "/api/v1/playground/turns/{turn_id}/runs"): "playground",
        ("GET", "/api/v1/evals"): "playground",
        ("POST", "/api/v1/evals/runs"): "playground",
        ("POST", "/api/v1/replays"): "playground",
        ("GET", "/api/v1/accounts"): "accounts",
        ("POST", "/api/v1/accounts"): "accounts",
        ("PUT", "/api/v1/accounts/{account_id}"): "accounts",
        ("GET", "/api/v1/api-keys"): "api-keys",
        ("POST", "/api/v1/api-keys"): "api-keys",
        ("POST", "/api/v1/api-keys/{key_id}/rotate"): "api-keys",
        ("DELETE", "/api/v1/api-keys/{key_id}"): "api-keys",
        ("GET", "/api/v1/me"): "self",
        ("POST", "/api/v1/me/adopt"): "own-data",
        ("POST", "/api/v1/auth/logout-everywhere"): "self",
        ("POST", "/api/v1/auth/register"): "public",
        ("POST", "/api/v1/auth/verify"): "public",
        ("POST", "/api/v1/auth/login"): "public",
        ("POST", "/api/v1/auth/refresh"): "public",
        ("POST", "/api/v1/auth/logout"): "public",
        ("POST", "/api/v1/auth/reset"): "public",
        ("POST", "/api/v1/auth/reset/confirm"): "public",
        ("GET", "/api/v1/auth/issuers"): "public",
        ("GET", "/login/callback"): "public",
        ("GET", "/login/{issuer_name}"): "public",
        ("POST", "/api/v1/widget/token"): "public",
        ("GET", "/api/v1/widget/branding"): "public",
        ("GET", "/"): "public",
        ("GET", "/health"): "public",
        ("GET", "/api/v1/healthz"): "public",
        ("GET", "/api/v1/readyz"): "public",
        ("GET", "/metrics"): "public",
        ("GET", "/login"): "public",
        ("GET", "/.well-known/jwks.json"): "public",
        ("GET", "/langserve/*"): "public",
    }
)


def right_of(method: str, path: str) -> Right | Literal["public"] | None:
    """What a route asks for; None when the table does not know it, and then nobody may call it."""
    found = ROUTES.get((method, path))
    if found is not None:
        return found
    folders = (right for (known, folder), right in ROUTES.items() if known == method and _holds(folder, path))
    return next(folders, None)


def allow(connection: HTTPConnection, rights: frozenset[Right]) -> None:
    """Raises Forbidden unless the rights are enough for the route that serves this connection."""
    method = "WS" if connection.scope["type"] == "websocket" else connection.scope["method"]
    needed = right_of(method, connection.scope["route"].path)
    if needed not in rights:
        raise Forbidden


def served(app: FastAPI) -> Iterator[tuple[str, APIRoute | APIWebSocketRoute]]:
    """Every route of ours with its method; files for browsers and FastAPI's own pages are left out."""
    for route in app.routes:
        included: Any = getattr(route, "original_router", None)
        for found in (*getattr(included, "routes", ()), route):
            if isinstance(found, APIWebSocketRoute):
                yield "WS", found
            elif isinstance(found, APIRoute) and not _is_page(found.path):
                yield from ((method, found) for method in sorted(found.methods or ()))


def refuse_unlisted(app: FastAPI) -> None:
    """Raises Misconfigured when the application serves a route that the table does not know."""
    missing = sorted(
        f"{method} {route.path}" for method, route in served(app) if right_of(method, route.path) is None
    )
    if missing:
        raise Misconfigured(f"server/access.py says nothing of {', '.join(missing)}; nobody may call them.")


def _is_page(path: str) -> bool:
    return path in FILES or path.startswith("/docs")


def _holds(folder: str, path: str) -> bool:
    return folder.endswith("*") and path.startswith(folder[:-1])
