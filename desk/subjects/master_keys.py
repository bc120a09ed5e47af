"""Where the master key comes from: the environment, a file or a command; and the root that outlives it.

All three give text: keys in base64, 32 bytes each, separated by white space. The first one wraps; the others
are known, too: old ones, and the one that comes next.
"""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from desk.errors import Misconfigured
from desk.privacy.sealing import MasterKey, SealBroken
from desk.settings import Settings
from desk.storage import master_keys, tenants
from desk.storage.pool import Database

_COMMAND_SECONDS = 20


class KeySource(Protocol):
    """Gives the keys as text."""

    @property
    def name(self) -> str:
        """What an error calls it."""

    def read(self) -> str:
        """The text; raises Misconfigured with what to do about it."""


@dataclass(frozen=True, slots=True)
class Given:
    """Keys that stand in a setting."""

    text: str
    name: str = "DESK_MASTER_KEY"

    def read(self) -> str:
        """See KeySource."""
        return self.text


@dataclass(frozen=True, slots=True)
class KeyFile:
    """Keys in a file, as secrets of an orchestrator come."""

    path: Path

    @property
    def name(self) -> str:
        """The file."""
        return str(self.path)

    def read(self) -> str:
        """See KeySource."""
        try:
            return self.path.read_text()
        except OSError as error:
            raise Misconfigured(
                f"The master key cannot be read from {self.path}: {error.strerror}."
            ) from None
        except UnicodeDecodeError:
            raise Misconfigured(f"{self.path} holds no text; write the master key there in base64.") from None


@dataclass(frozen=True, slots=True)
class KeyCommand:
    """Keys that a program writes to its stdout: the door to a key management service or a vault."""

    command: tuple[str, ...]
    name: str = "DESK_MASTER_KEY_COMMAND"

    def read(self) -> str:
        """See KeySource. What the program says otherwise may hold a secret and is not repeated."""
        try:
            ended = subprocess.run(  # noqa: S603 - the operator's own command, without a shell
                self.command, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Misconfigured(f"{self.name} could not be run: {type(error).__name__}.") from None
        if ended.returncode != 0:
            raise Misconfigured(f"{self.name} ended with {ended.returncode}.")
        return ended.stdout


def key_source(settings: Settings) -> KeySource:
    """The configured source; without one the file under `<home>/keys`, which production must not go without.

    Raises Misconfigured when more than one is set, or none in production.
    """
    chosen = _set_sources(settings)
    if len(chosen) > 1:
        raise Misconfigured(f"Set one of {' and '.join(source.name for source in chosen)}, not both.")
    if chosen:
        return chosen[0]
    own = _own_file(settings)
    if settings.environment == "production" and not own.exists():
        raise Misconfigured("Set DESK_MASTER_KEY to 32 random bytes in base64: `openssl rand -base64 32`.")
    return KeyFile(own)


def load_master_key(settings: Settings) -> MasterKey:
    """The configured keys, without the database's root: right until the first key is replaced.

    Development makes its own where none is set.
    """
    source = key_source(settings)
    if not _set_sources(settings) and not _own_file(settings).exists():
        _make(_own_file(settings))
    return _read(source)


def check_master_key(settings: Settings) -> None:
    """Raises Misconfigured where `load_master_key` would; makes none."""
    source = key_source(settings)
    if _set_sources(settings) or _own_file(settings).exists():
        _read(source)


def check_set_master_key(settings: Settings) -> None:
    """The same for one that is set; who needs none may go without."""
    if _set_sources(settings):
        check_master_key(settings)


async def open_master_key(settings: Settings, database: Database) -> MasterKey:
    """The configured keys with the root of this database, which is made at the first start.

    Raises Misconfigured when the database knows other keys only: everybody would be a stranger.
    """
    master = await asyncio.to_thread(load_master_key, settings)
    async with database.control_tx() as tx:
        known = await master_keys.list_all(tx)
        if not known:
            # What tenants have already hangs on the key itself; without any there is a root of its own.
            root = None if await tenants.exist(tx) else os.urandom(32)
            await master_keys.note(tx, master.id, master.wrap_root(root))
            known = await master_keys.list_all(tx)
    return _rooted(master, known)


async def refuse_unknown_key(settings: Settings, database: Database) -> None:
    """Raises Misconfigured where `open_master_key` would; makes and notes nothing."""
    async with database.control_tx() as tx:
        known = await master_keys.list_all(tx)
    if known:
        _rooted(_read(key_source(settings)), known)


def _rooted(master: MasterKey, known: dict[bytes, bytes]) -> MasterKey:
    mine = next((key_id for key_id in master.ids if key_id in known), None)
    if mine is None:
        raise Misconfigured(
            f"This database was made with the master key {next(iter(known)).hex()}, and that is none of those"
            f" that are set ({', '.join(key_id.hex() for key_id in master.ids)}). To replace it, set both."
        )
    try:
        return master.rooted(mine, known[mine])
    except SealBroken as error:
        raise Misconfigured("The root of the keys in desk_control.master_keys was changed.") from error


def _set_sources(settings: Settings) -> list[KeySource]:
    chosen: list[KeySource] = []
    if settings.master_key is not None:
        chosen.append(Given(settings.master_key.get_secret_value()))
    if settings.master_key_path is not None:
        chosen.append(KeyFile(settings.master_key_path))
    if settings.master_key_command:
        chosen.append(KeyCommand(settings.master_key_command))
    return chosen


def _own_file(settings: Settings) -> Path:
    return settings.home / "keys" / "master.key"


def _read(source: KeySource) -> MasterKey:
    if not isinstance(source, KeyCommand):
        return _parse(source)
    told = _ask_once(source)
    if isinstance(told, str):
        raise Misconfigured(told)
    return told


@cache
def _ask_once(source: KeyCommand) -> MasterKey | str:
    """The keys that a command gives, or why it gave none.

    A start checks the keys, opens them for turns and again for jobs, and a program may bill each question or
    ask a person. So what it gave stays in this process's memory, where the keys stay anyway, for as long.
    """
    try:
        return _parse(source)
    except Misconfigured as error:
        return error.detail


def _parse(source: KeySource) -> MasterKey:
    secrets = [_decode(text, source.name) for text in source.read().split()]
    if not secrets or len(set(secrets)) < len(secrets):
        raise Misconfigured(f"{source.name} holds no master key, or one of them twice.")
    return MasterKey(secrets[0], others=secrets[1:])


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(base64.b64encode(os.urandom(32)).decode())


def _decode(text: str, where: str) -> bytes:
    try:
        secret = base64.b64decode(text, validate=True)
    except ValueError:
        raise Misconfigured(f"{where} is not base64; make one with `openssl rand -base64 32`.") from None
    if len(secret) != 32:
        raise Misconfigured(
            f"{where} holds {len(secret)} bytes; it must hold 32: make one with `openssl rand -base64 32`."
        )
    return secret
