"""The storekeeper: a process that runs Postgres and Redis in a home, and stops and starts either on request.

`python -m tests.chaos.storekeeper HOME` says the stores' addresses in JSON, then reads lines such as
`stop postgres` and `start redis`; it says `{"done": LINE}` after each. The stores end with it.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import orjson

from desk.embedded import folders, owner
from desk.embedded import postgres as pg
from desk.embedded import redis as rd


def _quiet(_line: str) -> None:
    pass


class Storekeeper:
    """Both stores of one home, each in a context that can be left and entered again."""

    def __init__(self, home: Path) -> None:
        lock = owner.take_or_find(folders.run_folder(home))
        assert isinstance(lock, int), "the home is this process's own"
        self._lock = lock
        self._place = folders.prepare(home)
        self._open: dict[str, ExitStack] = {}

    def addresses(self) -> dict[str, Any]:
        """What `desk.embedded.Engines` holds, and where Postgres notes its process."""
        return {
            "database_url": pg.url(self._place.sockets, pg.APP),
            "migration_database_url": pg.url(self._place.sockets, pg.OWNER),
            "redis_url": rd.url(self._place.sockets),
            "pid_file": str(self._place.engines / "postgres" / "postmaster.pid"),
        }

    def start(self, name: str) -> None:
        """Start a store, and return when it answers."""
        stack = ExitStack()
        stack.enter_context(self._context(name))
        self._open[name] = stack

    def stop(self, name: str) -> None:
        """Stop a store, and return when it has ended."""
        self._open.pop(name).close()

    def close(self) -> None:
        """Stop what runs."""
        for name in list(self._open):
            self.stop(name)
        os.close(self._lock)

    def _context(self, name: str) -> AbstractContextManager[object]:
        if name == "redis":
            return rd.redis(self._place, keep=self._lock, say=_quiet)
        return pg.postgres(self._place, keep=self._lock, say=_quiet)


def _say(what: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(what) + b"\n")
    sys.stdout.flush()


def _serve(home: Path) -> None:
    keeper = Storekeeper(home)
    try:
        keeper.start("redis")
        keeper.start("postgres")
        _say(keeper.addresses())
        for line in sys.stdin:
            act, name = line.split()
            (keeper.start if act == "start" else keeper.stop)(name)
            _say({"done": line.strip()})
    finally:
        keeper.close()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
