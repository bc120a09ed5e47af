"""The plugin that holds answers to their description notices each way to miss it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.plugins.described import description

SENT: dict[str, Any] = {"state": "accepted", "turn_id": "0199a0b0-0000-7000-8000-000000000000"}
CANCEL = "/api/v1/turns/0199a0b0-0000-7000-8000-000000000000/cancel"


def answered(status: int, path: str = CANCEL, method: str = "POST", **body: Any) -> httpx.Response:
    """An answer as a client would have read it."""
    return httpx.Response(status, request=httpx.Request(method, f"http://desk{path}"), **body)


def test_an_answer_as_described_is_let_pass() -> None:
    assert list(description().objections(answered(202, json=SENT))) == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (202, {"json": SENT | {"more": 1}}),
        (202, {"json": {"state": "accepted"}}),
        (202, {"json": SENT | {"turn_id": None}}),
        (202, {"json": SENT | {"turn_id": "7"}}),
        (202, {"json": SENT | {"state": "lost"}}),
        (200, {"json": SENT}),
        (202, {"text": "accepted"}),
    ],
    ids=["one too many", "one too few", "null", "no uuid", "no state", "another status", "another type"],
)
def test_an_answer_that_misses_it_is_told(status: int, body: dict[str, Any]) -> None:
    assert len(list(description().objections(answered(status, **body)))) == 1


def test_what_is_not_described_is_no_business_of_it() -> None:
    assert list(description().objections(answered(200, "/api/v1/nothing", json={}))) == []


def test_every_operation_describes_its_answer() -> None:
    silent = [
        f"{method} {path}"
        for path, methods in description().document["paths"].items()
        for method, operation in methods.items()
        if not _describes(operation["responses"])
    ]
    assert silent == []


def _describes(responses: dict[str, Any]) -> bool:
    good = {status: answer for status, answer in responses.items() if status < "300"}
    bodies = [
        body for status, answer in good.items() if status != "204" for body in answer["content"].values()
    ]
    return bool(good) and all(body.get("schema") for body in bodies)
