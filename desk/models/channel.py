"""The guarded connections to one OpenAI-wire server: where it is, its key, how long it may take."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import httpx2
from pydantic import SecretStr

from desk.models.egress import GUARD, GuardedSyncTransport, GuardedTransport
from desk.models.http1 import StreamTransport
from desk.models.port import Guard, Timeouts
from desk.models.wire import Chunk, stream_chunks


@dataclass(frozen=True, slots=True)
class Channel:
    """Connections of both kinds; LangChain's blocking calls use `blocking`, everything else `client`."""

    base_url: str
    api_key: SecretStr
    times: Timeouts
    client: httpx2.AsyncClient
    blocking: httpx2.Client

    def stream(self, body: bytes, guard: Guard | None) -> AsyncGenerator[list[Chunk], None]:
        """POST these bytes to the chat completions, once `guard` accepted them; see `stream_chunks`."""
        request = self.client.build_request(
            "POST",
            self.base_url.rstrip("/") + "/chat/completions",
            content=body,
            headers={
                "authorization": f"Bearer {self.api_key.get_secret_value()}",
                "content-type": "application/json",
                "accept": "text/event-stream",
                "accept-encoding": "identity",
            },
            # The silence between pieces is bounded in `stream_chunks`, on content instead of on bytes.
            timeout=httpx2.Timeout(None, connect=self.times.connect),
            extensions={GUARD: guard},
        )
        return stream_chunks(self.client, request, self.times)

    async def aclose(self) -> None:
        """Close all connections."""
        await self.client.aclose()
        self.blocking.close()


def open_channel(base_url: str, api_key: SecretStr, times: Timeouts, default: Guard | None) -> Channel:
    """Connections that are made when needed; `default` guards the calls that carry no guard of their own."""
    tls = httpx2.create_ssl_context()
    limits = httpx2.Timeout(times.total, connect=times.connect)
    transport = GuardedTransport(StreamTransport(tls), default)
    blocking = GuardedSyncTransport(httpx2.HTTPTransport(verify=tls), default)
    return Channel(
        base_url,
        api_key,
        times,
        httpx2.AsyncClient(transport=transport, timeout=limits, trust_env=False),
        httpx2.Client(transport=blocking, timeout=limits, trust_env=False),
    )
