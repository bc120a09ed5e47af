"""Mail over SMTP: encrypted wherever the way leads over a network, and bounded in time."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.utils import parseaddr
from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit
from uuid import UUID

from desk.errors import MailUnavailable, Misconfigured
from desk.mail.port import Mail, compose

Encryption = Literal["smtps", "starttls", "if_offered", "off"]

# Of one message: the whole of it, and each word of the server. The outbox's lease is longer.
TOTAL_SECONDS: Final = 20.0
ANSWER_SECONDS: Final = 8.0
AT_ONCE: Final = 4

_HOW: Final = "write smtp://user:password@host:587 or smtps://user:password@host:465"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed over, and how."""

    host: str
    port: int
    encryption: Encryption
    user: str | None = None
    password: str = field(default="", repr=False)


def read_smtp_url(url: str) -> SmtpServer:
    """The server of an address; raises Misconfigured, which never quotes it.

    `smtps` is encrypted from the first byte. `smtp` must be encrypted by STARTTLS, unless the server is on
    this machine, or `?tls=off` says that the network can be trusted; then nobody may sign in.
    """
    try:
        parts = urlsplit(url)
        host, port, query = (
            parts.hostname,
            parts.port,
            parse_qs(parts.query, strict_parsing=bool(parts.query)),
        )
    except ValueError as error:
        raise Misconfigured(f"DESK_SMTP_URL is not understood; {_HOW}.") from error
    if parts.scheme not in ("smtp", "smtps") or not host or parts.path not in ("", "/"):
        raise Misconfigured(f"DESK_SMTP_URL is not understood; {_HOW}.")
    if query not in ({}, {"tls": ["off"]}):
        raise Misconfigured("The only option of DESK_SMTP_URL is ?tls=off, for a relay in a trusted network.")
    encryption = _encryption(parts.scheme, host, off=bool(query))
    if encryption == "off" and parts.username:
        raise Misconfigured("DESK_SMTP_URL has a login and ?tls=off: a password is not sent unencrypted.")
    return SmtpServer(host, port or (465 if encryption == "smtps" else 587), encryption, *_login(parts))


class SmtpMailer:
    """Hands each message to the server on a connection of its own, in a thread of a few."""

    def __init__(
        self,
        server: SmtpServer,
        sender: str,
        *,
        trusted: ssl.SSLContext | None = None,
        total_seconds: float = TOTAL_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._server = server
        self._sender = sender
        # Whose mail it is, and not what smtplib asks the network for: the name of this machine.
        self._greeting = parseaddr(sender)[1].rpartition("@")[2]
        self._trusted = trusted or ssl.create_default_context()
        self._total_seconds = total_seconds
        self._answer_seconds = answer_seconds
        # Not the threads of the loop: a server that hangs must not keep a turn from one.
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="mail")

    async def send(self, mail: Mail) -> None:
        """Hand it over; raises MailUnavailable when the server did not take it in time, or at all."""
        # As bytes: smtplib's own `send_message` changes lines that begin with "From ".
        letter = (parseaddr(self._sender)[1], mail.to, compose(mail, self._sender).as_bytes())
        try:
            async with asyncio.timeout(self._total_seconds):
                await asyncio.get_running_loop().run_in_executor(self._threads, self._hand_over, *letter)
        except (smtplib.SMTPException, OSError) as error:  # errors of TLS and of time are OSErrors
            failure = MailUnavailable()
            failure.add_note(_reason(error))
            raise failure from error

    async def forget(self, tenant_id: UUID, ids: Sequence[UUID]) -> None:
        """Nothing is kept here."""

    def _hand_over(self, sender: str, to: str, content: bytes) -> None:
        server, session = self._server, self._connect()
        try:
            session.ehlo_or_helo_if_needed()
            offered = session.has_extn("starttls")
            if server.encryption == "starttls" or (server.encryption == "if_offered" and offered):
                session.starttls(context=self._trusted)
            if server.user is not None:
                session.login(server.user, server.password)
            session.sendmail(sender, to, content)
            _part(session)
        finally:
            session.close()

    def _connect(self) -> smtplib.SMTP:
        server, seconds = self._server, self._answer_seconds
        where = (server.host, server.port, self._greeting)
        if server.encryption == "smtps":
            return smtplib.SMTP_SSL(*where, timeout=seconds, context=self._trusted)
        return smtplib.SMTP(*where, timeout=seconds)


def _part(session: smtplib.SMTP) -> None:
    """Say good-bye; the message is taken already, so it does not matter what becomes of that."""
    with contextlib.suppress(smtplib.SMTPException, OSError):
        if session.sock is not None:
            session.sock.settimeout(1.0)
        session.quit()


def _encryption(scheme: str, host: str, *, off: bool) -> Encryption:
    if scheme == "smtps":
        return "smtps"
    if off:
        return "off"
    return "if_offered" if _is_this_machine(host) else "starttls"


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _login(parts: SplitResult) -> tuple[str | None, str]:
    return (unquote(parts.username), unquote(parts.password or "")) if parts.username else (None, "")


def _reason(error: Exception) -> str:
    """The kind of error and the server's number for it; its words may hold an address and are left out."""
    code = getattr(error, "smtp_code", "")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = next((refused[0] for refused in error.recipients.values()), "")
    return f"{type(error).__name__} {code}".strip()
