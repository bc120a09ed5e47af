"""Mail as files in a folder: what development does instead of sending."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from desk.errors import MailUnavailable
from desk.mail.port import Mail, compose, recipient_id


class MailFolder:
    """Writes each message as `<id>.eml`, which any mail program opens; the same message twice is one file."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        """Write the message; raises MailUnavailable when the folder cannot be written."""
        content = compose(mail, self._sender).as_bytes()
        try:
            await asyncio.to_thread(self._write, f"{mail.id}.eml", content)
        except OSError as error:
            failure = MailUnavailable()
            failure.add_note(type(error).__name__)
            raise failure from error

    async def forget(self, tenant_id: UUID, ids: Sequence[UUID]) -> None:
        """Delete the messages that name one of these ids, or go to one of these recipients."""
        if ids:
            await asyncio.to_thread(self._forget, tenant_id, frozenset(ids))

    def _forget(self, tenant_id: UUID, ids: frozenset[UUID]) -> None:
        for path in self._folder.glob("*.eml"):
            # Parsed, as an id in a long line may be broken in two in the file.
            with contextlib.suppress(FileNotFoundError):  # another process forgets at the same moment
                message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                text = str(message.get_content())
                if recipient_id(tenant_id, str(message["To"])) in ids or any(str(one) in text for one in ids):
                    path.unlink()

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = self._folder / f"{name}.part"
        part.touch(mode=0o600)
        part.write_bytes(content)
        part.replace(self._folder / name)  # so that nobody reads half a message
