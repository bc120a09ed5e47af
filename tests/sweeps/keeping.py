"""P13: an export holds all that its person said and was told; retention leaves nothing of what is old.

People talk in the support graph, each in words of their own that no one else uses: in messages, in a
title, in a comment, in a return's reason; the model and an agent answer with words of their own, too. Each
export, JSON and HTML, is then searched for everybody's words. For retention the first turn of a talk is made
a hundred days old; after the job of each class everything sealed is opened with the keys and read.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import httpx
import psycopg

from desk.domain import Principal, Retention, Tenant
from desk.retrieval.ingest import ingest
from desk.storage.faqs import FaqEntry
from server.jobs.retention import delete_old
from server.jobs.workplace import Workplace, open_workplace
from tests.chaos.stage import Stage
from tests.measured.figures import Section
from tests.servers.openai_wire import Reply, SeenRequest, say
from tests.sweeps.containment import PAGE, PERSON, QUESTION
from tests.sweeps.ground import Ground, Person, open_ground
from tests.sweeps.opened import opened

OLD_DAYS, KEPT_DAYS = 100, 30
_LETTERS = "bcdfghjklmnpqrstvwxz"
_WORD = re.compile(rf"zq[{_LETTERS}]{{6}}zq")
_COUNT = itertools.count(1)


def new_word() -> str:
    """A word of letters alone that was never said before, and that nobody takes for a name or a number."""
    number, signs = next(_COUNT), ""
    for _ in range(6):
        number, rest = divmod(number, len(_LETTERS))
        signs += _LETTERS[rest]
    return f"zq{signs}zq"


@dataclass(slots=True)
class Speaker:
    """Somebody, and all words that they said or were told, by where."""

    person: Person
    email: str
    words: dict[str, str] = field(default_factory=dict)
    turns: list[str] = field(default_factory=list)

    def word(self, where: str) -> str:
        """A new word for one place."""
        self.words[where] = new_word()
        return self.words[where]


async def measure(stage: Stage, people: int) -> list[Section]:
    """P13, export and retention."""
    section = Section("P13", "Exports are whole, and nobody else's", " ".join(_how().split()))
    kept = Section("P13", "What is old goes, class by class", "")
    async with open_ground(stage) as ground:
        with section.timed():
            tenant = await _shop(stage)
            speakers = [await _speak(ground, tenant, number) for number in range(people)]
            await _look_at_exports(ground, section, speakers)
        with kept.timed():
            ground.wire.script([say("Gladly.")])
            await _retain(ground, kept)
    return [section, kept]


def _how() -> str:
    return (__doc__ or "").partition("\n\n")[2]


async def _shop(stage: Stage, retention: Retention | None = None) -> Tenant:
    tenant = await stage.tenant()
    engine = stage.services.engine
    page = FaqEntry("umbrella", PAGE, "Umbrellas may be lent at the desk.", "other", "en")
    await ingest(engine.database, engine.embedder, Principal(tenant.id, "worker"), [page])
    return replace(tenant, settings=replace(tenant.settings, retention=retention)) if retention else tenant


async def _speak(ground: Ground, tenant: Tenant, number: int) -> Speaker:
    email = f"speaker{number}@x.org"
    me = Speaker(ground.person(email, tenant.slug), email)
    answer = me.word("the model's answer")

    def reply(_seen: SeenRequest) -> Reply:
        return say("Gladly, ", answer[:4], answer[4:], ".")

    ground.wire.answer_by(reply)
    told = await me.person.say(f"{QUESTION} {me.word('a message')}")
    turn = told.reply["turn_id"]
    ticket = await me.person.say(f"Please open a ticket: {me.word('an action')} never came")
    actions = ticket.reply["reply"]["actions"]
    if actions:
        await me.person.confirm(actions[0]["id"])
    else:
        me.words.pop("an action")
    rating = {"turn_id": turn, "rating": "up", "comment": me.word("a comment")}
    assert (await me.person.ask("POST", "/api/v1/chat/feedback", rating)).status == 204
    path = f"/api/v1/conversations/{me.person.conversation}"
    assert (await me.person.ask("PUT", path, {"title": me.word("a title")})).status == 200
    agreed = {"purpose": "mail", "text_version": me.word("a consent"), "granted": True}
    assert (await me.person.ask("POST", "/api/v1/privacy/consent", agreed)).status == 201
    await me.person.say(PERSON)
    await me.person.say(f"Are you there, {me.word('a message to a person')}?")
    await _answer_as_agent(ground, tenant, me)
    return me


async def _answer_as_agent(ground: Ground, tenant: Tenant, me: Speaker) -> None:
    agent = ground.person("anne@desk.example", tenant.slug, "agent")
    waiting = (await agent.ask("GET", "/api/v1/handoffs")).body["handoffs"]
    mine = next(one["id"] for one in waiting if one["conversation_id"] == me.person.conversation)
    assert (await agent.ask("POST", f"/api/v1/handoffs/{mine}/claim")).status == 200
    words = {"text": f"Here I am, {me.word('an agent')}."}
    assert (await agent.ask("POST", f"/api/v1/handoffs/{mine}/reply", words)).status == 201


async def _look_at_exports(ground: Ground, section: Section, speakers: list[Speaker]) -> None:
    missing: list[str] = []
    foreign = expected = 0
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ground.replica.port}", timeout=30) as client:
        for me in speakers:
            for form in ("json", "html"):
                path = f"/api/v1/privacy/export?format={form}"
                answer = await client.get(path, headers=me.person.headers)
                found = set(_WORD.findall(html.unescape(answer.text)))
                mine = set(me.words.values())
                missing += [
                    f"{where} is not in {form}" for where, one in me.words.items() if one not in found
                ]
                foreign += len(found - mine)
                expected += len(mine)
    of = f"{len(speakers)} people, {len(speakers[0].words)} places, 2 forms"
    section.all("words that the person's own export holds", expected - len(missing), expected, of)
    section.none("words of others in an export", foreign, of)
    section.notes += [*sorted(set(missing)), f"Places: {', '.join(speakers[0].words)}."]


async def _retain(ground: Ground, section: Section) -> None:
    stage = ground.stage
    classes: dict[str, tuple[Retention, set[str], set[str]]] = {
        # what the job is told, which tables must hold nothing of the old turn, and which may
        "messages": (
            Retention(messages=KEPT_DAYS),
            {"turns", "messages", "effects", "feedback"},
            {"checkpoints", "conversations", "turn_steps"},  # a later turn's steps say how it began
        ),
        "steps": (Retention(steps=KEPT_DAYS), {"turn_steps"}, set()),
        "feedback": (Retention(feedback=KEPT_DAYS), {"feedback"}, set()),
        "dead_letters": (Retention(dead_letters=KEPT_DAYS), {"turns"}, set()),
        "conversations": (
            Retention(),
            {"turns", "messages", "turn_steps", "effects", "feedback", "checkpoints", "conversations"},
            set(),
        ),
    }
    left: list[str] = []
    seen = 0
    async with _workplace(stage) as place:
        for name, (retention, emptied, _may) in classes.items():
            tenant = await _shop(stage, retention)
            me = Speaker(ground.person("old@x.org", tenant.slug), "old@x.org")
            told = await me.person.say(f"{QUESTION} {me.word('a message')}")
            turn = told.reply["turn_id"]
            rating = {"turn_id": turn, "rating": "up", "comment": me.word("a comment")}
            assert (await me.person.ask("POST", "/api/v1/chat/feedback", rating)).status == 204
            alone = name in {"conversations", "steps"}  # a later turn remembers what it began with
            recent = None if alone else await me.person.say(f"{QUESTION} {new_word()}")
            await _age(stage, tenant, turn, dead=name == "dead_letters", all_of_it=name == "conversations")
            before = await _where(stage, tenant, me)
            seen += sum(table in emptied for table in before)
            while await delete_old(place, tenant):
                pass
            after = await _where(stage, tenant, me)
            left += [f"{name}: {table}" for table in after & emptied]
            if recent is not None:
                history = (await me.person.ask("GET", "/api/v1/chat/history")).body["messages"]
                assert [one for one in history if one["turn_id"] == recent.reply["turn_id"]], (
                    "only the old goes"
                )
            section.notes.append(
                f"{name}: stood in {_list(before & emptied)}; afterwards of the old turn in {_list(after)}."
            )
    section.none(
        "tables that still hold the words of a class", len(left), f"{len(classes)} classes, {seen} tables"
    )
    section.notes += left


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "no table"


async def _where(stage: Stage, tenant: Tenant, me: Speaker) -> set[str]:
    """The tables in which one of the person's words stands, sealed."""
    words = [word.encode() for word in me.words.values()]
    url = stage.stores.engines.migration_database_url
    return {
        table
        async for table, _, plain in opened(stage.services, url, tenant)
        if any(word in plain for word in words)
    }


