"""The OpenAI-wire provider: LangChain's ChatOpenAI with its token path replaced by a lean, guarded one.

Importing this module imports langchain_openai (about two seconds): go through `desk.models.lazy`.
The private names of ChatOpenAI that are used here are pinned by tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import openai
import orjson
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI
from pydantic import Field, SecretStr

from desk.errors import Misconfigured
from desk.models.answer import Answer
from desk.models.catalog import ModelSpec
from desk.models.channel import Channel, open_channel
from desk.models.openai_errors import desk_error, raise_as_langchain, raise_unwrapped
from desk.models.port import Guard, ModelEvent, ModelFailed, ModelRequest, Timeouts
from desk.models.wire import WireFailed

DEFAULT_BASE_URL = "https://api.openai.com/v1"


class GuardedChatOpenAI(ChatOpenAI):
    """ChatOpenAI whose every request passes an egress guard, and whose stream is cheap."""

    spec: ModelSpec = Field(exclude=True)
    channel: Channel = Field(exclude=True)
    egress_guard: Guard | None = Field(default=None, exclude=True)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Never: a rebuilt copy would lack the guard."""
        return False

    async def stream_request(
        self, request: ModelRequest, *, guard: Guard
    ) -> AsyncGenerator[ModelEvent, None]:
        """The answer to a request, without LangChain's objects on the way.

        Raises ModelFailed, EgressBlocked, or Misconfigured when the key or the model's name is refused.
        """
        body = self._body(request)
        answer = Answer(self.spec, len(body))
        guarding = guard if self.spec.external else allow
        try:
            async with aclosing(self.channel.stream(body, guarding)) as arrivals:
                async for chunks in arrivals:
                    for event in answer.take(chunks):
                        yield event
        except WireFailed as failure:
            raise desk_error(failure, self.spec) from failure
        yield answer.finish()

    async def warm(self) -> None:
        """All that was slow was the import of this module."""

    async def aclose(self) -> None:
        """Close the connections."""
        await self.channel.aclose()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        """LangChain's stream: chat completions by the lean path, all else by ChatOpenAI's own."""
        payload = self._stream_payload(messages, stop, **kwargs)
        if "messages" in payload and "response_format" not in payload and not self.include_response_headers:
            async with aclosing(self._generation_chunks(orjson.dumps(payload), run_manager)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        await asyncio.to_thread(_import_rare_parts, self.root_async_client)
        try:
            async for chunk in super()._astream(messages, stop=stop, run_manager=run_manager, **kwargs):
                yield chunk
        except openai.APIConnectionError as error:
            raise_unwrapped(error)

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        """ChatOpenAI's own call; a blocked request is raised as such, not as a connection error."""
        if "response_format" in kwargs or self._use_responses_api(kwargs):
            await asyncio.to_thread(_import_rare_parts, self.root_async_client)
        try:
            return await super()._agenerate(*args, **kwargs)
        except openai.APIConnectionError as error:
            raise_unwrapped(error)

    async def _generation_chunks(
        self, body: bytes, run_manager: AsyncCallbackManagerForLLMRun | None
    ) -> AsyncGenerator[ChatGenerationChunk, None]:
        kind: type[Any] = AIMessageChunk
        received = 0
        try:
            async with aclosing(self.channel.stream(body, self.egress_guard)) as arrivals:
                async for raws in arrivals:
                    for raw in raws:
                        received += 1
                        if chunk := self._convert_chunk_to_generation_chunk(raw, kind, {}):
                            kind = chunk.message.__class__
                            await _announce(run_manager, chunk)
                            yield chunk
        except WireFailed as failure:
            silence = self.channel.times.between_tokens
            raise_as_langchain(failure, self, silence=silence, received=received)

    def _body(self, request: ModelRequest) -> bytes:
        """The request's bytes; its messages are in wire form already and skip LangChain's round trip."""
        options: dict[str, Any] = {"max_tokens": request.max_tokens}
        if self.spec.reasoning_effort is None:
            options["temperature"] = request.temperature
        if request.tools:
            options["tools"] = list(request.tools)
        payload = self._stream_payload([], None, **options)
        if "messages" not in payload:
            raise Misconfigured(
                f"The model '{self.spec.name}' speaks only OpenAI's responses API; set DESK_OPENAI_MODEL to "
                "one that speaks chat completions."
            )
        payload["messages"] = list(request.messages)
        if not self.spec.external:
            # Older servers of one's own know the limit only by its first name.
            payload["max_tokens"] = request.max_tokens
        try:
            return orjson.dumps(payload)
        except orjson.JSONEncodeError as error:
            raise ModelFailed(self.spec.name, "rejected") from error

    def _stream_payload(
        self, messages: list[BaseMessage], stop: list[str] | None, **kwargs: Any
    ) -> dict[str, Any]:
        counted = self._should_stream_usage(**kwargs)
        options = {name: value for name, value in kwargs.items() if name != "stream_usage"}
        if counted:
            options["stream_options"] = {"include_usage": True}
        return self._get_request_payload(messages, stop=stop, **options, stream=True)


def open_openai(
    spec: ModelSpec,
    *,
    api_key: SecretStr | None,
    base_url: str | None,
    times: Timeouts | None = None,
    guard: Guard | None = None,
) -> GuardedChatOpenAI:
    """A client of the model; nothing is connected yet.

    `guard` is for LangChain's own calls (`ainvoke`, `astream`); without it an external model gets nothing.
    """
    default = guard if spec.external else allow
    key = api_key or SecretStr("unset")
    channel = open_channel(base_url or DEFAULT_BASE_URL, key, times or Timeouts(), default)
    return GuardedChatOpenAI(
        spec=spec,
        channel=channel,
        egress_guard=default,
        model=spec.name,
        api_key=key,
        base_url=channel.base_url,
        max_retries=0,
        stream_usage=True,
        reasoning_effort=spec.reasoning_effort,
        # A server of one's own speaks chat completions; the responses API is OpenAI's alone.
        use_responses_api=None if base_url is None else False,
        http_client=channel.blocking,
        http_async_client=channel.client,
        timeout=channel.client.timeout,
    )


def allow(_body: bytes) -> None:
    """The guard of a model that runs on this machine or network."""


def _import_rare_parts(client: openai.AsyncOpenAI) -> tuple[object, object]:
    """What structured output and the responses API need; access alone imports it, for half a second."""
    return client.beta.chat.completions, client.responses


async def _announce(run_manager: AsyncCallbackManagerForLLMRun | None, chunk: ChatGenerationChunk) -> None:
    if run_manager:
        logprobs = (chunk.generation_info or {}).get("logprobs")
        await run_manager.on_llm_new_token(chunk.text, chunk=chunk, logprobs=logprobs)
