"""Opens the configured models; the one place that knows which provider is which class."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from desk.errors import Misconfigured
from desk.models.catalog import ModelSpec, configured_models
from desk.models.fallback import FallbackModel
from desk.models.lazy import LazyModel
from desk.models.llama_process import check_model_file
from desk.models.port import ChatModel, Timeouts
from desk.models.scripted import ScriptedModel
from desk.settings import Settings

if TYPE_CHECKING:
    from desk.models.llama_cpp import LlamaChat
    from desk.models.openai import GuardedChatOpenAI


def open_models(settings: Settings) -> FallbackModel | None:
    """The configured models as one, None if none is configured; nothing is imported or connected yet.

    Raises Misconfigured when one of them cannot be used as it is set.
    """
    models = [PROVIDERS[spec.provider](spec, settings) for spec in configured_models(settings)]
    return FallbackModel(models, total_seconds=settings.model_timeout_seconds) if models else None


def _openai(spec: ModelSpec, settings: Settings) -> ChatModel:
    if spec.external and settings.openai_api_key is None:
        raise Misconfigured("OPENAI_BASE_URL names a server outside this network; set OPENAI_API_KEY for it.")

    def load() -> GuardedChatOpenAI:
        from desk.models.openai import open_openai

        times = Timeouts(total=settings.model_timeout_seconds)
        return open_openai(
            spec, api_key=settings.openai_api_key, base_url=settings.openai_base_url, times=times
        )

    return LazyModel(spec, load)


def _llama_cpp(spec: ModelSpec, settings: Settings) -> ChatModel:
    path = settings.llama_model_path
    assert path is not None
    check_model_file(path)

    def load() -> LlamaChat:
        from desk.models.llama_cpp import open_llama

        return open_llama(spec, path, times=Timeouts(total=settings.model_timeout_seconds))

    return LazyModel(spec, load)


def _scripted(spec: ModelSpec, _settings: Settings) -> ChatModel:
    return ScriptedModel(spec=spec)


PROVIDERS: dict[str, Callable[[ModelSpec, Settings], ChatModel]] = {
    "llama_cpp": _llama_cpp,
    "openai": _openai,
    "scripted": _scripted,
}
