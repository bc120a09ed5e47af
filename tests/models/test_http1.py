"""The stream transport keeps HTTP's rules where servers differ: ends, interim heads, idle connections."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from desk.models import http1
from desk.models.http1 import StreamTransport

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PLAIN = ssl.create_default_context()


@asynccontextmanager
async def serve(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    server.close()


@asynccontextmanager
async def connect(tls: ssl.SSLContext = PLAIN) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=StreamTransport(tls), trust_env=False, timeout=2) as client:
        yield client


def always(answer: bytes, *, then_close: bool = False) -> Handler:
    """Answers every request with these bytes."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await _request(reader):
            writer.write(answer)
            await writer.drain()
            if then_close:
                break
        writer.close()

    return handler


async def _request(reader: asyncio.StreamReader) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    length = next(
        (line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), b": 0"
    )
    return head + await reader.readexactly(int(length.split(b":")[1]))


@pytest.mark.parametrize(
    ("answer", "then_close"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", False),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello", True),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", True),
        (
            b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            False,
        ),
    ],
    ids=["length", "chunked", "until closed", "old", "interim"],
)
async def test_every_way_to_end_a_body(answer: bytes, then_close: bool) -> None:
    async with serve(always(answer, then_close=then_close)) as url, connect() as client:
        for _ in range(2):
            reply = await client.post(url, content=b"question")
            assert (reply.status_code, reply.text) == (200, "hello")
            assert "link" not in reply.headers


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhe\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
    ],
)
async def test_what_is_cut_or_not_http_is_an_error(answer: bytes) -> None:
    async with serve(always(answer, then_close=True)) as url, connect() as client:
        with pytest.raises(httpx2.TransportError):
            await client.post(url, content=b"question")


async def test_an_idle_connection_that_the_server_closed_is_not_used_again() -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
    async with serve(always(answer, then_close=True)) as url, connect() as client:
        for _ in range(3):
            assert (await client.post(url, content=b"question")).text == "hello"
            await asyncio.sleep(0.02)


async def test_an_idle_connection_is_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "KEEP_IDLE_SECONDS", 0.05)
    ended = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
        assert await _request(reader) == b""
        ended.set()
        writer.close()

    async with serve(handler) as url, connect() as client:
        assert (await client.post(url, content=b"question")).text == "hello"
        async with asyncio.timeout(1):
            await ended.wait()


async def test_a_server_that_is_faster_than_its_reader_has_to_wait() -> None:
    sent = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await _request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 67108864\r\n\r\n")
        for _ in range(64):
            writer.write(b"x" * (1 << 20))
            await writer.drain()
            sent += 1
        await _request(reader)
        writer.close()

    async with serve(handler) as url, connect() as client:
        request = client.build_request("POST", url, content=b"question")
        reply = await client.send(request, stream=True)
        await asyncio.sleep(0.2)
        assert sent < 32
        assert sum([len(part) async for part in reply.aiter_raw()]) == 64 << 20
        await reply.aclose()


def issue_certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's context around a fresh certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    certificate = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(pem + secret)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())


async def test_tls_is_spoken_and_checked(tmp_path: Path) -> None:
    server, trusting = issue_certificate(tmp_path)
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
    async with serve(always(answer), server) as url:
        async with connect(trusting) as client:
            for _ in range(2):
                assert (await client.post(url, content=b"question")).text == "hello"
        async with connect(httpx2.create_ssl_context()) as client:
            with pytest.raises(httpx2.ConnectError):
                await client.post(url, content=b"question")


async def test_nobody_there() -> None:
    async with serve(always(b"")) as url:
        pass
    async with connect() as client:
        with pytest.raises(httpx2.ConnectError):
            await client.post(url, content=b"question")
