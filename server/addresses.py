"""Where a request comes from: the nearest address that is no proxy of ours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import HTTPConnection

UNKNOWN = "unknown"

Network = IPv4Network | IPv6Network


class TrustedProxies:
    """Reads `X-Forwarded-For` only as far as proxies that are known have written it.

    Whoever connects may write that header. So it is read from its end, and the first address that is not one
    of ours is the client's; what stands before it is the client's own word.
    """

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks: tuple[Network, ...] = tuple(ip_network(network) for network in networks)

    def address(self, connection: HTTPConnection) -> str:
        """The client's address; `unknown` for a connection that has none, such as a socket file."""
        peer = connection.client.host if connection.client else ""
        said = connection.headers.getlist("x-forwarded-for")
        hops = [*(hop.strip() for line in said for hop in line.split(",")), peer]
        while len(hops) > 1 and self._is_ours(hops[-1]):
            hops.pop()
        return _plain(hops[-1]) or _plain(peer) or UNKNOWN

    def _is_ours(self, hop: str) -> bool:
        try:
            found = ip_address(hop)
        except ValueError:
            return False
        if isinstance(found, IPv6Address):  # how a socket that listens for both sees IPv4
            found = found.ipv4_mapped or found
        return any(found.version == network.version and found in network for network in self._networks)


@lru_cache(maxsize=4096)
def _plain(hop: str) -> str | None:
    """An address as it is counted: of IPv6 the network of 64 bits, as a whole one belongs to one customer."""
    try:
        found = ip_address(hop)
    except ValueError:
        return None
    if found.version == 4:
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found, 64), strict=False).network_address)
