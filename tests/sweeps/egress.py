"""P11: no structured value, and none that the conversation knows, leaves for a model or is kept in clear.

Every canary is written in every spelling, two dozen to a message, in real turns over HTTP to a model that
counts as external; others stand in a page, in the text of an order, or come again, letter by letter, after
they were written plainly. Then all bytes that the model's server got, every table, Redis, the log at level
debug, the metrics and another person's export are searched: raw, in JSON, in an address, as hex, base64 and
UTF-16, and squeezed to letters and digits. What is sealed is opened, too: but for the vault and the input of
turns it may hold pseudonyms alone.
"""

from __future__ import annotations

import asyncio
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import httpx

from desk.domain import Principal, Tenant, TenantSettings
from desk.retrieval.ingest import ingest
from desk.storage.faqs import FaqEntry
from tests.chaos.stage import Stage
from tests.measured.figures import Section
from tests.servers.openai_wire import Reply, SeenRequest, call, say
from tests.sweeps.attacks import OWN_ORDER
from tests.sweeps.canaries import PROMISED, UNPROMISED, Canary, make
from tests.sweeps.containment import PAGE, QUESTION
from tests.sweeps.ground import Ground, open_ground
from tests.sweeps.hunting import in_bytes, redis_keys, spellings, tables
from tests.sweeps.keeping import new_word
from tests.sweeps.needles import Needles
from tests.sweeps.opened import opened

A_MESSAGE = 24
MOST_ORDERS = 150
AT_ONCE = 3
PIECE = 8  # letters and digits in a row that are a leak by themselves
# Sealed, and meant to hold raw values: only the person's key opens them.
RAW = {("conversations", "vault_sealed"), ("turns", "input_sealed")}
_TAG = re.compile(r"zq[a-z]{6}zq")
_SETTINGS = TenantSettings(order_patterns=(r"ZQ\d{9}",))


@dataclass(frozen=True, slots=True)
class Effort:
    """How many canaries are written in every spelling."""

    canaries: int


@dataclass(slots=True)
class Sent:
    """One message: its canaries, how they were written, and the bodies that went to the model for it."""

    way: str
    canaries: list[Canary]
    written: list[str]
    bodies: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class Talks:
    """All that was said, by the word that marks each message."""

    ground: Ground
    tenant: Tenant
    by_tag: dict[str, Sent] = field(default_factory=dict)
    unanswered: int = 0

    def hear(self, seen: SeenRequest) -> Reply:
        """Note the body; look the order up if the message is about it."""
        text = seen.body.decode()
        for tag in set(_TAG.findall(text)) & self.by_tag.keys():
            self.by_tag[tag].bodies.append(seen.body)
        looks = "parcel" in text and '"role":"tool"' not in text.replace(" ", "")
        return say(calls=[call("order_status", order_id=OWN_ORDER)]) if looks else say("Gladly.")


