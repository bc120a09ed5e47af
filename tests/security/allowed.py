"""Who may see another person's things, and where: the one table of it; everywhere else nobody does."""

from __future__ import annotations

from collections.abc import Mapping

STAFF = frozenset(("agent", "admin"))
ADMIN = frozenset(("admin",))
EVERYBODY = frozenset(("visitor", "user", "agent", "admin", "service"))

# By door: the roles that reach other people of their own tenant. Another tenant's people: nobody, nowhere.
SEE: Mapping[str, frozenset[str]] = {
    "GET /api/v1/conversations": STAFF,
    "GET /api/v1/conversations/{conversation_id}": STAFF,
    "DELETE /api/v1/conversations/{conversation_id}": ADMIN,
    "GET /api/v1/handoffs": STAFF,
    "GET /api/v1/handoffs/agents": STAFF,
    "GET /api/v1/handoffs/events": STAFF,
    "GET /api/v1/handoffs/{handoff_id}/messages": STAFF,
    "POST /api/v1/handoffs/{handoff_id}/claim": STAFF,
    "POST /api/v1/handoffs/{handoff_id}/reply": STAFF,
    "POST /api/v1/handoffs/{handoff_id}/transfer": STAFF,
    "POST /api/v1/handoffs/{handoff_id}/return": STAFF,
    "POST /api/v1/handoffs/{handoff_id}/close": STAFF,
    "GET /api/v1/playground/turns": ADMIN,
    "GET /api/v1/playground/turns/{turn_id}": ADMIN,
    "POST /api/v1/playground/turns/{turn_id}/runs": ADMIN,
    "GET /api/v1/reviews": ADMIN,
    "PUT /api/v1/reviews/{turn_id}": ADMIN,
    "GET /api/v1/analytics/conversations": ADMIN,
    "GET /api/v1/analytics/user/{subject_id}": ADMIN,
    "GET /api/v1/turns": ADMIN,
    "POST /api/v1/turns/{turn_id}/replay": ADMIN,
    "DELETE /api/v1/turns/{turn_id}": ADMIN,
    "GET /api/v1/accounts": ADMIN,
    "PUT /api/v1/accounts/{account_id}": ADMIN,
    "GET /api/v1/api-keys": ADMIN,
    "POST /api/v1/api-keys/{key_id}/rotate": ADMIN,
    "DELETE /api/v1/api-keys/{key_id}": ADMIN,
    "GET /api/v1/audit": ADMIN,
    "GET /api/v1/audit/export": ADMIN,
    "POST /api/v1/privacy/subjects/find": ADMIN,
    "GET /api/v1/privacy/subjects/{subject_id}/export": ADMIN,
    "POST /api/v1/privacy/subjects/{subject_id}/erase": ADMIN,
    # Whoever knows its id: who asked is not known any more.
    "GET /api/v1/privacy/erasures/{erasure_id}": EVERYBODY,
    "GET /api/v1/faqs/{faq_id}": EVERYBODY,
    "GET /api/v1/faqs/{faq_id}/versions": ADMIN,
    "PUT /api/v1/faqs/{faq_id}": ADMIN,
    "DELETE /api/v1/faqs/{faq_id}": ADMIN,
    "GET /api/v1/faqs/gaps": ADMIN,
    "POST /api/v1/faqs/gaps/{gap_id}/draft": ADMIN,
    "POST /api/v1/faqs/gaps/{gap_id}/dismiss": ADMIN,
}

# What belongs to the tenant and to no person: the table of rights stands before it, and row-level security
# before the writing of FAQs.
OF_THE_TENANT = frozenset(
    (
        "GET /api/v1/faqs/{faq_id}/versions",
        "PUT /api/v1/faqs/{faq_id}",
        "DELETE /api/v1/faqs/{faq_id}",
        "GET /api/v1/api-keys",
        "POST /api/v1/api-keys/{key_id}/rotate",
        "DELETE /api/v1/api-keys/{key_id}",
    )
)


def may_see(door: str, role: str, *, unchecked: bool = False) -> bool:
    """Whether a role reaches its own tenant's other people at a door.

    Row-level security, which is alone when unchecked, knows people and staff, but not agents from admins.
    """
    if unchecked:
        roles = SEE.get(door, frozenset())
        return door in OF_THE_TENANT or role in roles or bool(roles and role in STAFF)
    return role in SEE.get(door, ())
