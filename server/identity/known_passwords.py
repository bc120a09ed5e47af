"""Known passwords: those that many have chosen, and words and names with a few signs around them."""

from __future__ import annotations

import runpy
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Shorter words are left out of the list: what is left of a password without its edges is seldom chance.
_SHORTEST = 5
_MOST_AT_EDGES = 6
_EDGES: Final = "0123456789 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_STAND_INS: Final = str.maketrans("@0134579$!", "aoieastgsi")


def is_known(password: str) -> bool:
    """Whether it is listed, or is once digits and signs at its edges, or in place of letters, are taken off.

    Also a known piece again and again. What is listed is 90,000 passwords, words and names that the package
    zxcvbn ranks, some 13,000 of which have ten letters or more. The first call takes some 50 ms.
    """
    return any(_is_listed(form) for form in _forms(password.casefold()))


def _forms(password: str) -> set[str]:
    bare = password.strip(_EDGES)
    found = {password, _piece(password)}
    if len(password) - len(bare) <= _MOST_AT_EDGES:
        found |= {bare, _piece(bare)}
    return found | {form.translate(_STAND_INS) for form in found}


def _piece(text: str) -> str:
    """What the text is made of, again and again; the text itself when it is not."""
    return text[: (text + text).find(text, 1)] if text else text


def _is_listed(text: str) -> bool:
    known = _listed()
    place = int(np.searchsorted(known, hash(text)))
    return place < len(known) and int(known[place]) == hash(text)


@cache
def _listed() -> NDArray[np.int64]:
    """Hashes of this process, sorted: 0.7 MB, where the words would take ten times as much.

    The list is read as the file that it is: importing the package would keep several copies of it.
    """
    package = find_spec("zxcvbn")
    assert package is not None, "zxcvbn is installed with the application"
    assert package.origin is not None, "zxcvbn is a package of files"
    lists = runpy.run_path(str(Path(package.origin).with_name("frequency_lists.py")))["FREQUENCY_LISTS"]
    words = {word for ranked in lists.values() for word in ranked if len(word) >= _SHORTEST}
    return np.sort(np.fromiter(map(hash, words), np.int64, len(words)))
