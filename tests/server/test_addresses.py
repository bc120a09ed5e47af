"""A client's address is read from its end of X-Forwarded-For, as far as our own proxies wrote it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from starlette.requests import HTTPConnection

from desk.settings import Settings
from server.addresses import TrustedProxies


def connection(peer: str | None, *forwarded: str) -> HTTPConnection:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    client = (peer, 1234) if peer else None
    return HTTPConnection({"type": "http", "headers": headers, "client": client})


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        ("203.0.113.9", ("198.51.100.1",), "203.0.113.9"),  # nobody we know wrote it
        ("10.0.0.2", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.2", ("6.6.6.6, 198.51.100.1",), "198.51.100.1"),  # the first one is the client's own word
        ("10.0.0.2", ("6.6.6.6", "198.51.100.1, 10.0.0.1"), "198.51.100.1"),
        ("10.0.0.2", ("not an address",), "10.0.0.2"),
        ("10.0.0.2", ("10.0.0.3",), "10.0.0.3"),
        ("2001:db8:1:2:aaaa::1", (), "2001:db8:1:2::"),
        ("::ffff:198.51.100.1", (), "198.51.100.1"),
        ("::ffff:10.0.0.2", ("198.51.100.1",), "198.51.100.1"),  # as a socket for both sees our proxy
        (None, (), "unknown"),
    ],
)
def test_the_address(peer: str | None, forwarded: tuple[str, ...], found: str) -> None:
    assert TrustedProxies(("10.0.0.0/8",)).address(connection(peer, *forwarded)) == found


def test_without_known_proxies_nobody_is_believed() -> None:
    assert TrustedProxies(()).address(connection("10.0.0.2", "198.51.100.1")) == "10.0.0.2"


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="does not appear to be"):
        Settings(trusted_proxies=("our-proxy",))
