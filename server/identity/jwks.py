"""The public keys of an issuer: fetched when they are needed, kept for a while, never in a flood."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import jwt
import orjson
from structlog import get_logger

from desk.errors import DeskError, Unauthenticated
from desk.settings import TrustedIssuer
from desk.telemetry.metrics import DEGRADED, KEY_FETCHES

PAUSE_SECONDS = 30.0
FRESH_SECONDS = 300.0
STALE_SECONDS = 3600.0
_TIMEOUT_SECONDS = 3.0
# For discovery and keys together: so long a request with a new key waits at most.
_FETCH_SECONDS = 4.0
_LARGEST_BODY = 256 * 1024
_MOST_KEYS = 50
_LEAST_RSA_BITS = 2048
_CURVES = {
    "ES256": ("EC", ("P-256",)),
    "ES384": ("EC", ("P-384",)),
    "ES512": ("EC", ("P-521",)),
    "EdDSA": ("OKP", ("Ed25519",)),
}

log = get_logger("desk.identity")


class Keys:
    """Public keys by their `kid`, each good for the algorithms of its kind and for no other."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        listed = document.get("keys")
        keys = [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []
        usable = [key for key in keys[:_MOST_KEYS] if _may_verify(key)]
        named = Counter(key["kid"] for key in usable)
        # Of two keys with one name nobody can say which is meant.
        self._keys = {key["kid"]: key for key in usable if named[key["kid"]] == 1}
        self._ready: dict[tuple[str, str], jwt.PyJWK] = {}

    def __contains__(self, key_id: object) -> bool:
        return key_id in self._keys

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keys) and self._keys == other._keys

    __hash__ = None  # type: ignore[assignment]

    def verify(self, key_id: str, algorithm: str, signed: bytes, signature: bytes) -> bool:
        """Whether the key of this name made the signature, by this algorithm."""
        ready = self._ready.get((key_id, algorithm)) or self._prepare(key_id, algorithm)
        return ready is not None and bool(ready.Algorithm.verify(signed, ready.key, signature))

    def _prepare(self, key_id: str, algorithm: str) -> jwt.PyJWK | None:
        key = self._keys.get(key_id)
        if key is None or not _fits(key, algorithm):
            return None
        try:
            ready = jwt.PyJWK(key, algorithm)
        except (jwt.PyJWTError, ValueError, TypeError):
            return None
        if key["kty"] == "RSA" and ready.key.key_size < _LEAST_RSA_BITS:
            return None
        self._ready[(key_id, algorithm)] = ready
        return ready


