"""Which mailer the settings give, what an address is, and the folder that development writes to."""

from __future__ import annotations

import email
import email.policy
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from desk.domain import new_id
from desk.errors import MailUnavailable, Misconfigured
from desk.mail.folder import MailFolder
from desk.mail.mailers import NoMailer, open_mailer
from desk.mail.port import Mail, is_address
from desk.mail.smtp import SmtpMailer
from desk.settings import Settings

SMTP = SecretStr("smtp://u:secret@mail.shop.example")


def settings(home: Path, **changes: object) -> Settings:
    unset = {"home": home, "environment": "development", "smtp_url": None, "mail_from": None}
    return Settings().model_copy(update=unset | changes)


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_development_writes_files_that_a_mail_program_opens(tmp_path: Path) -> None:
    mail = Mail(new_id(), "anne@desk.example", "Bücher", "Jemand wartet.")
    mailer = open_mailer(settings(tmp_path))
    assert isinstance(mailer, MailFolder)
    await mailer.send(mail)
    await mailer.send(mail)
    [file] = files(tmp_path / "mail")
    assert file.name == f"{mail.id}.eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert (message["To"], message["Subject"]) == ("anne@desk.example", "Bücher")
    assert message.get_content().strip() == "Jemand wartet."


async def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("in the way")
    with pytest.raises(MailUnavailable) as refused:
        await open_mailer(settings(tmp_path)).send(Mail(new_id(), "a@b.example", "s", "t"))
    assert refused.value.__notes__ == ["FileExistsError"]


async def test_production_without_a_server_refuses_and_writes_nothing(tmp_path: Path) -> None:
    mailer = open_mailer(settings(tmp_path, environment="production"))
    assert isinstance(mailer, NoMailer)
    with pytest.raises(MailUnavailable) as refused:
        await mailer.send(Mail(new_id(), "a@b.example", "s", "t"))
    assert refused.value.__notes__ == ["DESK_SMTP_URL is not set"]
    assert files(tmp_path) == []


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_server_that_is_set_is_used(tmp_path: Path, environment: str) -> None:
    known = settings(tmp_path, environment=environment, smtp_url=SMTP, mail_from="Shop <chat@shop.example>")
    assert isinstance(open_mailer(known), SmtpMailer)


@pytest.mark.parametrize("sender", [None, "nobody", "Shop <chat@>", "chat@shop.example\r\nBcc: x@y.example"])
def test_a_sender_that_is_none_is_refused(tmp_path: Path, sender: str | None) -> None:
    with pytest.raises(Misconfigured, match="DESK_MAIL_FROM") as refused:
        open_mailer(settings(tmp_path, smtp_url=SMTP, mail_from=sender))
    assert "secret" not in str(refused.value)


async def test_no_header_is_smuggled_in(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"."):
        await MailFolder(tmp_path, "a@b.example").send(
            Mail(new_id(), "a@b.example", "s\r\nBcc: c@d.example", "t")
        )
    assert files(tmp_path) == []


@pytest.mark.parametrize("text", ["a@b.example", "first.last+tag@sub.shop.example", "desk@localhost"])
def test_an_address(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "a@", "@b", "a b@c.example", "a@b.example\n", "ä@b.example", "a@b..example"),
        *(
            "a@b.example,c@d.example",
            "A <a@b.example>",
            "x" * 65 + "@b.example",
            "a@" + "b." * 130 + "example",
        ),
    ],
)
def test_no_address(text: str) -> None:
    assert not is_address(text)


def test_where_people_reach_the_desk() -> None:
    at = Settings().model_copy
    assert (
        at(update={"public_url": "https://chat.shop.example/"}).public_address == "https://chat.shop.example"
    )
    assert at(update={"public_url": None, "port": 8017}).public_address == "http://127.0.0.1:8017"
    assert at(update={"public_url": None, "host": "0.0.0.0"}).public_address == "http://127.0.0.1:8000"
    assert at(update={"public_url": None, "host": "fd00::7"}).public_address == "http://[fd00::7]:8000"
    with pytest.raises(ValidationError):
        Settings(public_url="javascript:alert(1)")
