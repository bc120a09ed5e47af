"""Owners: people whose every field holds a word that stands nowhere else, and whose every row has an id."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import psycopg

from desk.domain import Principal, Tenant, TenantSettings
from desk.retrieval.ingest import ingest
from desk.storage import faqs, tenants
from desk.storage.faqs import FaqEntry
from server.issuer import WIDGET
from tests.security.ground import Ground
from tests.server.conftest import bearer

ERASE = {"confirm": "erase"}
_NEVER_ANSWERED = (
    "delete from shared.messages where turn_id = %s",
    "delete from shared.turn_steps where turn_id = %s",
    "delete from shared.usage where turn_id = %s",
    "update shared.turns set state = 'dead', reason = 'broken', reply_sealed = null where id = %s",
)
_GAP = (
    "insert into shared.turn_reviews (tenant_id, turn_id, subject_id, label)"
    " select tenant_id, id, subject_id, 'knowledge_missing' from shared.turns"
    " where id = any(%(turns)s::uuid[])",
    "insert into shared.faq_gaps (tenant_id, id)"
    " select distinct tenant_id, %(gap)s::uuid from shared.turns where id = any(%(turns)s::uuid[])",
    "insert into shared.faq_gap_questions (tenant_id, turn_id, subject_id, gap_id, embedder, vector_sealed)"
    " select tenant_id, id, subject_id, %(gap)s::uuid, 'planted', ''"
    " from shared.turns where id = any(%(turns)s::uuid[])",
)


@dataclass(slots=True)
class Owner:
    """What one person of a tenant owns: ids by kind, and the words that only they wrote."""

    email: str
    ids: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def word(self, about: str) -> str:
        """A new word that nobody else uses; it looks like none of what the scrubber takes away."""
        letters = "bcdfghklmnprstvz"
        word = about + "".join(secrets.choice(letters) for _ in range(10))
        self.words.append(word)
        return word


@dataclass(slots=True)
class Town:
    """A tenant with an owner, somebody who was deleted, and who looks after them."""

    tenant: Tenant
    owner: Owner
    gone: Owner
    keeper: str
    admin: str
    # What everybody of the tenant may read.
    common: list[str] = field(default_factory=list)


def client(ground: Ground, tenant: str, email: str, role: str = "user") -> httpx.AsyncClient:
    """A person's client."""
    headers = bearer(ground.issuer, email, role, tenant, 7200)
    limits = httpx.Limits(keepalive_expiry=1.5)
    return httpx.AsyncClient(base_url=ground.url, headers=headers, timeout=60, limits=limits)


def visitor_headers(ground: Ground, tenant: str, name: str) -> dict[str, str]:
    """What the widget of a visitor shows."""
    claims = {"tenant": tenant, "role": "visitor"}
    token = ground.issuer.sign_claims(f"visitor:{name}", claims, seconds=7200, typ="at+jwt", azp=WIDGET)
    return {"authorization": f"Bearer {token}"}


async def build_town(ground: Ground) -> Town:
    """A tenant that was not there before, with everything planted in it."""
    slug = f"town-{uuid4().hex[:12]}"
    settings = TenantSettings(sla_minutes=100_000, double_texting="enqueue")
    async with ground.desk.services.engine.database.control_tx() as tx:
        tenant = await tenants.create(tx, slug, "A town", settings)
    names = {name: f"{name}.{uuid4().hex[:10]}@example.com" for name in ("owner", "gone", "keeper", "admin")}
    town = Town(tenant, Owner(names["owner"]), Owner(names["gone"]), names["keeper"], names["admin"])
    await _plant_faqs(ground, town)
    for owner in (town.gone, town.owner):
        await _plant(ground, town, owner)
    await _bury(ground, town)
    return town


async def _plant_faqs(ground: Ground, town: Town) -> None:
    engine, worker = ground.desk.services.engine, Principal(town.tenant.id, "worker")
    entries = []
    for owner in (town.owner, town.gone):
        owner.ids["faq"] = f"faq-{uuid4().hex[:12]}"
        question = f"What is {owner.word('faqq')} about?"
        entries.append(FaqEntry(owner.ids["faq"], question, f"About {owner.word('faqa')}.", "stock", "en"))
    town.common += [*town.owner.words, town.owner.ids["faq"]]
    await ingest(engine.database, engine.embedder, worker, entries)
    async with engine.database.tenant_tx(worker) as tx:
        await faqs.delete(tx, town.gone.ids["faq"])


async def _plant(ground: Ground, town: Town, owner: Owner) -> None:
    slug = town.tenant.slug
    async with (
        client(ground, slug, owner.email) as person,
        client(ground, slug, town.admin, "admin") as admin,
        client(ground, slug, town.keeper, "agent") as keeper,
    ):
        invited = await _do(admin, "POST", "/api/v1/accounts", {"email": owner.email, "role": "user"})
        owner.ids["account"] = owner.ids["subject"] = invited["id"]
        owner.ids |= {"person": owner.email, "agent": town.keeper, "tenant": town.tenant.slug}
        await _talk(person, owner)
        await _ask_for_help(person, keeper, owner)
        await _dead_letters(ground, person, owner)
        await _consent(person, owner)
        await _wonder(ground, (person, admin), owner)
        await _serve(ground, admin, owner)


