"""Which models the settings name, what they cost, and what counts as leaving the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from desk.errors import Misconfigured
from desk.models.catalog import OPENAI_MODELS, ModelSpec, configured_models, cost_usd, is_private_address
from desk.settings import Settings


def settings(**values: Any) -> Settings:
    unset: dict[str, Any] = {"openai_api_key": None, "openai_base_url": None, "llama_model_path": None}
    return Settings(_env_file=None, **{**unset, **values})


KEY = SecretStr("sk-1")


def test_nothing_set_means_no_models() -> None:
    assert configured_models(settings()) == ()


def test_the_order_is_the_settings_and_unset_ones_are_left_out() -> None:
    path = Path("/models/small.gguf")
    both = settings(openai_api_key=KEY, llama_model_path=path)
    assert [spec.provider for spec in configured_models(both)] == ["llama_cpp", "openai"]
    turned = settings(openai_api_key=KEY, llama_model_path=path, model_order=("openai", "llama_cpp"))
    assert [spec.provider for spec in configured_models(turned)] == ["openai", "llama_cpp"]
    assert [spec.name for spec in configured_models(settings(llama_model_path=path))] == ["small"]


def test_an_unknown_provider_is_named() -> None:
    with pytest.raises(Misconfigured, match=r"'opanai'.*llama_cpp, openai, scripted"):
        configured_models(settings(model_order=("opanai",)))


def test_the_test_model_is_refused_in_production() -> None:
    assert configured_models(settings(model_order=("scripted",)))[0].provider == "scripted"
    with pytest.raises(Misconfigured, match="scripted"):
        configured_models(settings(model_order=("scripted",), environment="production"))


def test_openai_itself_is_external_and_priced() -> None:
    (spec,) = configured_models(settings(openai_api_key=KEY, openai_model="gpt-4o-mini"))
    assert spec.external
    assert cost_usd(spec, 1_000_000, 500_000) == pytest.approx(0.15 + 0.30)


def test_a_server_of_ones_own_is_local_free_and_needs_no_key() -> None:
    (spec,) = configured_models(settings(openai_base_url="http://127.0.0.1:11434/v1"))
    assert not spec.external
    assert cost_usd(spec, 10_000, 10_000) == 0


def test_an_unlisted_hosted_model_is_priced_as_the_dearest() -> None:
    (spec,) = configured_models(settings(openai_api_key=KEY, openai_model="brand-new"))
    dearest = max(model.usd_per_million_out for model in OPENAI_MODELS.values())
    assert spec.usd_per_million_out == dearest


def test_cost_is_linear() -> None:
    spec = ModelSpec("m", "openai", True, 1, usd_per_million_in=2.0, usd_per_million_out=8.0)
    assert cost_usd(spec, 0, 0) == 0
    assert cost_usd(spec, 3, 1) == pytest.approx(14e-6)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://localhost:8080/v1", True),
        ("http://127.0.0.1/v1", True),
        ("http://10.1.2.3/v1", True),
        ("http://172.31.0.1/v1", True),
        ("http://192.168.7.7:8000", True),
        ("http://[::1]:8000/v1", True),
        ("http://[fd00::1]/v1", True),
        ("http://[::ffff:10.0.0.1]/v1", True),
        ("https://api.openai.com/v1", False),
        ("http://172.32.0.1/v1", False),
        ("http://8.8.8.8/v1", False),
        ("http://169.254.169.254/", False),
        ("http://[::ffff:8.8.8.8]/v1", False),
        ("http://127.0.0.1@example.com/v1", False),
        ("http://127.0.0.1.example.com/v1", False),
        ("http://localhost.example.com/v1", False),
        ("http://2130706433/v1", False),
        ("http://vllm:8000/v1", False),
        ("", False),
    ],
)
def test_only_literal_private_addresses_count_as_local(url: str, private: bool) -> None:
    assert is_private_address(url) is private
