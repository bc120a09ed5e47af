"""What a check says of each spelling in one text, asked once: hostile text says one thing often."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


class Verdicts(dict[str, _T]):
    """The check's answers by spelling; made for one text and forgotten with it."""

    def __init__(self, check: Callable[[str], _T]) -> None:
        super().__init__()
        self._check = check

    def __missing__(self, spelling: str) -> _T:
        self[spelling] = verdict = self._check(spelling)
        return verdict