async def _age(stage: Stage, tenant: Tenant, turn: str, *, dead: bool, all_of_it: bool) -> None:
    """Make one turn, or all of the tenant, old; as the owner of the database, who may."""
    then = f"now() - interval '{OLD_DAYS} days'"
    mine = "tenant_id = %(tenant)s and " + (
        "true or %(turn)s::uuid is null" if all_of_it else "{key} = %(turn)s"
    )
    changes = {
        "turns": ("id", f"accepted_at = {then}, finished_at = {then}" + (", state = 'dead'" if dead else "")),
        "messages": ("turn_id", f"created_at = {then}"),
        "turn_steps": ("turn_id", f"created_at = {then}"),
        "feedback": ("turn_id", f"created_at = {then}"),
    }
    url = stage.stores.engines.migration_database_url
    async with await psycopg.AsyncConnection.connect(url) as conn:
        values = {"tenant": tenant.id, "turn": turn}
        for table, (key, change) in changes.items():
            query = f"update shared.{table} set {change} where {mine.format(key=key)}"
            await conn.execute(query.encode(), values)
        if all_of_it:
            old = f"now() - interval '{OLD_DAYS * 10} days'"
            query = f"update shared.conversations set updated_at = {old} where tenant_id = %(tenant)s"
            await conn.execute(query.encode(), values)


@asynccontextmanager
async def _workplace(stage: Stage) -> AsyncIterator[Workplace]:
    settings, engine = stage.services.engine.settings, stage.services.engine
    async with open_workplace(settings, stage.stores.engines.database_url, engine.embedder) as place:
        yield place
