"""Which models there are, what they cost and whether their requests leave the machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Literal
from urllib.parse import urlsplit

from desk.errors import Misconfigured
from desk.settings import Settings

Provider = Literal["openai", "llama_cpp", "scripted"]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model as configured. Prices are US dollars per million tokens; `context_window` is in tokens.

    `external` is True when requests leave the machine or the private network. A reasoning model takes
    `reasoning_effort` and no temperature; without `tools` none may be offered.
    """

    name: str
    provider: Provider
    external: bool
    context_window: int
    usd_per_million_in: float = 0.0
    usd_per_million_out: float = 0.0
    reasoning_effort: str | None = None
    tools: bool = True


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A hosted model's published figures."""

    context_window: int
    usd_per_million_in: float
    usd_per_million_out: float
    reasoning_effort: str | None = None


# Published list prices, standard tier. Effort: the least that the family accepts, as a customer waits.
OPENAI_MODELS: dict[str, ListedModel] = {
    "gpt-5": ListedModel(400_000, 1.25, 10.00, "minimal"),
    "gpt-5-mini": ListedModel(400_000, 0.25, 2.00, "minimal"),
    "gpt-5-nano": ListedModel(400_000, 0.05, 0.40, "minimal"),
    "gpt-4.1": ListedModel(1_047_576, 2.00, 8.00),
    "gpt-4.1-mini": ListedModel(1_047_576, 0.40, 1.60),
    "gpt-4.1-nano": ListedModel(1_047_576, 0.10, 0.40),
    "gpt-4o": ListedModel(128_000, 2.50, 10.00),
    "gpt-4o-mini": ListedModel(128_000, 0.15, 0.60),
}

# A hosted model that is not listed costs what the dearest listed one does: a budget errs on the safe side.
UNLISTED = ListedModel(
    128_000,
    max(model.usd_per_million_in for model in OPENAI_MODELS.values()),
    max(model.usd_per_million_out for model in OPENAI_MODELS.values()),
)

LLAMA_CONTEXT_WINDOW = 4096
_PRIVATE = tuple(map(ip_network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_PRIVATE_V6 = tuple(map(ip_network, ("::1/128", "fc00::/7")))


def cost_usd(model: ModelSpec, prompt_tokens: int, completion_tokens: int) -> float:
    """What this many tokens cost, in US dollars."""
    micro = prompt_tokens * model.usd_per_million_in + completion_tokens * model.usd_per_million_out
    return micro / 1_000_000


def configured_models(settings: Settings) -> tuple[ModelSpec, ...]:
    """The models that the settings name, in `model_order`; providers that are not set are left out.

    Raises Misconfigured when `model_order` names an unknown provider.
    """
    specs = (_describe(name)(settings) for name in settings.model_order)
    return tuple(spec for spec in specs if spec is not None)


def is_private_address(url: str) -> bool:
    """Whether the address is this machine or a private network, told from the literal alone.

    Names other than localhost are not looked up, as the answer may change: they count as external.
    """
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    networks = _PRIVATE_V6 if isinstance(address, IPv6Address) else _PRIVATE
    return any(address in network for network in networks)


def _describe(provider: str) -> Callable[[Settings], ModelSpec | None]:
    try:
        return _PROVIDERS[provider]
    except KeyError:
        known = ", ".join(sorted(_PROVIDERS))
        raise Misconfigured(f"DESK_MODEL_ORDER names '{provider}'; the providers are {known}.") from None


def _openai(settings: Settings) -> ModelSpec | None:
    name, address = settings.openai_model, settings.openai_base_url
    if address and is_private_address(address):
        return ModelSpec(name, "openai", external=False, context_window=UNLISTED.context_window)
    if settings.openai_api_key is None and address is None:
        return None
    listed = OPENAI_MODELS.get(name, UNLISTED)
    return ModelSpec(
        name,
        "openai",
        external=True,
        context_window=listed.context_window,
        usd_per_million_in=listed.usd_per_million_in,
        usd_per_million_out=listed.usd_per_million_out,
        reasoning_effort=listed.reasoning_effort,
    )


def _llama_cpp(settings: Settings) -> ModelSpec | None:
    path = settings.llama_model_path
    if path is None:
        return None
    return ModelSpec(path.stem, "llama_cpp", False, LLAMA_CONTEXT_WINDOW, tools=False)


def _scripted(settings: Settings) -> ModelSpec:
    if settings.environment == "production":
        raise Misconfigured("DESK_MODEL_ORDER names 'scripted', a test model; take it out in production.")
    return ModelSpec("scripted", "scripted", external=False, context_window=LLAMA_CONTEXT_WINDOW)


_PROVIDERS: dict[str, Callable[[Settings], ModelSpec | None]] = {
    "llama_cpp": _llama_cpp,
    "openai": _openai,
    "scripted": _scripted,
}
