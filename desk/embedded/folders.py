"""Where embedded data lies, which system user owns it, and sockets whose paths are short enough."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from desk.embedded.children import Account
from desk.errors import Misconfigured

SOCKET_PATH_LIMIT = 107  # bytes; a longer one is cut short without a word
LONGEST_SOCKET_NAME = ".s.PGSQL.5432"
LOG_LIMIT = 8 << 20  # bytes, then the log is put aside once at the next start


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of one home; `engines` and `sockets` belong to the engines' user, mode 0700."""

    home: Path
    run: Path
    log: Path
    engines: Path
    sockets: Path
    account: Account


def run_path(home: Path) -> Path:
    """`<home>/run`, whether it is there or not."""
    return home.absolute() / "run"


def run_folder(home: Path) -> Path:
    """`<home>/run`, made with mode 0700. Raises Misconfigured if it cannot be."""
    folder = run_path(home)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise Misconfigured(
            f"{folder} cannot be made ({error.strerror}); set DESK_HOME to a folder you may write."
        ) from error
    return folder


def prepare(home: Path) -> Folders:
    """Make every folder the engines need. Raises Misconfigured if their user could not work there."""
    home = home.resolve()
    run, log, engines = run_folder(home), home / "log", home / "engines"
    log.mkdir(mode=0o700, exist_ok=True)
    account = _account(engines)
    if account.switch:
        _let_through(home, account)
    _own(engines, account)
    return Folders(home, run, log, engines, _sockets(run, engines, account), account)


def program(folders: Folders, package: str, path: str) -> Path | None:
    """A program that an installed package carries at `path`; None without such a package or program.

    It is a copy in the home if the engines' user may not enter the folder the package is installed in.
    """
    found = find_spec(package)
    site = Path(found.origin).parents[1] if found and found.origin else None
    if site is None or not (site / package / path).exists():
        return None
    if not folders.account.switch or _closed_parent(site / package / path, folders.account) is None:
        return site / package / path
    copy = folders.engines / f"{package}-{version(package)}"
    if not copy.exists():
        unfinished = copy.with_name(f"{copy.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        for folder in site.glob(f"{package}*/"):  # a wheel's libraries lie beside its package
            shutil.copytree(folder, unfinished / folder.name, symlinks=True)
        for file in (unfinished, *unfinished.rglob("*")):
            os.chown(file, folders.account.uid, folders.account.gid, follow_symlinks=False)
        unfinished.rename(copy)
    return copy / package / path


def log_file(folders: Folders, name: str) -> Path:
    """`<home>/log/<name>`; one over 8 MB is put aside as `<name>.1`."""
    path = folders.log / name
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.replace(path.with_name(f"{name}.1"))
    return path


def _account(engines: Path) -> Account:
    """The owner of existing data, else this user, else (for root, whom Postgres refuses) `nobody`."""
    me = os.geteuid()
    owner = engines.stat().st_uid if engines.exists() else me
    if me not in (0, owner):
        raise Misconfigured(f"{engines} belongs to {_name(owner)}; start as that user or set DESK_HOME.")
    if me != 0:
        return Account(me, os.getegid(), _name(me), switch=False)
    try:
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    except KeyError:
        raise Misconfigured(
            "Postgres does not run as root and there is no user `nobody`; start as an ordinary user."
        ) from None
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, switch=True)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _let_through(home: Path, account: Account) -> None:
    """Open the home itself, which is ours, to the engines' user; its parents are not ours to open."""
    closed = _closed_parent(home, account)
    if closed is not None:
        raise Misconfigured(
            f"As root, Postgres runs as `{account.name}`, who may not enter {closed}; "
            "set DESK_HOME to a folder everyone may enter (such as /var/lib/deskgraph), "
            "or start as an ordinary user."
        )
    home.chmod(stat.S_IMODE(home.stat().st_mode) | stat.S_IXOTH)


def _closed_parent(path: Path, account: Account) -> Path | None:
    return next((folder for folder in reversed(path.parents) if not _enters(folder, account)), None)


def _enters(folder: Path, account: Account) -> bool:
    state = folder.stat()
    if state.st_uid == account.uid:
        return bool(state.st_mode & stat.S_IXUSR)
    if state.st_gid == account.gid:
        return bool(state.st_mode & stat.S_IXGRP)
    return bool(state.st_mode & stat.S_IXOTH)


def _own(folder: Path, account: Account) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if account.switch:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(0o700)


def _sockets(run: Path, engines: Path, account: Account) -> Path:
    """The engines' own folder, or a short one under the temporary folder whose name `run/sockets` keeps."""
    if _fits(engines):
        return engines
    record = run / "sockets"
    known = Path(record.read_text()) if record.exists() else None
    if known is None or not _is_own(known, account):
        known = Path(tempfile.mkdtemp(prefix="desk-"))
        _own(known, account)
        record.write_text(str(known))
    if not _fits(known):
        raise Misconfigured(f"{known} is too long for a socket; set DESK_HOME or TMPDIR to a shorter path.")
    return known


def _fits(folder: Path) -> bool:
    # libpq and Postgres read a comma in a socket folder as the start of the next one.
    path = str(folder)
    return len(os.fsencode(f"{path}/{LONGEST_SOCKET_NAME}")) <= SOCKET_PATH_LIMIT and "," not in path


def _is_own(folder: Path, account: Account) -> bool:
    try:
        state = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(state.st_mode) and state.st_uid == account.uid and not state.st_mode & 0o077
