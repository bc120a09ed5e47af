"""What changed between two texts, as a unified diff, in a time that nobody's choice of lines makes long."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher
from typing import Any

from typing_extensions import override

_Place = tuple[int, int]


def unified(old: str, new: str, names: tuple[str, str]) -> str:
    """The diff, empty when the texts are equal."""
    before, after = old.splitlines(), new.splitlines()
    told: list[str] = []
    for group in _Anchored(before, after).get_grouped_opcodes():
        told += [_head(group), *_lines(group, before, after)]
    return "\n".join([f"--- {names[0]}", f"+++ {names[1]}", *told] if told else [])


class _Anchored(SequenceMatcher[str]):
    """Matches by lines that stand once in each text, and what is equal beside them.

    The search of the library takes minutes for a few thousand lines that are chosen well.
    """

    def __init__(self, before: Sequence[str], after: Sequence[str]) -> None:
        super().__init__(None, before, after)
        self._texts = before, after

    @override
    def get_matching_blocks(self) -> list[Match]:
        blocks: list[Match] = []
        before, after = self._texts
        for i, j in _kept(before, after):
            begin = blocks[-1] if blocks else Match(0, 0, 0)
            if (i, j) == (begin.a + begin.size, begin.b + begin.size) and blocks:
                blocks[-1] = begin._replace(size=begin.size + 1)
            else:
                blocks.append(Match(i, j, 1))
        return [*blocks, Match(len(before), len(after), 0)]


def _kept(before: Sequence[str], after: Sequence[str]) -> Iterator[_Place]:
    """Where the lines stand that are in both, in order."""
    i = j = 0
    for p, q in [*_anchors(before, after), (len(before), len(after))]:
        while i < p and j < q and before[i] == after[j]:
            yield i, j
            i, j = i + 1, j + 1
        back = 0
        while back < min(p - i, q - j) and before[p - 1 - back] == after[q - 1 - back]:
            back += 1
        yield from ((p - left, q - left) for left in range(back, 0, -1))
        i, j = p, q


def _anchors(before: Sequence[str], after: Sequence[str]) -> list[_Place]:
    """Where lines stand that are once in each text: as many as have kept their order."""
    times, times_after = Counter(before), Counter(after)
    place = {line: j for j, line in enumerate(after) if times[line] == times_after[line] == 1}
    ends: list[int] = []  # of the chains of each length, the one that ends first
    chains: list[Any] = []
    for i, line in enumerate(before):
        if line in place:
            j = place[line]
            length = bisect_left(ends, j)
            ends[length : length + 1] = [j]
            chains[length : length + 1] = [(chains[length - 1] if length else None, (i, j))]
    found: list[_Place] = []
    chain = chains[-1] if chains else None
    while chain is not None:
        chain, at = chain
        found.append(at)
    return found[::-1]


def _head(group: Sequence[Any]) -> str:
    (_, i1, _, j1, _), (_, _, i2, _, j2) = group[0], group[-1]
    return f"@@ -{_span(i1, i2)} +{_span(j1, j2)} @@"


def _span(start: int, stop: int) -> str:
    """Lines as a diff counts them: from 1, and with the line before where there are none."""
    length = stop - start
    return f"{start + 1}" if length == 1 else f"{start + bool(length)},{length}"


def _lines(group: Sequence[Any], before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    for tag, i1, i2, j1, j2 in group:
        if tag == "equal":
            yield from (f" {line}" for line in before[i1:i2])
        else:
            yield from (f"-{line}" for line in before[i1:i2])
            yield from (f"+{line}" for line in after[j1:j2])
