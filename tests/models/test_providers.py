"""The settings become one model; what cannot work is said before anything is asked."""

from __future__ import annotations

import subprocess
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from desk.errors import Misconfigured
from desk.models import llama_process
from desk.models.catalog import ModelSpec
from desk.models.lazy import LazyModel
from desk.models.port import Finished, ModelRequest
from desk.models.providers import PROVIDERS, open_models
from desk.models.scripted import ScriptedModel
from desk.settings import Settings
from tests.servers.openai_wire import openai_wire, refuse, say

QUESTION = ModelRequest(({"role": "user", "content": "hi"},))


def nothing(_body: bytes) -> None:
    """A guard that has no objection."""


def settings(**values: Any) -> Settings:
    unset: dict[str, Any] = {"openai_api_key": None, "openai_base_url": None, "llama_model_path": None}
    return Settings(_env_file=None, **{**unset, **values})


def test_nothing_configured_is_no_model() -> None:
    assert open_models(settings()) is None


async def test_an_address_is_enough_for_a_server_of_ones_own() -> None:
    async with openai_wire() as wire:
        wire.script([refuse(503), say("It is.")])
        model = open_models(settings(openai_base_url=wire.base_url, openai_model="llama3"))
        assert model is not None
        heard: list[tuple[str, str]] = []
        stream = model.stream(QUESTION, guard=nothing, on_degraded=lambda *said: heard.append(said))
        async with aclosing(stream) as events:
            *_, last = [event async for event in events]
        assert isinstance(last, Finished)
        assert (last.text, last.model) == ("It is.", "llama3")
        assert heard == [("model llama3: error", "model llama3 again")]
        await model.aclose()


async def test_what_is_loaded_is_langchains_type() -> None:
    chosen = settings(openai_api_key=SecretStr("sk-1"))
    spec = ModelSpec("gpt-5-mini", "openai", True, 400_000, reasoning_effort="minimal")
    model = PROVIDERS["openai"](spec, chosen)
    assert isinstance(model, LazyModel)
    loaded = await model.loaded()
    assert isinstance(loaded, ChatOpenAI)
    assert loaded.max_retries == 0
    await model.aclose()


def test_a_hosted_server_without_a_key_is_refused() -> None:
    with pytest.raises(Misconfigured, match="OPENAI_API_KEY"):
        open_models(settings(openai_base_url="https://models.example.com/v1"))


def test_a_model_file_is_checked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tmp_path / "model.txt"
    text.write_text("no model")
    monkeypatch.setattr(llama_process, "find_spec", lambda _name: object())
    with pytest.raises(Misconfigured, match="is no GGUF file"):
        open_models(settings(llama_model_path=text))
    with pytest.raises(Misconfigured, match="which is no file"):
        open_models(settings(llama_model_path=tmp_path / "none.gguf"))
    monkeypatch.setattr(llama_process, "find_spec", lambda _name: None)
    with pytest.raises(Misconfigured, match="make extras"):
        open_models(settings(llama_model_path=text))


def test_opening_imports_no_vendor() -> None:
    code = (
        "import sys; from desk.settings import Settings; from desk.models.providers import open_models;"
        "open_models(Settings(_env_file=None, openai_base_url='http://127.0.0.1:1/v1'));"
        "print(sorted({'langchain_openai', 'openai', 'llama_cpp', 'langchain_core'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_loading_that_failed_is_tried_again() -> None:
    outcomes: list[ScriptedModel | Exception] = [Misconfigured("no"), ScriptedModel()]

    class Loaded(ScriptedModel):
        stream_request = ScriptedModel.stream

    def load() -> Loaded:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return Loaded(["two"])

    model = LazyModel(ScriptedModel().spec, load)
    with pytest.raises(Misconfigured):
        await model.warm()
    async with aclosing(model.stream(QUESTION, guard=nothing)) as events:
        *_, last = [event async for event in events]
    assert isinstance(last, Finished)
    assert last.text == "two"
    await model.aclose()


async def test_the_scripted_provider_needs_nothing() -> None:
    model = open_models(settings(model_order=("scripted",)))
    assert model is not None
    async with aclosing(model.stream(QUESTION, guard=nothing)) as events:
        assert [event async for event in events]
