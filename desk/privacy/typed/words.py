"""A text as words and numbers, and for each the numbers that the tagger's features are mixed from."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from desk.privacy.names.words import fold, kind, shape_of

FEATURES: Final = 1 << 15


def _split(listed: str) -> tuple[str, ...]:
    return tuple(listed.split())


# Letters that touch digits are a part of a number or a code, never of a name.
_TOKEN = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d)?|[^\W\d_]+(?:['’][^\W\d_]+)*+(?!\w)|\w+|\n|[^\w\s]")
_RUN = re.compile(r"[^.]+")
# Words that say what a value near them is. What a word outside of them says is learned.
_CUES: Final = {
    "phone": "phone phones telephone mobile cell cellphone tel ph contact call text whatsapp sms dial reach",
    "address": "address addres adress live living lives moved ship shipped deliver delivered delivery",
    "street": "street road avenue lane house apartment apt city town state",
    "postcode": "zip zipcode postcode postal pincode",
    "account": "account acc acct ac savings checking transfer transferred balance routing bank debit",
    "password": "password passcode pasword passwd pwd otp pin pass code",
    "booking": "booking confirmation conformation reservation flight pnr itinerary",
    "document": "passport licence license certificate",
    "name": "name names named called surname",
    "order": "order orders item items invoice tracking ticket reference ref model serial product",
    "amount": "dollars dollar usd pounds euros rupees amount price percent pm am pcs pieces size",
    "number": "number numbers no num digits digit nr",
}
# Words beside a value that are never a part of it.
_NEVER: Final = frozenset(_split("phone address postcode account password booking document name order"))
_BETWEEN: Final = frozenset(
    _split(
        "and is are was be my the it its to from for please in on at of with or but so can i you this that"
    )
)
_CUE_OF: Final = {word: name for name, words in _CUES.items() for word in words.split()}
_NEAR: Final = (0, 1, 2, 3, 4, 4, 6, 6, 6, 9)  # how far a cue is, the farther the coarser
_SIZES: Final = (0, 1, 2, 3, 4, 5, 6, 6, 8, 8, 8, 8, 12, 12, 12, 12, 16)


class Known(NamedTuple):
    """What is known of a word wherever it stands: hashes, the cue that it is, and how it is written."""

    hashes: tuple[int, ...]  # of the word, its lists, its shape with them, its beginning and two endings
    cue: str
    written: str
    lists: str
    could_be: bool
    piece: str


class Words:
    """A text as words, digits and signs."""

    def __init__(self, text: str) -> None:
        """Its words in their order, with what is known of each."""
        self.places: list[tuple[int, int]] = []
        self.known: list[Known] = []
        for match in _TOKEN.finditer(text):
            self.places.append(match.span())
            self.known.append(_known(match.group()))

    @cached_property
    def hasty(self) -> bool:
        """Whether they are written without capitals and stops."""
        return not any(known.written in {"Xx", "."} for known in self.known)

    def tell_anything(self) -> bool:
        """Whether there is a number, or a word that is no everyday one; else nothing is anybody's."""
        return any(
            known.written == "0" or (known.written != "." and "c" not in known.lists) for known in self.known
        )

    def are_english(self) -> bool:
        """Whether the tagger was trained on such a text."""
        lowers = [known for known in self.known if known.written == "x"]
        if sum("c" in known.lists for known in lowers) >= _ENGLISH * len(lowers):
            return True
        return len(lowers) <= _FEW and not any(known.hashes[0] in _FOREIGN for known in self.known)

    def tell_a_day(self, run: Sequence[int]) -> bool:
        """Whether these words are numbers and months alone, with a month among them or beside them."""
        beside = self.known[max(0, run[0] - 2) : run[-1] + 3]
        if not any(known.hashes[0] in _MONTHS for known in beside):
            return False
        words = [self.known[at] for at in run]
        return all(known.written == "0" or known.hashes[0] in _MONTHS for known in words)

    def features(self) -> NDArray[np.uint32]:
        """Where in the weights to look: templates by words."""
        mixed = np.add.reduceat(self._columns()[_PARTS] * _FACTORS, _BEGINNINGS, axis=0, dtype=np.uint32)
        return (mixed + _SALT) >> np.uint32(32 - FEATURES.bit_length() + 1)

    def _columns(self) -> NDArray[np.uint32]:
        """The columns that `_TEMPLATES` name, each for all words."""
        size = len(self.known)
        base = np.zeros((_OF_WORD, size + 2 * _REACH), np.uint32)
        base[:, :_REACH], base[:, _REACH + size :] = 1, 2
        base.T[_REACH : _REACH + size] = [known.hashes for known in self.known]
        columns = np.empty((len(_COLUMNS), size), np.uint32)
        for place, (name, offset) in enumerate(_SHIFTED):
            columns[place] = base[name, _REACH + offset : _REACH + offset + size]
        cues = [known.cue for known in self.known]
        whole = len(_SHIFTED)
        columns[whole : whole + 2].T[:] = _nearest(cues)
        columns[whole + 2 : whole + 4].T[:] = _nearest(cues[::-1])[::-1]
        columns[whole + 4] = self._manner()
        columns[whole + 5] = [min(at, 3) * 4 + min(size - 1 - at, 3) + 1 for at in range(size)]
        columns[whole + 6] = _runs([known.piece for known in self.known])
        return columns

    def _manner(self) -> int:
        """How the whole is written: how long, and whether without capitals and stops, as in haste."""
        return _hash(f"{_SIZES[min(len(self.known), len(_SIZES) - 1)]} {self.hasty}")