class FetchedKeys:
    """An issuer's keys, read from its `jwks_uri`, or from where its discovery document says.

    One fetch begins at most every 30 seconds, whatever is asked for. Keys are fresh for five minutes; then
    they are fetched again beside the requests. While the issuer is away the old ones serve for an hour.
    """

    def __init__(
        self,
        trusted: TrustedIssuer,
        client: httpx.AsyncClient,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trusted = trusted
        self._client = client
        self._clock = clock
        self._jwks_uri = trusted.jwks_uri
        self._keys = Keys({})
        self._fetched_at = clock() - STALE_SECONDS
        self._tried_at = clock() - PAUSE_SECONDS
        self._fetching: asyncio.Task[None] | None = None
        self.generation = 0

    @property
    def usable(self) -> bool:
        """Whether there are keys that are not too old."""
        return self._clock() - self._fetched_at < STALE_SECONDS

    def refresh_if_old(self) -> None:
        """Begin a fetch beside the request when the keys are old, and the last one began long enough ago."""
        if self._clock() - self._fetched_at > FRESH_SECONDS:
            self._begin()

    async def having(self, key_id: str) -> Keys:
        """The keys, fetched first if they may lack this one; raises Unauthenticated without usable ones."""
        self.refresh_if_old()
        if not self.usable or key_id not in self._keys:
            self._begin()
            if self._fetching is not None:
                await asyncio.shield(self._fetching)
        if not self.usable:
            raise Unauthenticated
        return self._keys

    async def close(self) -> None:
        """Let go of a fetch under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _begin(self) -> None:
        now = self._clock()
        if self._fetching is None and now - self._tried_at >= PAUSE_SECONDS:
            self._tried_at = now
            self._fetching = asyncio.create_task(self._fetch())

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(_FETCH_SECONDS):
                if self._jwks_uri is None:
                    self._jwks_uri = await self._discovered()
                found = Keys(await read_json(self._client, self._jwks_uri))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, DeskError, ValueError) as error:
            self._jwks_uri = self._trusted.jwks_uri  # it may have moved
            KEY_FETCHES.labels(self._trusted.name, "failed").inc()
            DEGRADED.labels("issuer").inc()
            log.warning("degraded", what=f"keys of {self._trusted.name}", instead=type(error).__name__)
        else:
            KEY_FETCHES.labels(self._trusted.name, "fetched").inc()
            self._take(found)
        finally:
            self._fetching = None

    def _take(self, found: Keys) -> None:
        self._fetched_at = self._clock()
        if found != self._keys:
            self._keys = found
            self.generation += 1  # what was believed by a key that is gone must be asked again

    async def _discovered(self) -> str:
        document = await discover(self._client, self._trusted)
        return endpoint(document, "jwks_uri", self._trusted)


async def discover(client: httpx.AsyncClient, trusted: TrustedIssuer) -> Mapping[str, Any]:
    """The issuer's discovery document; raises ValueError when it speaks for another issuer."""
    address = trusted.issuer.rstrip("/") + "/.well-known/openid-configuration"
    document = await read_json(client, address)
    if document.get("issuer") != trusted.issuer:
        raise ValueError("the document is another issuer's")
    return document


def endpoint(document: Mapping[str, Any], name: str, trusted: TrustedIssuer) -> str:
    """An address of the document; raises ValueError unless it is as safe as the issuer's own."""
    address = document.get(name)
    safe = ("https://", "http://") if trusted.plain_http else ("https://",)
    if not isinstance(address, str) or not address.startswith(safe):
        raise ValueError(f"the document has no usable {name}")
    return address


async def read_json(client: httpx.AsyncClient, address: str) -> Mapping[str, Any]:
    """A JSON object of bounded size; raises ValueError, or httpx's error when there is none."""
    async with client.stream("GET", address, headers={"accept": "application/json"}) as response:
        response.raise_for_status()
        if response.is_redirect:
            raise ValueError("it redirects")
        return await bounded_json(response)


async def bounded_json(response: httpx.Response) -> Mapping[str, Any]:
    """The JSON object of a streamed answer; raises ValueError when it is too large or no object."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise ValueError("it is too large")
    found = orjson.loads(body)
    if not isinstance(found, dict):
        raise ValueError("it is no object")
    return found


def open_client() -> httpx.AsyncClient:
    """What issuers are asked with: few connections, short waits, no redirects."""
    return httpx.AsyncClient(
        timeout=_TIMEOUT_SECONDS,
        follow_redirects=False,
        limits=httpx.Limits(max_connections=10, max_keepalive_connections=2, keepalive_expiry=5),
        headers={"user-agent": "Deskgraph"},
    )


def _may_verify(key: Mapping[str, Any]) -> bool:
    """Whether it is a public key with a name, for signatures."""
    named = isinstance(key.get("kid"), str) and 0 < len(key["kid"]) <= 255
    public = key.get("kty") in ("RSA", "EC", "OKP") and "d" not in key
    operations = key.get("key_ops", ["verify"])
    return named and public and key.get("use", "sig") == "sig" and "verify" in operations


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    if key.get("alg", algorithm) != algorithm:
        return False
    kind, curves = _CURVES.get(algorithm, ("RSA", (None,)))
    return bool(key["kty"] == kind and key.get("crv") in curves)
