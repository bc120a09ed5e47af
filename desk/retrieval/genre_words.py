"""Words of seven languages for the same genre, so that "Krimi" and "sci-fi" find what a catalogue has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from unicodedata import combining, normalize

# Small letters, with a space where an apostrophe or hyphen stands; lines with the same first word are one. A
# catalogue has one or two of a line, and a customer may say any, with accents or without.
_SAME: Final = """
science fiction, sci fi, scifi, sf, ciencia ficción, fantascienza, ficção científica, sciencefiction
mystery, mysteries, crime, crime fiction, detective, whodunit, krimi, krimis, kriminalroman
mystery, kriminalromane, policier
mystery, policiers, roman policier, romans policiers, polar, polars, misterio, policíaca, novela negra
mystery, novelas policíacas
mystery, giallo, gialli, detectiveroman, misdaad, misdaadroman, romance policial, policial, policiais
thriller, thrillers, suspense
romance, romances, love story, love stories, liebesroman, liebesromane, roman d amour, romans d amour
romance, romántica
romance, novela romántica, romanzo d amore, romanzi d amore, liefdesroman, romantiek
fantasy, fantastique, fantasia, fantastico, fantastica
horror, horrorroman, épouvante, terror, terrore, orrore
history, geschichte, histoire, historia, storia, geschiedenis
historical fiction, historischer roman, historische romane, roman historique, romans historiques
historical fiction, novela histórica
historical fiction, romanzo storico, romanzi storici, historische roman, romance histórico
children, childrens, kids, kinderbuch, kinderbücher, kinder, enfants, jeunesse, infantil, niños
children, bambini, ragazzi
children, kinderboek, kinderboeken, kinderen, crianças
young adult, ya, teen, teens, teenager, teenagers, jugendbuch, jugendbücher, juvenil, adolescents
young adult, jugend
classics, classic, klassiker, classiques, clásicos, classici, klassiekers, clássicos
philosophy, philosophie, filosofia, filosofie
poetry, poems, lyrik, gedichte, poesie, poesia, poezie, gedichten
biography, biographies, biographie, biografie, biografía, biografien, biografias, memoir, memoirs
humour, humor, funny, comedy, lustig, drôle, gracioso, divertente, grappig, engraçado
science, naturwissenschaft, popular science, ciencia, scienza, wetenschap
nonfiction, non fiction, sachbuch, sachbücher, documentaire, ensayo, saggistica, saggi, non fictie
travel, reise, reisen, voyage, voyages, viajes, viaggi, reizen, viagens
cooking, cookbook, cookbooks, kochbuch, kochbücher, cuisine, cocina, cucina, koken, kookboek, culinária
adventure, adventures, abenteuer, aventure, aventures, aventuras, avventura, avontuur, aventura
"""
_MOST_WORDS: Final = 3
# Of these a book may be though it stands on no shelf of that name.
_MOODS: Final = frozenset(
    (
        *("adventure", "children", "classics", "humour", "nonfiction"),
        *("science", "thriller", "travel", "young adult"),
    )
)


def _by_first() -> dict[str, set[str]]:
    by_first: dict[str, set[str]] = {}
    for line in _SAME.strip().splitlines():
        names = [name.strip() for name in line.split(",")]
        by_first.setdefault(names[0], set()).update(names, map(_bare, names), map(_spelled_out, names))
    return by_first


def _bare(name: str) -> str:
    """Without accents."""
    return "".join(one for one in normalize("NFKD", name) if not combining(one))


def _spelled_out(name: str) -> str:
    return name.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")


_GROUPS: Final = {name: frozenset(same) for same in _by_first().values() for name in same}
_SHELVES: Final = frozenset(
    name for first, same in _by_first().items() if first not in _MOODS for name in same
)


def as_others_say(phrases: Iterable[str]) -> set[str]:
    """What else the genres among some phrases are called; nothing for all that is no genre."""
    short = (phrase for phrase in phrases if phrase.count(" ") < _MOST_WORDS)
    return set().union(*(_GROUPS.get(phrase, ()) for phrase in short))


def name_a_shelf(phrases: Iterable[str]) -> bool:
    """Whether some phrases name a kind of book that a shop has shelves of, or has none: "cookbook"."""
    return not _SHELVES.isdisjoint(phrases)
