"""The wire to LangSmith: the one place that speaks to it, and that keeps its own tracer off."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import Any

import langsmith
import requests
from langsmith.utils import LangSmithError
from urllib3.util.retry import Retry

from desk.errors import Misconfigured, Unavailable
from desk.settings import Settings, forget_variables

Check = Callable[[bytes], None]
"""Called with the exact bytes of a body; raises EgressBlocked and nothing is sent."""

TIMEOUT_MS = (3_000, 10_000)


class LangSmithWire:
    """One LangSmith, by its address and key; blocking, so never called from an event loop."""

    def __init__(self, settings: Settings) -> None:
        if settings.langsmith_api_key is None:
            raise Misconfigured("Set LANGSMITH_API_KEY; without it nothing is sent to LangSmith.")
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc of the environment has a say
        self._session.max_redirects = 0
        # Only `request_with_retries` of it is used: with this no thread, no look-up and no runtime report.
        self._client = langsmith.Client(
            settings.langsmith_endpoint,
            api_key=settings.langsmith_api_key.get_secret_value(),
            session=self._session,
            retry_config=Retry(0),
            timeout_ms=TIMEOUT_MS,
            auto_batch_tracing=False,
            omit_traced_runtime_info=True,
            info={},
        )

    def post(self, path: str, body: bytes, check: Check) -> Any:
        """Send a JSON body once `check` accepted it, and give the answer's JSON; raises Unavailable."""
        check(body)
        return self._request("POST", path, data=body)

    def get(self, path: str, **query: str) -> Any:
        """What is there; raises Unavailable."""
        return self._request("GET", path, params=query)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _request(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            answer = self._client.request_with_retries(method, path, **arguments)  # type: ignore[arg-type]
            told = answer.json() if answer.content else None
        except (LangSmithError, requests.RequestException, ValueError) as error:
            # The error may quote what was sent.
            raise Unavailable(f"LangSmith did not take it ({type(error).__name__}).") from None
        if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            raise Unavailable(f"LangSmith answered {answer.status_code}.")
        return told


def tracing_off() -> AbstractContextManager[None]:
    """A context in which nothing is traced by a library, whatever the environment says."""
    return langsmith.tracing_context(enabled=False)


def switch_tracers_off() -> None:
    """Keep the libraries' own tracer off in this process: what it sends passed no scrubber."""
    langsmith.configure(enabled=False)
    # With one of these and its tracer off, LangChain would refuse to run anything.
    forget_variables("LANGCHAIN_TRACING", "LANGCHAIN_HANDLER")
