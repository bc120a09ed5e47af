"""The local provider: a GGUF file run by llama.cpp in a process of its own, as a LangChain chat model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import agenerate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field

from desk.errors import InvalidInput
from desk.models.answer import Answer
from desk.models.catalog import ModelSpec
from desk.models.llama_process import LlamaProcess, check_model_file
from desk.models.port import Finished, Guard, ModelEvent, ModelFailed, ModelRequest, TextDelta, Timeouts
from desk.models.wire import WireFailed


class LlamaChat(BaseChatModel):
    """A model of this machine. It takes no tools, as llama.cpp does not parse a model's calls of them."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    spec: ModelSpec = Field(exclude=True)
    process: LlamaProcess = Field(exclude=True)
    times: Timeouts = Field(exclude=True)

    @property
    def _llm_type(self) -> str:
        return "llama_cpp"

    async def stream_request(
        self,
        request: ModelRequest,
        *,
        guard: Guard,  # noqa: ARG002  nothing leaves the machine
        stop: list[str] | None = None,
    ) -> AsyncGenerator[ModelEvent, None]:
        """The answer to a request; raises ModelFailed, Misconfigured, or InvalidInput if it offers tools."""
        if request.tools:
            raise InvalidInput("The local model takes no tools; offer them only where `spec.tools` is set.")
        answer = Answer(self.spec, 0)
        ask = {
            "messages": request.messages,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "stop": stop or [],
        }
        try:
            async with aclosing(self.process.stream(ask, self.times)) as chunks:
                async for chunk in chunks:
                    for event in answer.take((chunk,)):
                        yield event
        except WireFailed as failure:
            raise ModelFailed(self.spec.name, failure.reason) from failure
        yield answer.finish()

    async def warm(self) -> None:
        """Load the model file; raises Misconfigured when it does not load."""
        await self.process.start()

    async def aclose(self) -> None:
        """End the process."""
        await self.process.aclose()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        request = ModelRequest(tuple(convert_to_openai_messages(messages)), **kwargs)
        async with aclosing(self.stream_request(request, guard=_unused, stop=stop)) as events:
            async for event in events:
                if chunk := _generation_chunk(event):
                    if run_manager:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages, stop, run_manager, **kwargs))

    def _generate(self, *_args: Any, **_kwargs: Any) -> ChatResult:
        raise InvalidInput("The local model answers asynchronously only: use ainvoke or astream.")


def open_llama(spec: ModelSpec, path: Path, *, times: Timeouts | None = None) -> LlamaChat:
    """The model of this file; it is loaded when first asked. Raises Misconfigured if that cannot go well."""
    check_model_file(path)
    return LlamaChat(spec=spec, process=LlamaProcess(path, spec.context_window), times=times or Timeouts())


def _generation_chunk(event: ModelEvent) -> ChatGenerationChunk | None:
    match event:
        case TextDelta(text):
            return ChatGenerationChunk(message=AIMessageChunk(content=text))
        case Finished(usage=usage, finish_reason=reason):
            total = usage.prompt_tokens + usage.completion_tokens
            counted = {
                "input_tokens": usage.prompt_tokens,
                "output_tokens": usage.completion_tokens,
                "total_tokens": total,
            }
            message = AIMessageChunk(content="", usage_metadata=counted)
            return ChatGenerationChunk(message=message, generation_info={"finish_reason": reason})
        case _:
            return None


def _unused(_body: bytes) -> None:
    """Nothing leaves the machine."""
