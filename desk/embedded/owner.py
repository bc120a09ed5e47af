"""Who owns a home's engines: one lock, a record by which others find them, and who still uses them."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
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


@dataclass(frozen=True, slots=True)
class Guest:
    """A process that uses the engines of `host`, which waits as long as `lock` is held."""

    host: Record
    lock: int


def take_or_find(run: Path, *, seconds: float = WAIT_SECONDS) -> int | Guest:
    """The lock's descriptor if it was free, else a place beside the live owner.

    Waits while an owner starts, or while the engines of a killed one shut down (they hold the lock too).
    Raises Misconfigured after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        taken = _lock(run / "owner.lock", fcntl.LOCK_EX)
        if taken is not None:
            (run / "engines.json").unlink(missing_ok=True)
            return taken
        guest = _join(run)
        if guest is not None:
            return guest
        if time.monotonic() > deadline:
            raise Misconfigured(
                f"Another process holds {run / 'owner.lock'} and its engines did not get ready in "
                f"{seconds:.0f} s; stop it, or set DESK_HOME to another folder."
            )
        time.sleep(0.02)


def find(run: Path) -> Record | None:
    """The record of the live owner, if there is one."""
    record = _read(run)
    return record if record is not None and _alive(record.owner_pid) else None


@contextmanager
def published(run: Path, record: Record, *, wait: Callable[[str], None] | None = None) -> Iterator[None]:
    """Keep the record readable for other processes of this user for the life of the context.

    With `wait`, which is told why, it ends once the last guest has gone; Ctrl-C waits for nobody.
    """
    path = run / "engines.json"
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(asdict(record)))
    unfinished.replace(path)
    try:
        yield
    except KeyboardInterrupt:
        wait = None
        raise
    finally:
        with _without_guests(run, wait) if wait else nullcontext():
            path.unlink(missing_ok=True)


@contextmanager
def _without_guests(run: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Wait until nobody else uses the engines; nobody can begin to during the context."""
    closed = _lock(run / "guests.lock", fcntl.LOCK_EX)
    if closed is None:
        say("Done; another Deskgraph command still uses the stores of this home, so they run until it ends.")
    while closed is None:
        time.sleep(0.05)
        closed = _lock(run / "guests.lock", fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(closed)


def _join(run: Path) -> Guest | None:
    """A place beside the live owner; None where there is none, or where it is about to stop."""
    lock = _lock(run / "guests.lock", fcntl.LOCK_SH)
    if lock is None:
        return None
    record = find(run)  # read under the lock, as an owner takes it away only while nobody holds that
    if record is None:
        os.close(lock)
        return None
    return Guest(record, lock)


def _lock(path: Path, how: int) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
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
