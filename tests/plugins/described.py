"""A pytest plugin: a test fails that is answered otherwise than the OpenAPI document says.

Every successful answer to an `httpx.AsyncClient` is held to its media type and, if it was read whole, to its
shape, where a field too many counts as one too few.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import cache
from typing import Any

import httpx
import jsonschema_rs
import pytest

from desk.settings import Settings

OURS = ("/api/v1/", "/chat")
_HEARD: list[httpx.Response] = []

_send = httpx.AsyncClient.send


async def _send_heard(client: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
    response = await _send(client, request, **options)
    if response.is_success and request.url.path.startswith(OURS):
        _HEARD.append(response if response.is_closed else _beginning(response))
    return response


def _beginning(response: httpx.Response) -> httpx.Response:
    """What is known of an answer whose body is still to come."""
    return httpx.Response(response.status_code, headers=response.headers, request=response.request)


class Description:
    """The OpenAPI document, asked whether an answer is as it says."""

    def __init__(self) -> None:
        from server.access import served  # heavy, and most rooms' tests do without them
        from server.app import build_routes

        app = build_routes(Settings(_env_file=None).model_copy(update={"langserve": False}))
        self.document = closed(app.openapi())
        self._addresses = [
            (method, route.path, route.path_regex)
            for method, route in served(app)
            if route.path in self.document["paths"]
        ]
        self._validators: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def objections(self, response: httpx.Response) -> Iterator[str]:
        """What the answer has, or lacks, against its description; nothing of what is not described."""
        method, path = response.request.method, response.request.url.path
        template = next(
            (at for way, at, known in self._addresses if way == method and known.match(path)), None
        )
        if template is None:
            return
        answers = self.document["paths"][template][method.lower()]["responses"]
        where = f"{method} {template} {response.status_code}"
        content = answers.get(str(response.status_code), {"content": None}).get("content", {})
        media_type = response.headers.get("content-type", "").partition(";")[0]
        if content is None or (media_type and media_type not in content):
            yield f"{where} {media_type} is not described"
        elif media_type == "application/json" and response.content:
            for error in self._validator(where, content[media_type]["schema"]).iter_errors(response.json()):
                yield f"{where} at {'/'.join(map(str, error.instance_path)) or 'the top'}: {error.message}"

    def _validator(self, where: str, schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
        if where not in self._validators:
            whole = {**schema, "components": self.document["components"]}
            self._validators[where] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return self._validators[where]


def closed(schema: Any) -> Any:
    """The schema with every object refusing fields that it does not name."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: closed(part) for name, part in schema.items()}
    if isinstance(parts.get("properties"), dict) and parts.get("type") == "object":
        parts.setdefault("additionalProperties", False)
    return parts


@cache
def description() -> Description:
    """The application's own; made once."""
    return Description()


def pytest_configure() -> None:
    """Hear what every client of this process is answered."""
    httpx.AsyncClient.send = _send_heard  # type: ignore[assignment,method-assign]


def pytest_unconfigure() -> None:
    """Leave httpx as it was."""
    httpx.AsyncClient.send = _send  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Fail the test itself, for what was heard since the one before ended."""
    outcome = yield
    heard, _HEARD[:] = list(_HEARD), []
    said = dict.fromkeys(one for response in heard for one in description().objections(response))
    if said:
        pytest.fail("Not as described: " + "; ".join(said), pytrace=False)
    return outcome
