"""Which mailer a desk has, as its settings say."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import parseaddr
from uuid import UUID

from desk.errors import MailUnavailable, Misconfigured
from desk.mail.folder import MailFolder
from desk.mail.port import Mail, Mailer, is_address
from desk.mail.smtp import SmtpMailer, read_smtp_url
from desk.settings import Settings

_NOBODY = "Deskgraph <desk@localhost>"


class NoMailer:
    """Refuses every message: production sends none before it is told how."""

    async def send(self, mail: Mail) -> None:  # noqa: ARG002
        """Raises MailUnavailable."""
        failure = MailUnavailable()
        failure.add_note("DESK_SMTP_URL is not set")
        raise failure

    async def forget(self, tenant_id: UUID, ids: Sequence[UUID]) -> None:
        """Nothing is kept."""


def open_mailer(settings: Settings) -> Mailer:
    """SMTP if it is set; else files under `<home>/mail` in development and a refusal in production.

    Raises Misconfigured when one of the settings is not understood.
    """
    sender = settings.mail_from
    if sender is not None and not (sender.isprintable() and is_address(parseaddr(sender)[1])):
        raise Misconfigured(
            "DESK_MAIL_FROM is no mail address; write for example 'My Shop <chat@shop.example>'."
        )
    if settings.smtp_url is not None:
        if sender is None:
            raise Misconfigured("DESK_SMTP_URL is set and DESK_MAIL_FROM is not; mail needs a sender.")
        return SmtpMailer(read_smtp_url(settings.smtp_url.get_secret_value()), sender)
    if settings.environment == "production":
        return NoMailer()
    return MailFolder(settings.home / "mail", sender or _NOBODY)
