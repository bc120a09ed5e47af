"""Remembers what the demo shop was made to do, over restarts, and how often under each key."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desk.errors import KeyReused

_SHAPE = """
create table if not exists effects (
    number integer primary key,
    key text not null,
    kind text not null,
    request_sha text not null
);
create index if not exists effects_by_key on effects (key);
"""


@dataclass(frozen=True, slots=True)
class Effect:
    """Something the shop did once; numbers only grow."""

    number: int
    kind: str
    request_sha: str

    def body(self) -> dict[str, Any]:
        """What the shop answered."""
        return {"id": f"{self.kind[0].upper()}-{self.number:05d}", "kind": self.kind, "state": "open"}


class EffectStore:
    """Effects in a SQLite file. With `deduplicate` off it behaves like a shop that ignores the key."""

    def __init__(self, path: Path, *, deduplicate: bool = True) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.executescript(_SHAPE)
        self._lock = threading.Lock()
        self.deduplicate = deduplicate

    def perform(self, key: str, kind: str, request: dict[str, Any]) -> tuple[Effect, bool]:
        """Do it, or find that it was done: the effect, and whether it is an earlier one.

        Raises KeyReused when the key came with another request before.
        """
        sha = hashlib.sha256(json.dumps([kind, request], sort_keys=True).encode()).hexdigest()
        with self._lock:
            earlier = self._find(key) if self.deduplicate else []
            if not earlier:
                return self._record(key, kind, sha), False
        if earlier[0].request_sha != sha:
            raise KeyReused
        return earlier[0], True

    def find(self, key: str) -> list[Effect]:
        """What was done under the key, oldest first."""
        with self._lock:
            return self._find(key)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _find(self, key: str) -> list[Effect]:
        query = "select number, kind, request_sha from effects where key = ? order by number"
        return [Effect(*row) for row in self._connection.execute(query, (key,)).fetchall()]

    def _record(self, key: str, kind: str, sha: str) -> Effect:
        query = "insert into effects (key, kind, request_sha) values (?, ?, ?) returning number"
        [(number,)] = self._connection.execute(query, (key, kind, sha)).fetchall()
        return Effect(number, kind, sha)
