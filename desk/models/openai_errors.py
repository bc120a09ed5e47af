"""What a broken stream is called: Deskgraph's errors for our callers, LangChain's for LangChain's."""

from __future__ import annotations

from typing import NoReturn

import httpx2
import openai
from langchain_openai import ChatOpenAI, StreamChunkTimeoutError
from langchain_openai.chat_models.base import _handle_openai_api_error, _handle_openai_bad_request

from desk.errors import DeskError, EgressBlocked, Misconfigured
from desk.models.catalog import ModelSpec
from desk.models.port import ModelFailed
from desk.models.wire import WireFailed


def desk_error(failure: WireFailed, spec: ModelSpec) -> DeskError:
    """ModelFailed, or Misconfigured when the server refuses the key or the model's name."""
    match failure.response.status_code if failure.response is not None else None:
        case 401 | 403:
            return Misconfigured("The model's server refuses the key; check OPENAI_API_KEY.")
        case 404:
            advice = "check DESK_OPENAI_MODEL and OPENAI_BASE_URL."
            return Misconfigured(f"The model's server does not know '{spec.name}'; {advice}")
        case _:
            return ModelFailed(spec.name, failure.reason, model_back_in=_retry_after(failure.response))


def raise_as_langchain(failure: WireFailed, model: ChatOpenAI, *, silence: float, received: int) -> NoReturn:
    """Raise the error class that ChatOpenAI raises for this; `received` chunks came before."""
    try:
        raise _openai_error(failure, model, silence, received) from failure
    except openai.BadRequestError as error:
        _handle_openai_bad_request(error)
        raise
    except openai.APIError as error:
        _handle_openai_api_error(error)
        raise


def raise_unwrapped(error: openai.APIConnectionError) -> NoReturn:
    """Raise the guard's objection, which the vendor's client wraps into a connection error, as itself."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, EgressBlocked):
            raise cause from None
        cause = cause.__cause__
    raise error


def _openai_error(failure: WireFailed, model: ChatOpenAI, silence: float, received: int) -> Exception:
    if failure.response is not None:
        status_error: Exception = model.root_async_client._make_status_error_from_response(failure.response)
        return status_error
    request = httpx2.Request("POST", str(model.openai_api_base))
    match failure.reason:
        case "silent":
            return StreamChunkTimeoutError(silence, model_name=model.model_name, chunks_received=received)
        case "timeout":
            return openai.APITimeoutError(request)
        case "connect" | "cut":
            return openai.APIConnectionError(message=f"Connection error: {failure.reason}.", request=request)
        case _:
            return openai.APIError(f"The stream broke off: {failure.reason}.", request, body=failure.body)


def _retry_after(response: httpx2.Response | None) -> float | None:
    """Seconds that the server asks to wait; the header's date form is ignored."""
    try:
        return float(response.headers["retry-after"]) if response is not None else None
    except (KeyError, ValueError):
        return None
