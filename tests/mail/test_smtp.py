"""Mail reaches a real SMTP server encrypted, signed in and in time, or the sender is told that it did not."""

from __future__ import annotations

import smtplib
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from desk.domain import new_id
from desk.errors import MailUnavailable, Misconfigured
from desk.mail.port import Mail
from desk.mail.smtp import SmtpMailer, SmtpServer, read_smtp_url
from tests.servers.smtp_sink import SmtpSink, certificate, sinking

SENDER = "Märchen & Co <chat@shop.example>"
LETTER = Mail(
    new_id(), "anne@desk.example", "Jemand wartet: Bücher", "Grüße.\n.\nFrom here on\n" + "x" * 1200
)


@pytest.fixture
async def sink() -> AsyncIterator[SmtpSink]:
    async with sinking() as server:
        yield server


def at(sink: SmtpSink, scheme: str = "smtp", login: str = "", option: str = "") -> SmtpServer:
    return read_smtp_url(f"{scheme}://{login}127.0.0.1:{sink.port}{option}")


def reason(refused: pytest.ExceptionInfo[MailUnavailable]) -> str:
    [note] = refused.value.__notes__
    return note


async def test_a_message_arrives_as_it_was_written(sink: SmtpSink) -> None:
    await SmtpMailer(at(sink), SENDER).send(LETTER)
    [message] = sink.taken
    assert message["From"] == SENDER
    assert message["To"] == LETTER.to
    assert message["Subject"] == LETTER.subject
    assert message["Message-ID"] == f"<{LETTER.id}@shop.example>"
    assert message["Content-Transfer-Encoding"] == "quoted-printable", "any server takes it as it is"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().splitlines() == LETTER.text.splitlines()
    assert sink.greetings == ["shop.example"], "not the name of this machine"
    assert sink.envelopes == [("mail FROM:<chat@shop.example>", "rcpt TO:<anne@desk.example>")]


async def test_starttls_comes_before_the_login(tmp_path: Path) -> None:
    serving, trusted = certificate(tmp_path)
    async with sinking(tls=serving) as sink:
        server = replace(at(sink, login="desk:p%40ss%3Aword@"), encryption="starttls")
        await SmtpMailer(server, SENDER, trusted=trusted).send(LETTER)
    assert sink.encrypted == [True]
    assert sink.logins == [("desk", "p@ss:word")]


async def test_smtps_is_encrypted_from_the_first_byte(tmp_path: Path) -> None:
    serving, trusted = certificate(tmp_path)
    async with sinking(tls=serving, at_once=True) as sink:
        await SmtpMailer(at(sink, "smtps"), SENDER, trusted=trusted).send(LETTER)
    assert sink.encrypted == [True]


async def test_a_server_that_nobody_vouches_for_gets_neither_mail_nor_password(tmp_path: Path) -> None:
    serving, _ = certificate(tmp_path)
    async with sinking(tls=serving) as sink:
        with pytest.raises(MailUnavailable) as refused:
            await SmtpMailer(at(sink, login="desk:word@"), SENDER).send(LETTER)
    assert reason(refused) == ssl.SSLCertVerificationError.__name__
    assert (sink.taken, sink.logins) == ([], [])


async def test_a_server_elsewhere_that_offers_no_encryption_gets_neither(sink: SmtpSink) -> None:
    server = replace(at(sink, login="desk:word@"), encryption="starttls")
    with pytest.raises(MailUnavailable) as refused:
        await SmtpMailer(server, SENDER).send(LETTER)
    assert reason(refused) == smtplib.SMTPNotSupportedError.__name__
    assert (sink.taken, sink.logins) == ([], [])


@pytest.mark.parametrize(
    ("verb", "told", "why"),
    [
        ("RCPT", "550 anne@desk.example is unknown here", "SMTPRecipientsRefused 550"),
        ("MAIL", "421 too busy", "SMTPSenderRefused 421"),
        (".", "554 looks like spam", "SMTPDataError 554"),
        ("AUTH", "535 wrong password for desk", "SMTPAuthenticationError 535"),
    ],
)
async def test_a_refusal_is_told_by_its_number_and_never_in_the_servers_words(
    sink: SmtpSink, verb: str, told: str, why: str
) -> None:
    sink.answers[verb] = told
    with pytest.raises(MailUnavailable) as refused:
        await SmtpMailer(at(sink, login="desk:word@"), SENDER).send(LETTER)
    assert reason(refused) == why
    assert not any(word in str(refused.value) for word in ("anne", "desk", "word", "127.0.0.1"))


@pytest.mark.parametrize("verb", ["EHLO", "RCPT"])
async def test_a_server_that_hangs_is_left_in_time(sink: SmtpSink, verb: str) -> None:
    sink.hangs.add(verb)
    mailer = SmtpMailer(at(sink), SENDER, total_seconds=5, answer_seconds=0.3)
    began = time.monotonic()
    with pytest.raises(MailUnavailable) as refused:
        await mailer.send(LETTER)
    assert time.monotonic() - began < 4.5
    assert reason(refused) in {"SMTPServerDisconnected", "TimeoutError"}


async def test_a_server_that_drips_is_left_in_time(sink: SmtpSink) -> None:
    sink.hangs.add("RCPT")
    mailer = SmtpMailer(at(sink), SENDER, total_seconds=0.3, answer_seconds=3)
    began = time.monotonic()
    with pytest.raises(MailUnavailable) as refused:
        await mailer.send(LETTER)
    assert time.monotonic() - began < 2.5
    assert reason(refused) == "TimeoutError"


async def test_a_message_that_was_taken_is_sent_whatever_the_good_bye(sink: SmtpSink) -> None:
    sink.answers["QUIT"] = "500 what"
    await SmtpMailer(at(sink), SENDER).send(LETTER)
    assert len(sink.taken) == 1


async def test_nobody_listens() -> None:
    with pytest.raises(MailUnavailable) as refused:
        await SmtpMailer(read_smtp_url("smtp://127.0.0.1:9"), SENDER).send(LETTER)
    assert reason(refused) == "ConnectionRefusedError"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.shop.example", SmtpServer("mail.shop.example", 587, "starttls")),
        ("smtp://u:Q@mail.shop.example:25/", SmtpServer("mail.shop.example", 25, "starttls", "u", "Q")),
        ("smtps://a%2Fb:c%25@mail.shop.example", SmtpServer("mail.shop.example", 465, "smtps", "a/b", "c%")),
        ("smtp://relay:25?tls=off", SmtpServer("relay", 25, "off")),
        ("smtp://localhost:1025", SmtpServer("localhost", 1025, "if_offered")),
        ("smtp://[::1]:1025", SmtpServer("::1", 1025, "if_offered")),
        ("smtp://10.0.0.7", SmtpServer("10.0.0.7", 587, "starttls")),
    ],
)
def test_an_address_says_where_and_how(url: str, server: SmtpServer) -> None:
    assert read_smtp_url(url) == server
    assert not server.password or server.password not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "mail.shop.example:587",
        "http://u:secret@mail.shop.example",
        "smtp://",
        "smtp://u:secret@mail.shop.example:port",
        "smtp://u:secret@mail.shop.example/inbox",
        "smtp://mail.shop.example?tls=perhaps",
        "smtp://mail.shop.example?secret",
        "smtp://u:secret@relay:25?tls=off",
    ],
)
def test_an_address_that_is_not_understood_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(Misconfigured, match="DESK_SMTP_URL") as refused:
        read_smtp_url(url)
    assert "secret" not in str(refused.value)
