"""A real SMTP server on this machine that keeps what it is given, and refuses or hangs when asked to."""

from __future__ import annotations

import asyncio
import base64
import datetime
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass
class SmtpSink:
    """What it took, each with its envelope; `answers` replaces its answer to a verb, `hangs` withholds it."""

    port: int = 0
    tls: ssl.SSLContext | None = None
    answers: dict[str, str] = field(default_factory=dict)
    hangs: set[str] = field(default_factory=set)
    taken: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    greetings: list[str] = field(default_factory=list)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass  # cancelled: the test ended while the sink hung
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        sender = recipient = ""
        while line := (await reader.readline()).decode().strip():
            verb = line.split(":", 1)[0].split(" ", 1)[0].upper()
            if verb == "MAIL":
                sender = line
            elif verb == "RCPT":
                recipient = line
            if verb in self.hangs:
                await asyncio.sleep(30)
            writer.write(self._answer(verb, line, writer).encode() + b"\r\n")
            await writer.drain()
            if verb == "STARTTLS" and self.tls and verb not in self.answers:
                await writer.start_tls(self.tls)
            elif verb == "DATA" and verb not in self.answers:
                content = await reader.readuntil(b"\r\n.\r\n")
                self._take(content[:-5].replace(b"\r\n..", b"\r\n."), writer, (sender, recipient))
                writer.write(self.answers.get(".", "250 taken").encode() + b"\r\n")
            elif verb == "QUIT":
                return

    def _answer(self, verb: str, line: str, writer: asyncio.StreamWriter) -> str:
        if verb in self.answers:
            return self.answers[verb]
        if verb == "EHLO":
            self.greetings.append(line.partition(" ")[2])
            safe = writer.get_extra_info("sslcontext") is not None
            offers = ["AUTH PLAIN"] if safe or self.tls is None else ["STARTTLS"]
            return "\r\n".join(["250-sink", *(f"250 {offer}" for offer in offers)])
        if verb == "AUTH":
            _, user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
            self.logins.append((user, password))
            return "235 welcome"
        return {"STARTTLS": "220 go", "DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 ok")

    def _take(self, content: bytes, writer: asyncio.StreamWriter, envelope: tuple[str, str]) -> None:
        self.taken.append(email.message_from_bytes(content, policy=email.policy.default))
        self.envelopes.append(envelope)
        self.encrypted.append(writer.get_extra_info("sslcontext") is not None)


@asynccontextmanager
async def sinking(*, tls: ssl.SSLContext | None = None, at_once: bool = False) -> AsyncIterator[SmtpSink]:
    """The server on a free port; with `tls` it offers STARTTLS, or `at_once` is encrypted from the start."""
    sink = SmtpSink(tls=None if at_once else tls)
    listening = await asyncio.start_server(sink.handle, "127.0.0.1", 0, ssl=tls if at_once else None)
    sink.port = listening.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        listening.close()


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a fresh certificate for 127.0.0.1, and a client's that trusts it alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sink")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "sink.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(path)
    return serving, ssl.create_default_context(cafile=str(path))
