"""Letters to account holders: the mail, in the tenant's language, with a link to the sign-in page."""

from __future__ import annotations

from uuid import uuid4

from desk.domain import Tenant
from desk.mail.port import Mail, Mailer
from prompts.mails import AccountMail, account_mail


class Letters:
    """Sends one-time codes at once. One that is lost is not sent again: whoever misses a code asks anew."""

    def __init__(self, mailer: Mailer, public_address: str) -> None:
        self._mailer = mailer
        self._link = f"{public_address}/signin"

    async def send(self, name: AccountMail, tenant: Tenant, email: str, *, code: str = "") -> None:
        """Hand the letter over; raises MailUnavailable."""
        link = f"{self._link}?tenant={tenant.slug}"
        told = account_mail(name, tenant.settings.locale, shop=tenant.name, link=link, code=code)
        await self._mailer.send(Mail(uuid4(), email, told.subject, told.text))