async def measure(stage: Stage, effort: Effort) -> Section:
    """P11, in real turns."""
    section = Section.of("P11", "Nothing personal leaves, or lies in clear", __doc__)
    canaries, published = list(make(effort.canaries)), list(make(max(24, effort.canaries // 20), seed=12))
    with section.timed():
        # An address whose literal is no private one counts as external, and this one ends here all the same.
        async with open_ground(stage, model_host="127.1") as ground:
            tenant = await stage.tenant(_SETTINGS)
            talks = Talks(ground, tenant)
            ground.wire.answer_by(talks.hear)
            await _write(talks, canaries)
            await _publish(talks, published)
            await _look_at_the_wire(section, talks, canaries)
            await _look_elsewhere(section, talks, canaries)
    return section


async def _write(talks: Talks, canaries: list[Canary]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)
    for way, spell in {**PROMISED, **UNPROMISED}.items():
        await asyncio.gather(*(_one(talks, gate, way, some, spell) for some in _handfuls(canaries)))
        talks.ground.stage.say(f"  {way}: {len(canaries)} canaries")
    again = UNPROMISED["a space between all"]
    known = [one for one in canaries if one.kind not in ("URL", "IP_ADDRESS")]
    await asyncio.gather(*(_one(talks, gate, "again, once known", some, again) for some in _handfuls(known)))
    for some in _handfuls(canaries[: min(MOST_ORDERS, len(canaries) // 5)]):
        for one in some:  # an order's text holds a few
            talks.ground.shop.note = f"Left for {one.value} today"
            await _one(talks, gate, "in an order's text", [one], lambda _: "about my parcel")


async def _one(
    talks: Talks, gate: asyncio.Semaphore, way: str, some: list[Canary], spell: Callable[[Canary], str]
) -> None:
    tag = new_word()
    sent = Sent(way, some, [spell(one) for one in some])
    async with gate:
        person = talks.ground.person("ada@example.com", talks.tenant.slug)
        if way.startswith("again"):
            plain = "; and then ".join(one.value for one in some)
            await person.say(f"{QUESTION} It is {plain}; so it is.")
        talks.by_tag[tag] = sent
        told = await person.say(f"{QUESTION} {tag}: it is {'; and then '.join(sent.written)}; so it is.")
        talks.unanswered += told.reply is None


async def _publish(talks: Talks, published: list[Canary]) -> None:
    """Values in a page of the shop, found by the question; a tenant for each few."""
    engine = talks.ground.stage.services.engine
    gate = asyncio.Semaphore(1)
    usual = talks.tenant
    for some in _handfuls(published):
        talks.tenant = await talks.ground.stage.tenant(_SETTINGS)
        answer = "Umbrellas may be lent. " + "; and then ".join(one.value for one in some)
        page = FaqEntry("umbrella", PAGE, answer, "other", "en")
        await ingest(engine.database, engine.embedder, Principal(talks.tenant.id, "worker"), [page])
        await _one(talks, gate, "in a page", some, lambda _: "that")
    talks.tenant = usual


def _handfuls(canaries: list[Canary]) -> Iterator[list[Canary]]:
    rest = iter(canaries)
    while some := list(islice(rest, A_MESSAGE)):
        yield some


async def _look_at_the_wire(section: Section, talks: Talks, canaries: list[Canary]) -> None:
    leaked: Counter[tuple[str, str]] = Counter()
    written: Counter[str] = Counter()
    examples: dict[str, str] = {}
    reached = 0
    for sent in talks.by_tag.values():
        reached += bool(sent.bodies)
        haystacks = [(body, _squeezed(_text_of(body))) for body in sent.bodies]
        for one, form in zip(sent.canaries, sent.written, strict=True):
            written[sent.way] += 1
            if any(_leaks(one, form, body, squeezed) for body, squeezed in haystacks):
                leaked[sent.way, one.kind] += 1
                examples[sent.way] = f"{one.kind} {form}"
    promised = [way for way in written if way not in UNPROMISED]
    count = sum(leaked[key] for key in leaked if key[0] in promised)
    writings = sum(written[way] for way in promised)
    of = f"{len(canaries):,} canaries, {writings:,} writings in {len(promised)} ways"
    section.none("values in the bytes sent to the model", count, of)
    section.none("turns without an answer", talks.unanswered, f"{len(talks.by_tag):,} turns")
    section.notes += [f"Leaked, {way}: {examples[way]}" for way in promised if way in examples]
    section.notes.append(
        f"{len(talks.ground.wire.requests):,} requests, {reached:,} of {len(talks.by_tag):,} messages reached"
        f" the model. Ways: {', '.join(promised)}."
    )
    for way in UNPROMISED:
        kinds = {kind: number for (found, kind), number in leaked.items() if found == way}
        told = ", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items())) or "none"
        section.notes.append(f"Not promised, {way}: of {written[way]:,} left {told}.")


def _leaks(one: Canary, form: str, body: bytes, squeezed: str) -> bool:
    escaped = json.dumps(form).strip('"').encode()
    if len(form) >= PIECE and form != "about my parcel" and (form.encode() in body or escaped in body):
        return True
    if any(spelling in body for spelling in spellings(one.value)):
        return True
    compact = _squeezed(one.value)
    pieces = [compact[-PIECE:]] if one.kind == "URL" else [compact[:PIECE], compact[-PIECE:]]
    if one.kind == "EMAIL":
        pieces = [_squeezed(one.value.partition("@")[0])]
    return any(piece in squeezed for piece in pieces)


def _text_of(body: bytes) -> str:
    return "\n".join(str(message.get("content") or "") for message in json.loads(body)["messages"])


def _squeezed(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(
        str(unicodedata.decimal(char)) if char.isdecimal() else char for char in folded if char.isalnum()
    )


async def _look_elsewhere(section: Section, talks: Talks, canaries: list[Canary]) -> None:
    stage, of = talks.ground.stage, f"{len(canaries):,} canaries in all their spellings"
    needles = await asyncio.to_thread(_needles, talks, canaries)
    stores, found = stage.stores.engines, set[str]()
    async for name, data in tables(stores.migration_database_url):
        if hits := await asyncio.to_thread(needles.found, in_bytes(data)):
            found |= hits
            section.notes.append(f"In {name}: {', '.join(sorted(hits)[:3])}.")
    section.none("values in clear in any table", len(found), of)
    await _look_behind_seals(section, talks, canaries)
    keys = [data async for _, data in redis_keys(stores)]
    section.none("values in Redis", len(needles.found(b"\n".join(keys))), f"{len(keys):,} keys")
    log = stage.fleet.log_of(talks.ground.replica).encode()
    section.none("values in the log", len(needles.found(log)), f"{len(log):,} bytes at level debug")
    metrics, export = await _over_http(talks)
    section.none("values in the metrics", len(needles.found(metrics)), f"{len(metrics):,} bytes")
    section.none("values in another person's export", len(needles.found(export)), f"{len(export):,} bytes")
    decision = "adr/0028-a-trace-leaves-by-one-exporter.md"
    section.notes.append(f"Traces are off here; [what they hold]({decision}) has tests of its own.")


async def _look_behind_seals(section: Section, talks: Talks, canaries: list[Canary]) -> None:
    """What the vaults and inputs hold also shows that this search finds what there is."""
    stage = talks.ground.stage
    plain = Needles((one.value.encode(), one.value) for one in canaries)
    kept: dict[tuple[str, str], list[bytes]] = {}
    url = stage.stores.engines.migration_database_url
    async for table, column, text in opened(stage.services, url, talks.tenant):
        kept.setdefault((table, column), []).append(text)
    held, belong = set[str](), set[str]()
    for place, texts in kept.items():
        hits = await asyncio.to_thread(plain.found, b"\n".join(texts))
        if place in RAW:
            belong |= hits
        elif hits:
            held |= hits
            section.notes.append(f"Sealed in {'.'.join(place)}: {len(hits)}, such as {min(hits)}.")
    of = f"{sum(map(len, kept.values())):,} sealed values opened"
    section.none("values in what is sealed, besides vaults and inputs", len(held), of)
    section.all("values found in sealed vaults and inputs, where they belong", len(belong), len(canaries), of)


async def _over_http(talks: Talks) -> tuple[bytes, bytes]:
    other = talks.ground.person("grace@example.com", talks.tenant.slug)
    await other.say("hi")
    address = f"http://127.0.0.1:{talks.ground.replica.port}"
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        metrics = await client.get("/metrics")
        export = await client.get("/api/v1/privacy/export", headers=other.headers)
    assert metrics.status_code == export.status_code == 200
    return metrics.content, export.content


def _needles(talks: Talks, canaries: list[Canary]) -> Needles:
    """Each value in all encodings, and each as it was written where that is promised to be masked."""
    named = [(form, f"{one.kind} {one.value}") for one in canaries for form in spellings(one.value)]
    for sent in talks.by_tag.values():
        if sent.way in PROMISED:
            for one, form in zip(sent.canaries, sent.written, strict=True):
                label = f"{one.kind} {sent.way} {one.value}"
                named += [(form.encode(), label), (json.dumps(form).strip('"').encode(), label)]
    return Needles(named)
