"""The seam to mail: one message to one address, whatever it is about."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime, parseaddr
from typing import Protocol
from uuid import UUID

LONGEST_ADDRESS = 254

# What every mail server takes; quoted local parts and letters beyond ASCII are left out on purpose.
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}")


@dataclass(frozen=True, slots=True)
class Mail:
    """A message in plain text; the same `id` twice is the same message, sent again."""

    id: UUID
    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """Hands mail over."""

    async def send(self, mail: Mail) -> None:
        """Hand it over for good; raises MailUnavailable, whose note says why, when that did not succeed."""

    async def forget(self, tenant_id: UUID, ids: Sequence[UUID]) -> None:
        """Delete what is kept here, and names one of these ids or goes to one of these recipients.

        What was sent is out of reach.
        """


def recipient_id(tenant_id: UUID, address: str) -> UUID:
    """What stands for a tenant's mail address: the same as `recipient_id` in the database gives."""
    return UUID(bytes=hashlib.sha256(f"{tenant_id}:{address.lower()}".encode()).digest()[:16])


def is_address(text: str) -> bool:
    """Whether the text is a mail address and nothing else: no name, no second address, no line break."""
    return len(text) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def compose(mail: Mail, sender: str) -> EmailMessage:
    """The message as it goes out; `sender` may have a name. Raises ValueError on a header of two lines."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = f"<{mail.id}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # so that nobody's holiday note answers
    message.set_content(mail.text, cte="quoted-printable")
    return message