async def _talk(person: httpx.AsyncClient, owner: Owner) -> None:
    """A conversation with a title, a rated answer and an action that waits for a yes."""
    said = await _do(person, "POST", "/api/v1/chat/", {"message": f"my parcel {owner.word('said')} is late"})
    owner.ids |= {"conversation": said["conversation_id"], "turn": said["turn_id"]}
    title = {"title": owner.word("title")}
    await _do(person, "PUT", f"/api/v1/conversations/{owner.ids['conversation']}", title)
    rated = {"turn_id": said["turn_id"], "rating": "down", "tags": ["unclear"]}
    await _do(person, "POST", "/api/v1/chat/feedback", rated | {"comment": owner.word("comment")})
    history = await _do(person, "GET", f"/api/v1/conversations/{owner.ids['conversation']}/messages")
    owner.ids["place"] = history["messages"][0]["id"]
    offered = await _do(person, "POST", "/api/v1/chat/", {"message": "I want to return order 100234"})
    actions = offered["reply"]["actions"]
    owner.ids["action"] = actions[0]["id"] if actions else str(uuid4())


async def _ask_for_help(person: httpx.AsyncClient, keeper: httpx.AsyncClient, owner: Owner) -> None:
    """A handoff that an agent has taken and answered."""
    asked = await _do(person, "POST", "/api/v1/chat/", {"message": "let me talk to a person"})
    queue = await _do(keeper, "GET", "/api/v1/handoffs?limit=200")
    [found] = [one for one in queue["handoffs"] if one["conversation_id"] == asked["conversation_id"]]
    owner.ids["handoff"] = found["id"]
    await _do(keeper, "POST", f"/api/v1/handoffs/{found['id']}/claim")
    text = f"we look for {owner.word('reply')}"
    await _do(keeper, "POST", f"/api/v1/handoffs/{found['id']}/reply", {"text": text})


async def _dead_letters(ground: Ground, person: httpx.AsyncClient, owner: Owner) -> None:
    """Two turns that nobody could answer; how they really come to be: tests/server/test_dead_letters.py."""
    async with await psycopg.AsyncConnection.connect(ground.owner_url) as conn:
        for kind in ("dead_turn", "dropped_turn"):
            said = await _do(person, "POST", "/api/v1/chat/", {"message": f"hello {owner.word('dead')}"})
            owner.ids[kind] = said["turn_id"]
            for undone in _NEVER_ANSWERED:
                await conn.execute(undone, (said["turn_id"],))


async def _consent(person: httpx.AsyncClient, owner: Owner) -> None:
    decision = {"purpose": owner.word("purpose"), "text_version": owner.word("version"), "granted": True}
    await _do(person, "POST", "/api/v1/privacy/consent", decision)


async def _wonder(ground: Ground, askers: tuple[httpx.AsyncClient, ...], owner: Owner) -> None:
    """A gap in the FAQs; a long number in each question keeps its words out of drafts that others read."""
    turns = []
    for who in (*askers, askers[0], askers[0]):
        about = owner.word("gap") if who is askers[0] else "at all"
        said = await _do(who, "POST", "/api/v1/chat/", {"message": f"why 47110815 {about}"})
        turns.append(said["turn_id"])
    owner.ids["gap"] = str(uuid4())
    async with await psycopg.AsyncConnection.connect(ground.owner_url) as conn:
        for statement in _GAP:
            await conn.execute(statement, {"gap": owner.ids["gap"], "turns": turns})


async def _serve(ground: Ground, admin: httpx.AsyncClient, owner: Owner) -> None:
    """A service of the tenant, and a visitor who talks by it."""
    made = {"name": owner.word("key"), "rights": ["relay", "faqs.read"]}
    key = await _do(admin, "POST", "/api/v1/api-keys", made)
    owner.ids |= {"api_key": key["id"], "session": owner.word("session")}
    async with httpx.AsyncClient(base_url=ground.url, headers={"x-api-key": key["key"]}, timeout=60) as shop:
        sent = {"message": f"hello {owner.word('visit')}", "session_id": owner.ids["session"]}
        await _do(shop, "POST", "/chat", sent)
    async with await psycopg.AsyncConnection.connect(ground.owner_url) as conn:
        query = "select subject_id::text from shared.sessions where session_id = %s"
        row = await (await conn.execute(query, (owner.ids["session"],))).fetchone()
        assert row is not None
        owner.ids["visitor"] = row[0]


async def _bury(ground: Ground, town: Town) -> None:
    """Everything of the second owner is deleted: one thing after the other, and then who they are."""
    gone, slug = town.gone, town.tenant.slug
    async with client(ground, slug, town.admin, "admin") as admin, client(ground, slug, gone.email) as person:
        await _do(admin, "DELETE", f"/api/v1/api-keys/{gone.ids['api_key']}")
        for kind in ("dead_turn", "dropped_turn"):
            await _do(admin, "DELETE", f"/api/v1/turns/{gone.ids[kind]}")
        listed = await _do(person, "GET", "/api/v1/conversations")
        for one in listed["conversations"]:
            await _do(person, "DELETE", f"/api/v1/conversations/{one['id']}")
        erased = await _do(admin, "POST", f"/api/v1/privacy/subjects/{gone.ids['subject']}/erase", ERASE)
        town.owner.ids["erasure"] = erased["id"]


async def _do(who: httpx.AsyncClient, method: str, path: str, body: Any = None) -> Any:
    response = await who.request(method, path, json=body)
    assert response.is_success, f"{method} {path}: {response.status_code} {response.text[:300]}"
    return response.json() if response.content else None
