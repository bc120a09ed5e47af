"""Tokens: bad ones of an identity provider and of the built-in issuer, at every door; keys that nobody has.

Every token is right but for one thing: its algorithm, key, type, issuer, audience, time, a claim, its form.
Each is tried as a bearer, as the session cookie, in the socket's first message, in its handshake, for a
stream of events and as a link that works once; good ones are let in there, or else this would prove nothing.
As a bearer every one must get the very answer of a missing one. Then keys are asked for that nobody has.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from desk.embedded import Engines
from server.identity.jwks import PAUSE_SECONDS
from tests.measured.figures import Say, Section
from tests.server.identity.bad_tokens import maker_of, own_maker
from tests.server.identity.conftest import believing, other_key_server
from tests.server.identity.corpora import OWN_USES, external_corpus, own_corpus, session_corpus
from tests.server.identity.floods import fetches_in_a_flood
from tests.server.identity.trying import (
    Corpus,
    bearers_let_in,
    cookie,
    header,
    says_socket,
    sessions_let_in,
    shakes_hands,
    sockets_let_in,
    streams_and_links_let_in,
)
from tests.server.replicas import Replica
from tests.servers.key_server import KeyServer, key_server

GOAL_TOKENS = 150
FLOOD = 500
_LET_IN = 422  # the socket says so of a first message that is none


async def measure(stores: Engines, home: Path, say: Say) -> Section:
    """P9."""
    section = Section.of("P9", "No bad token is let in", __doc__)
    with section.timed():
        async with (
            key_server() as provider,
            other_key_server() as other,
            believing(stores, home, provider, other) as place,
            httpx.AsyncClient(base_url=place.url, timeout=60) as nobody,
        ):
            corpora = {
                "external": external_corpus(provider, other),
                "own": own_corpus(own_maker(place.issuer), provider.url, OWN_USES),
            }
            doors = "bearer, socket, handshake; cookie"
            section.all("good tokens let in", *await _good_let_in(place, nobody, provider), doors)
            began, before = time.monotonic(), provider.fetches
            await _try_all(section, place, nobody, corpora, say)
            seconds, fetches = time.monotonic() - began, provider.fetches - before
        allowed = 1 + int(seconds / PAUSE_SECONDS)
        beyond = max(0, fetches - allowed)
        section.none("fetches of keys beyond one in 30 s, meanwhile", beyond, f"{fetches} in {seconds:.0f} s")
        async with key_server() as provider:
            first, within, later = await fetches_in_a_flood(provider, FLOOD)
        of = f"{2 * FLOOD:,} unknown keys in 30 s, by a clock that the proof moves"
        section.at_most("fetches of keys in 30 s of a flood", first + within, 1, "", of)
        section.at_most("fetches in the next 30 s", later, 1, "", f"{FLOOD} unknown keys")
    return section


async def _good_let_in(place: Replica, nobody: httpx.AsyncClient, provider: KeyServer) -> tuple[int, int]:
    """How many good tokens were let in, of how many."""
    found = []
    for token in (maker_of(provider).good(), own_maker(place.issuer).good()):
        found.append((await nobody.get("/api/v1/me", headers=header(token))).status_code == 200)
        found.append(await says_socket(place, token) == _LET_IN)
        found.append(await shakes_hands(place, token))
    session = own_maker(place.issuer, "session+jwt").good()
    found.append((await nobody.get("/api/v1/me", headers=cookie(session))).status_code == 200)
    return sum(found), len(found)


async def _try_all(
    section: Section, place: Replica, nobody: httpx.AsyncClient, corpora: Mapping[str, Corpus], say: Say
) -> None:
    """Every corpus at every door; a figure for each door."""
    sessions = {**corpora, "sessions": session_corpus(place.issuer)}
    tried = {"bearer": 0, "session cookie": 0, "socket": 0, "stream of events, link": 0}
    found: dict[str, dict[str, object]] = {door: {} for door in tried}
    for name, corpus in sessions.items():
        say(f"{name}: {len(corpus)} bad tokens")
        found["session cookie"] |= await sessions_let_in(nobody, corpus)
        tried["session cookie"] += len(corpus)
        nobody.cookies.clear()
    for corpus in corpora.values():
        found["bearer"] |= await bearers_let_in(nobody, corpus)
        found["socket"] |= await sockets_let_in(place, corpus)
        found["stream of events, link"] |= await streams_and_links_let_in(nobody, corpus)
        for door in ("bearer", "socket", "stream of events, link"):
            tried[door] += len(corpus)
    kinds = min(len(corpus) for corpus in sessions.values())
    section.at_least("bad tokens of each kind", kinds, GOAL_TOKENS, f"{len(sessions)} kinds")
    for door, count in tried.items():
        section.none(f"let in, or told apart: {door}", len(found[door]), f"{count:,} bad tokens")
        section.notes += [f"{door}: {name}" for name in found[door]][:5]
