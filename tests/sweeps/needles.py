"""Needles: thousands of byte strings looked for at once in much data, by their first eight bytes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

_HEAD = 8
_BLOCK = 1 << 22


class Needles:
    """Byte strings of at least eight bytes, each standing for a name."""

    def __init__(self, named: Iterable[tuple[bytes, str]]) -> None:
        self._by_head: dict[int, list[tuple[bytes, str]]] = {}
        for needle, name in named:
            if len(needle) >= _HEAD:
                self._by_head.setdefault(_number(needle), []).append((needle, name))
        self._heads = np.array(sorted(self._by_head), dtype=np.uint64)

    def found(self, data: bytes) -> set[str]:
        """The names of those that stand in the data."""
        names: set[str] = set()
        for start in range(0, len(data), _BLOCK):
            block = data[start : start + _BLOCK + _HEAD - 1]
            for shift in range(min(_HEAD, len(block))):
                names |= self._at(data, start + shift, block[shift:])
        return names

    def _at(self, data: bytes, start: int, block: bytes) -> set[str]:
        words = np.frombuffer(block[: len(block) // _HEAD * _HEAD], dtype="<u8")
        places = np.searchsorted(self._heads, words)
        places[places == len(self._heads)] = 0
        hits = np.flatnonzero(self._heads[places] == words)
        return {
            name
            for hit in hits.tolist()
            for needle, name in self._by_head[int(words[hit])]
            if data.startswith(needle, start + hit * _HEAD)
        }


def _number(needle: bytes) -> int:
    return int.from_bytes(needle[:_HEAD], "little")
