"""Who owns a home's engines: one lock, and a record by which other processes find them."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from desk.errors import Misconfigured

WAIT_SECONDS = 90.0  # longer than the slowest start of an owner


@dataclass(frozen=True, slots=True)
class Record:
    """What the owner runs, None for an engine it does not run; `database_urls` are (app, owner of tables)."""

    owner_pid: int
    database_urls: tuple[str, str] | None
    redis_url: str | None


def take_or_find(run: Path, *, seconds: float = WAIT_SECONDS) -> int | Record:
    """The lock's descriptor if it was free, else the record of the live owner.

    Waits while an owner starts, or while the engines of a killed one shut down (they hold the lock too).
    Raises Misconfigured after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        taken = _take(run)
        if taken is not None:
            (run / "engines.json").unlink(missing_ok=True)
            return taken
        record = _read(run)
        if record is not None and _alive(record.owner_pid):
            return record
        if time.monotonic() > deadline:
            raise Misconfigured(
                f"Another process holds {run / 'owner.lock'} and its engines did not get ready in "
                f"{seconds:.0f} s; stop it, or set DESK_HOME to another folder."
            )
        time.sleep(0.02)


@contextmanager
def published(run: Path, record: Record) -> Iterator[None]:
    """Keep the record readable for other processes of this user for the life of the context."""
    path = run / "engines.json"
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(asdict(record)))
    unfinished.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _take(run: Path) -> int | None:
    descriptor = os.open(run / "owner.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _read(run: Path) -> Record | None:
    try:
        found = json.loads((run / "engines.json").read_text())
    except FileNotFoundError:
        return None
    urls = found["database_urls"]
    return Record(found["owner_pid"], (urls[0], urls[1]) if urls else None, found["redis_url"])


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"  # ended, though its parent has not asked for its exit code yet
