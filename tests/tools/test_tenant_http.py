"""TenantHttp against a real server on this machine: only listed hosts, bounded in time and size."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator

import pytest

from desk.errors import ToolUnavailable
from tests.tools.local_server import LocalServer, answer, serving
from tools.http import LARGEST_BODY, TenantHttp, is_public

ANSWERS = {
    "/ok": answer(b'{"a": 1}'),
    "/problem": answer(b'{"detail": "no"}', "application/problem+json", "404 Not Found"),
    "/html404": answer(b"<h1>no</h1>", "text/html", "404 Not Found"),
    "/html": answer(b"<h1>hi</h1>", "text/html"),
    "/lies": answer(b"<h1>hi</h1>"),
    "/deep": answer(b"[" * 100_000),
    "/empty": answer(b""),
    "/nothing": b"HTTP/1.1 204 No Content\r\n\r\n",
    "/redirect": answer(b"{}", status="302 Found", extra="Location: /ok\r\n"),
    "/huge": answer(b'"' + b"x" * LARGEST_BODY + b'"'),
    "/largest": answer(b'"' + b"x" * (LARGEST_BODY - 2) + b'"'),
    "/zipped": answer(gzip.compress(b"{}"), extra="Content-Encoding: gzip\r\n"),
    "/garbage": b"SMTP ready\r\n\r\n",
    "/cut": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{",
}


@pytest.fixture
async def server() -> AsyncIterator[LocalServer]:
    async with serving(ANSWERS) as running:
        yield running


@pytest.fixture
async def client(server: LocalServer) -> AsyncIterator[TenantHttp]:
    async with TenantHttp([server.origin], total_seconds=0.6) as http:
        yield http


async def test_get_and_post_carry_what_they_should(server: LocalServer, client: TenantHttp) -> None:
    reply = await client.get(server.url("/ok"), headers={"X-API-Key": "k"})
    assert (reply.status, reply.body) == (200, {"a": 1})
    await client.post(server.url("/ok"), headers={"Idempotency-Key": "i"}, json={"b": [2]})
    got, posted = server.heard
    assert b"x-api-key: k" in got.lower()
    assert f"host: 127.0.0.1:{server.port}".encode() in got.lower()
    assert b"idempotency-key: i" in posted.lower()
    assert json.loads(posted.partition(b"\r\n\r\n")[2]) == {"b": [2]}


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [("/problem", 404, {"detail": "no"}), ("/html404", 404, None), ("/nothing", 204, None)],
)
async def test_a_failed_request_needs_no_body(
    server: LocalServer, client: TenantHttp, path: str, status: int, body: object
) -> None:
    reply = await client.get(server.url(path), headers={})
    assert (reply.status, reply.body) == (status, body)


async def test_the_largest_body_is_still_read(server: LocalServer, client: TenantHttp) -> None:
    assert len((await client.get(server.url("/largest"), headers={})).body) == LARGEST_BODY - 2


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/html", "not JSON"),
        ("/lies", "not JSON"),
        ("/deep", "not JSON"),
        ("/empty", "not JSON"),
        ("/zipped", "not JSON"),
        ("/redirect", "redirect"),
        ("/huge", "larger than"),
        ("/garbage", "RemoteProtocolError"),
        ("/cut", "RemoteProtocolError"),
        ("/hang", "TimeoutError"),
        ("/drip", "TimeoutError"),
    ],
)
async def test_what_is_not_an_answer_is_unavailable(
    server: LocalServer, client: TenantHttp, path: str, reason: str
) -> None:
    started = time.perf_counter()
    with pytest.raises(ToolUnavailable) as caught:
        await client.get(server.url(path), headers={})
    assert time.perf_counter() - started < 1.5
    assert reason in " ".join(caught.value.__notes__)
    assert caught.value.detail == ToolUnavailable.detail


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{other}/ok",
        "http://localhost:{port}/ok",
        "https://127.0.0.1:{port}/ok",
        "http://user:pass@127.0.0.1:{port}/ok",
        "ftp://127.0.0.1:{port}/ok",
        "file:///etc/hostname",
        "http:///ok",
        "http://[::1]:{port}/ok",
        "http://0x7f000001:{port}/ok",
        "http://169.254.169.254/latest",
        "//127.0.0.1:{port}/ok",
        "not a url\x00",
        "http://exa mple/",
    ],
)
async def test_only_the_listed_service_is_reached(
    server: LocalServer, client: TenantHttp, address: str
) -> None:
    target = address.format(port=server.port, other=server.port + 1)
    with pytest.raises(ToolUnavailable):
        await client.get(target, headers={})
    assert server.heard == []


async def test_a_handshake_that_is_cut_leaves_no_connection() -> None:
    """The other side says nothing and waits for the end, which comes with the refusal."""
    over = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()
        over.set()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    origin = f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with TenantHttp([origin], total_seconds=0.3) as http:
        with pytest.raises(ToolUnavailable) as caught:
            await http.get(f"https://{origin}/ok", headers={})
        async with asyncio.timeout(2):
            await over.wait()
    assert caught.value.__notes__ == ["TimeoutError from the service"]
    listening.close()


async def test_a_bare_host_must_be_public_and_https(server: LocalServer) -> None:
    async with TenantHttp(["127.0.0.1", "localhost"]) as http:
        for target in (f"http://127.0.0.1:{server.port}/ok", "http://127.0.0.1/ok"):
            with pytest.raises(ToolUnavailable) as caught:
                await http.get(target, headers={})
            assert "allow-list" in caught.value.__notes__[0]
        for target in ("https://127.0.0.1/ok", "https://localhost/ok"):
            with pytest.raises(ToolUnavailable) as caught:
                await http.get(target, headers={})
            assert "private address" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "192.0.0.8", "192.88.99.1"),
        *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1", "fec0::1", "ff02::1"),
        *("::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "2002:a00:1::", "2001::1"),
    ],
)
def test_an_address_that_leads_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


def test_addresses_of_the_internet_are_public() -> None:
    assert all(map(is_public, ("8.8.8.8", "2606:4700::1111", "2a00:1450:4001::200e")))


async def test_a_listed_name_is_reached_by_its_checked_address(server: LocalServer) -> None:
    async with TenantHttp([f"LOCALHOST:{server.port}"]) as http:
        reply = await http.get(f"http://localhost:{server.port}/ok", headers={})
    assert reply.body == {"a": 1}
    assert f"host: localhost:{server.port}".encode() in server.heard[0].lower()


async def test_proxies_of_the_environment_are_ignored(
    server: LocalServer, client: TenantHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert (await client.get(server.url("/ok"), headers={})).status == 200


async def test_a_closed_port_is_unavailable_at_once(client: TenantHttp, server: LocalServer) -> None:
    async with TenantHttp(["127.0.0.1:1"]) as http:
        with pytest.raises(ToolUnavailable):
            await http.get("http://127.0.0.1:1/", headers={})
