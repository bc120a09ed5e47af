"""Words of seven languages for the same genre, so that "Krimi" and "sci-fi" find what a catalogue has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from desk.routing.person import plain

# As `plain` spells them; lines with the same first word are one. A catalogue has one or two of a line, and a
# customer may say any.
_SAME: Final = """
science fiction, sci fi, scifi, sf, ciencia ficcion, fantascienza, ficcao cientifica, sciencefiction
mystery, mysteries, crime, crime fiction, detective, whodunit, krimi, krimis, kriminalroman
mystery, kriminalromane, policier
mystery, policiers, roman policier, romans policiers, polar, polars, misterio, policiaca, novela negra
mystery, novelas policiacas
mystery, giallo, gialli, detectiveroman, misdaad, misdaadroman, romance policial, policial, policiais
thriller, thrillers, suspense
romance, romances, love story, love stories, liebesroman, liebesromane, roman d amour, romans d amour
romance, romantica
romance, novela romantica, romanzo d amore, romanzi d amore, liefdesroman, romantiek
fantasy, fantastique, fantasia, fantastico, fantastica
horror, horrorroman, epouvante, terror, terrore, orrore
history, geschichte, histoire, historia, storia, geschiedenis
historical fiction, historischer roman, historische romane, roman historique, romans historiques
historical fiction, novela historica
historical fiction, romanzo storico, romanzi storici, historische roman, romance historico
children, childrens, kids, kinderbuch, kinderbuecher, kinder, enfants, jeunesse, infantil, ninos
children, bambini, ragazzi
children, kinderboek, kinderboeken, kinderen, criancas
young adult, ya, teen, teens, teenager, teenagers, jugendbuch, jugendbuecher, juvenil, adolescents
young adult, jugend
classics, classic, klassiker, classiques, clasicos, classici, klassiekers, classicos
philosophy, philosophie, filosofia, filosofie
poetry, poems, lyrik, gedichte, poesie, poesia, poezie, gedichten
biography, biographies, biographie, biografie, biografia, biografien, biografias, memoir, memoirs
humour, humor, funny, comedy, lustig, drole, gracioso, divertente, grappig, engracado
science, naturwissenschaft, popular science, ciencia, scienza, wetenschap
nonfiction, non fiction, sachbuch, sachbuecher, documentaire, ensayo, saggistica, saggi, non fictie
travel, reise, reisen, voyage, voyages, viajes, viaggi, reizen, viagens
cooking, cookbook, cookbooks, kochbuch, kochbuecher, cuisine, cocina, cucina, koken, kookboek, culinaria
adventure, adventures, abenteuer, aventure, aventures, aventuras, avventura, avontuur, aventura
"""
_MOST_WORDS: Final = 3


def _groups() -> dict[str, frozenset[str]]:
    by_first: dict[str, set[str]] = {}
    for line in _SAME.strip().splitlines():
        names = [name.strip() for name in line.split(",")]
        by_first.setdefault(names[0], set()).update(names)
    return {name: frozenset(same) for same in by_first.values() for name in same}


_GROUPS: Final = _groups()


def as_others_say(phrases: Iterable[str]) -> set[str]:
    """What else the genres among some phrases are called; nothing for all that is no genre."""
    short = (phrase for phrase in phrases if phrase.count(" ") < _MOST_WORDS)
    return set().union(*(_GROUPS.get(plain(phrase), ()) for phrase in short))
