"""Engine processes: direct children that die with this process and are stopped with a deadline."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from desk.errors import Misconfigured

PR_SET_PDEATHSIG = 1
# Nothing of our own environment reaches an engine: not a locale that is not installed, not a PG* variable.
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Account:
    """The system user an engine runs as; `switch` is true if that is not this process's own user."""

    uid: int
    gid: int
    name: str
    switch: bool


def run(account: Account, command: Sequence[str | Path], *, stdin: str = "", seconds: float = 120) -> None:
    """Run a short program to its end. Raises CalledProcessError, whose `stdout` holds both streams."""
    subprocess.run(  # noqa: S603 - our own program and arguments
        [os.fspath(part) for part in command],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=True,
        timeout=seconds,
        cwd="/",
        env=ENVIRONMENT,
        preexec_fn=die_with_parent(signal.SIGKILL),
        user=account.uid if account.switch else None,
        group=account.gid if account.switch else None,
        extra_groups=[] if account.switch else None,
    )


def spawn(
    account: Account, command: Sequence[str | Path], *, log: Path, keep: int, death: signal.Signals
) -> subprocess.Popen[bytes]:
    """Start an engine in a session of its own; it gets `death` when this process ends, even by kill -9.

    `keep` is a file descriptor the engine holds open: the home's lock stays taken while any engine lives.
    """
    with log.open("ab") as stream:
        return subprocess.Popen(  # noqa: S603 - our own program and arguments
            [os.fspath(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            cwd="/",
            env=ENVIRONMENT,
            pass_fds=(keep,),
            start_new_session=True,
            preexec_fn=die_with_parent(death),  # noqa: PLW1509 - two system calls, no lock
            user=account.uid if account.switch else None,
            group=account.gid if account.switch else None,
            extra_groups=[] if account.switch else None,
        )


def stop(process: subprocess.Popen[bytes], *signals: signal.Signals, seconds: float = 10) -> None:
    """Send each signal in turn and wait `seconds` after it; SIGKILL is the last resort."""
    for number in (*signals, signal.SIGKILL):
        with suppress(ProcessLookupError):
            process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return


def require_support() -> None:
    """Raise unless children can be tied to this process: Linux, and its main thread."""
    if sys.platform != "linux":
        raise Misconfigured("The embedded engines run on Linux only; set DATABASE_URL and REDIS_URL.")
    if threading.current_thread() is not threading.main_thread():
        # The death signal is sent when the starting thread ends, not the process.
        raise RuntimeError("embedded engines are started from the main thread")


def die_with_parent(number: signal.Signals) -> Callable[[], None]:
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def prepare() -> None:
        prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died between the fork and the line above
            os._exit(1)

    return prepare