def _runs(pieces: Sequence[str]) -> list[int]:
    """For each word, how the code that it may be a piece of is written, and which piece it is."""
    found = [_run_hash("", 0)] * len(pieces)
    for run in _RUN.finditer("".join(pieces)):
        written = run.group()[:7]
        for place in range(*run.span()):
            found[place] = _run_hash(written, min(place - run.start(), 6))
    return found


@lru_cache(maxsize=4096)
def _run_hash(written: str, place: int) -> int:
    return _hash(f"run {written} {place}")


def _nearest(cues: Sequence[str]) -> list[tuple[int, int]]:
    """For each word, the last cue before it: which one, and which one how far."""
    found: list[tuple[int, int]] = []
    cue, far = "", 0
    for own in cues:
        found.append(_cue_hashes(cue, _NEAR[min(far, len(_NEAR) - 1)]))
        cue, far = (own, 1) if own else (cue, far + 1)
    return found


@lru_cache(maxsize=1024)
def _cue_hashes(cue: str, near: int) -> tuple[int, int]:
    return _hash(f"cue {cue}"), _hash(f"cue {cue} {near if cue else ''}")


@lru_cache(maxsize=16_384)
def _known(word: str) -> Known:
    shape, folded = shape_of(word), fold(word)
    lists = "."
    if shape == "0":
        digits = folded if folded.isdecimal() else re.sub(r"\d", "0", folded)
        looks = f"0 {min(len(digits), 12)}" if folded.isdecimal() else re.sub(r"[a-z]+", "a", digits)[:8]
        parts = (looks, looks, looks, f"{digits[:2]} {len(digits)}", digits[-3:], looks)
    elif shape == ".":
        parts = (folded,) * 6
    else:
        lists = kind(folded) if len(folded) > 1 else "1"
        parts = (folded, lists, f"{shape} {lists}", folded[:3], folded[-3:], folded[-2:])
    cue = _CUE_OF.get(folded, "")
    is_a_day = len(word) > 1 and "-" in word
    could_be = cue not in _NEVER and folded not in _BETWEEN and not is_a_day
    hashes = tuple(map(_hash, parts))
    return Known(hashes, cue, shape, lists, could_be, _piece(folded, shape, lists))


def _piece(folded: str, shape: str, lists: str) -> str:
    """As what it may stand in a code that is typed in pieces, such as `e 3 l 1`; a dot if it may not."""
    if shape == "0":
        return ("0" if folded.isdecimal() else "m") if len(folded) <= 6 else "."
    if shape == "." or len(folded) > 4 or (len(folded) > 1 and "c" in lists):
        return "."
    return "a" if len(folded) == 1 else "b"


def _hash(text: str) -> int:
    return zlib.crc32(text.encode())


# Below this share of everyday words a text is another language, unless it is but a few names.
_ENGLISH, _FEW = 0.6, 12
_FOREIGN: Final = frozenset(
    map(
        _hash,
        _split(
            "und ist ich heisse nicht ein eine mein meine meiner wo wie wann kann mit auf fur von zu bitte "
            "danke hallo une je mon mes comment quand pas avec vous bonjour merci sur que qui "
            "mis cuando como donde por para quiero hola gracias esta pedido gli che non mio dove quando "
            "ciao grazie sono vorrei della het een ik niet mijn waar hoe wanneer kan bedankt wil voor uma "
            "meu minha onde nao eu ola obrigado obrigada favor"
        ),
    )
)
_MONTHS: Final = frozenset(
    map(
        _hash,
        _split(
            "january february march april may june july august september october november december "
            "jan feb mar apr jun jul aug sep sept oct nov dec"
        ),
    )
)
_REACH = 3
_OF_WORD = 6
_SHIFTED: Final = (
    *((0, offset) for offset in (-3, -2, -1, 0, 1, 2, 3)),
    *((1, offset) for offset in (-3, -2, -1, 0, 1, 2, 3)),
    *((2, offset) for offset in (-1, 0, 1)),
    *((name, 0) for name in (3, 4, 5)),
)
_COLUMNS: Final = _split(
    "w-3 w-2 w-1 w w+1 w+2 w+3 k-3 k-2 k-1 k k+1 k+2 k+3 s-1 s s+1 begins ends ending cue cue_near "
    "next next_near manner place run"
)
_TEMPLATES: Final = _split(
    "w k s begins ends ending w-1 w+1 w-2 w+2 w-3,k w+3,k w-1,k w+1,k w-2,w-1 w+1,w+2 w-2,w-1,k w,w-1 "
    "w,w+1 w-1,s w+1,s w-1,w+1 k-1,k,k+1 s-1,s s,s+1 k-2,k-1,k,k+1,k+2 k-3,k-2,k-1,k k,k+1,k+2,k+3 "
    "cue,k cue_near,k cue_near,w-1 cue_near,w next,k next_near,k cue,next,k manner,k manner,s,place "
    "place,k cue,k-1,k,k+1 begins,manner w-1,w-2,w-3 cue,ends run run,cue run,w-1"
)


# The columns of all templates one after the other, a factor for each, and where each template begins.
_NAMED: Final = [(template, name) for template in _TEMPLATES for name in template.split(",")]
_PARTS: Final = [_COLUMNS.index(name) for _, name in _NAMED]
_FACTORS: Final = np.array([[_hash(f"{template} of {name}") | 1] for template, name in _NAMED], np.uint32)
_BEGINNINGS: Final = np.cumsum([0, *(len(template.split(",")) for template in _TEMPLATES[:-1])])
_SALT: Final = np.array([[_hash(template)] for template in _TEMPLATES], np.uint32)
