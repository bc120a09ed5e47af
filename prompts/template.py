"""Fills `{{variable}}` places in a text, and takes in others at `{{> name@version}}`; nothing more."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from desk.errors import InvalidInput

# A text that takes in one other a thousand times, or asks for one value a thousand times, is no prompt.
LONGEST: Final = 60_000
MOST_PLACES: Final = 50

_PLACE = re.compile(r"\{\{([a-z][a-z0-9_]*)\}\}")
_TAKEN_IN = re.compile(r"\{\{>\s*([a-z][a-z0-9_]*)@([1-9][0-9]{0,8})\s*\}\}")
_BEGINS = re.compile(r"\{\{\s*>")


def take_in(text: str, find: Callable[[str, int], str | None], *, where: str) -> str:
    """The text with the texts of the named versions in place of `{{> name@version}}`.

    A version is named, as the whole must never change; what is taken in takes in nothing. Raises InvalidInput
    naming `where`, also for a whole that is too long.
    """
    length = len(text)

    def replaced(place: re.Match[str]) -> str:
        nonlocal length
        found = find(place[1], int(place[2]))
        if found is None:
            raise InvalidInput(f"{where} takes in {place[1]}@{place[2]}, which there is not.")
        if _BEGINS.search(found):
            raise InvalidInput(f"{where} takes in {place[1]}@{place[2]}, which takes in others itself.")
        length += len(found)
        if length > LONGEST:
            raise InvalidInput(f"{where} has over {LONGEST} characters with what it takes in.")
        return found

    whole = _TAKEN_IN.sub(replaced, text)
    if _BEGINS.search(whole):
        raise InvalidInput(f"{where}: write {{{{> name@version}}}} to take in another text.")
    return whole


def variables_of(text: str) -> frozenset[str]:
    """Names of the variables that the text holds; raises InvalidInput for more than MOST_PLACES of them."""
    found = _PLACE.findall(text)
    if len(found) > MOST_PLACES:
        raise InvalidInput(f"A text has at most {MOST_PLACES} places for variables.")
    return frozenset(found)


def fill(text: str, values: Mapping[str, str], *, where: str) -> str:
    """The text with every variable replaced, in one pass: a value that looks like a place stays as it is.

    Raises InvalidInput naming `where` when a variable is missing or unknown.
    """
    wanted = variables_of(text)
    missing, unknown = sorted(wanted - values.keys()), sorted(values.keys() - wanted)
    if missing:
        raise InvalidInput(f"{where} needs a value for: {', '.join(missing)}.")
    if unknown:
        raise InvalidInput(f"{where} has no variable named: {', '.join(unknown)}.")
    return _PLACE.sub(lambda place: values[place[1]], text)
