"""Which parameters name an object, and which do not: a parameter that is in neither list is red."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What kind of object each name names, wherever it stands: path, query, header or body.
KINDS: Mapping[str, str] = {
    "conversation_id": "conversation",
    "turn_id": "turn",
    "handoff_id": "handoff",
    "subject_id": "subject",
    "account_id": "account",
    "key_id": "api_key",
    "faq_id": "faq",
    "gap_id": "gap",
    "erasure_id": "erasure",
    "session_id": "session",
    "confirm": "action",
    "cursor": "place",
    "object": "conversation",
    "actor": "subject",
    "to": "agent",
    "user": "person",
    "X-Tenant-ID": "tenant",
    "slug": "tenant",
}

# The same name for another kind of object.
ELSEWHERE: Mapping[tuple[str, str], str] = {
    ("POST /api/v1/turns/{turn_id}/replay", "turn_id"): "dead_turn",
    ("DELETE /api/v1/turns/{turn_id}", "turn_id"): "dropped_turn",
    ("DELETE /api/v1/tenants/{slug}", "confirm"): "tenant",
}

# What names nobody's object, with a value that gets a request past the first checks.
PLAIN: Mapping[str, Any] = {
    "message": "hello there",
    "channel": "web",
    "locale": "en",
    "limit": 200,
    "rating": "up",
    "draft": False,
    "publish_at": None,
    "expires_at": None,
    "tags": ["unclear"],
    "comment": "fine",
    "title": "A title",
    "role": "agent",
    "disabled": False,
    "name": "a key",
    "rights": ["relay"],
    "expires_in_days": 1,
    "overlap_seconds": 60,
    "action": "conversation.delete",
    "session": False,
    "q": "hello",
    "after": 0,
    "Last-Event-ID": 0,
    "Idempotency-Key": None,
    "state": None,
    "text": "hello there",
    "format": "json",
    "purpose": "news",
    "text_version": "1",
    "granted": True,
    "question": "Is this one new?",
    "answer": "It is.",
    "category": None,
    "language": "en",
    "aliases": [],
    # A new FAQ's own name; one that the tenant has is refused.
    "id": None,
    "content": "question,answer\nIs this one imported?,It is.\n",
    "issuer": None,
    "settings": {},
    "placement": "shared",
    "hours": 24,
    "days": 30,
    "prompt_name": "support",
    "notes": "",
    "share": 0,
    "note": "",
    "version": 1,
    "a": 1,
    "b": 2,
    "values": {},
    "bundle_id": "0123456789abcdef",
    "wanted": "all",
    "label": "unclear",
    "became": None,
    "at": 0,
    "prompt": None,
    "intents": None,
    "out_of_scope": None,
    "intent": {"name": "opening_hours", "route": "faq", "examples": ["when are you open?"]},
    "parameters": {},
    "times": 1,
    "suite": None,
    "since": "2026-01-01T00:00:00Z",
    "candidate": "same",
    "cases": [{"id": "a-case", "source": "tests", "turns": [{"say": "hi"}]}],
    "config_hash": "",
    "config": {},
    "kwargs": {},
    "include_names": [],
    "include_types": [],
    "include_tags": [],
    "exclude_names": [],
    "exclude_types": [],
    "exclude_tags": [],
    "idempotency_key": None,
    "file_path": "index.html",
    "issuer_name": "nobody",
    # Whoever shows one of these is who it says; forged and stolen ones are tried in tests/server/identity.
    "password": "correct horse battery staple",
    "code": "000000",
    "refresh_token": "dr_none",
    "token": "none",
    "visitor_token": "none",
    "site_key": "site_none",
    "visitor": None,
    "identity": None,
    # These answer alike for who has an account and who has none: tests/server/identity/test_accounts.py.
    "email": "somebody.new@example.com",
    "tenant": "no-such-shop",
}

# Required in one body, an id in the others.
IN_BODY: Mapping[tuple[str, str], Any] = {
    ("EraseBody", "confirm"): "erase",
    ("ForkBody", "state"): {},
}

# Filters and places in a list: any value is allowed, so the answer may differ by the value's order.
LOOSE = frozenset(("cursor", "actor", "object"))
