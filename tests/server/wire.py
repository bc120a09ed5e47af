"""How tests speak to the application: ask and read the reply, or read a turn's events."""

from __future__ import annotations

import json
from typing import Any

import httpx


async def ask(client: httpx.AsyncClient, message: str, **body: Any) -> dict[str, Any]:
    """The reply object of one turn."""
    sent = {"message": message, **{key: value for key, value in body.items() if value is not None}}
    response = await client.post("/api/v1/chat/", json=sent)
    assert response.status_code == 200, response.text
    reply: dict[str, Any] = response.json()
    return reply


async def read_events(
    client: httpx.AsyncClient, body: dict[str, Any], headers: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """Every event of one streamed turn, as `{id, event, data}`."""
    response = await client.post("/api/v1/chat/stream", json=body, headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    return parse_events(response.text)


def parse_events(text: str) -> list[dict[str, Any]]:
    """The frames of an event stream, comments left out."""
    events = []
    for block in text.split("\n\n"):
        lines = [line.partition(": ") for line in block.splitlines() if line and not line.startswith(":")]
        if lines:
            fields = {name: value for name, _, value in lines}
            events.append(
                {"id": int(fields["id"]), "event": fields["event"], "data": json.loads(fields["data"])}
            )
    return events
