"""Fills `{{variable}}` places in a text; nothing else is a template language here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from desk.errors import InvalidInput

_PLACE = re.compile(r"\{\{([a-z][a-z0-9_]*)\}\}")


def variables_of(text: str) -> frozenset[str]:
    """Names of the variables that the text holds."""
    return frozenset(_PLACE.findall(text))


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
