"""Tenant settings as an operator may set them: every wrong one is refused, with what would be right."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from desk.domain import TenantSettings
from desk.errors import InvalidInput, Misconfigured
from desk.privacy.references import compile_order_patterns
from desk.storage.tenants import read_settings
from graphs.handoffs.office_hours import office_hours, zone_of
from prompts.intents import load_intents
from prompts.replies import LANGUAGES
from tools import load_tools
from tools.declared import check as check_tool
from tools.mcp.tool import check_server, offered_name

_BROKEN = re.compile("[\0\ud800-\udfff]")
_COLOR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
_POSITIVE = (
    "sla_minutes",
    "return_days",
    "rate_limit_per_minute",
    "rate_limit_per_hour",
    "tenant_rate_limit_per_minute",
    "tenant_rate_limit_per_hour",
)
_NOT_NEGATIVE = (
    "budget_usd_per_day",
    "budget_usd_per_month",
    "user_budget_usd_per_day",
    "user_budget_usd_per_month",
)
MOST_TOOLS = 20
MOST_ERROR = 0.5
MOST_RETURN_DAYS = 36_500
LONGEST_ADDRESS = 2_000
_LARGEST = 1_000_000_000


def changed_settings(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored, with the changes; a null puts a setting back. Raises InvalidInput: what to do."""
    both = {**stored, **changes}
    kept = {name: value for name, value in both.items() if changes.get(name, value) is not None}
    if _has_broken_text(kept):
        raise InvalidInput("A setting holds a NUL or half of a character, which cannot be kept; take it out.")
    try:
        settings = read_settings(kept)
    except Misconfigured as error:
        raise InvalidInput(error.detail) from error
    for name, check in _CHECKS.items():
        said = check(settings)
        if said:
            raise InvalidInput(f"settings.{name}: {said}")
    written = asdict(settings)
    return {name: written[name] for name in kept}


def _has_broken_text(settings: Mapping[str, Any]) -> bool:
    unseen: list[Any] = [settings]
    while unseen:
        value = unseen.pop()
        if isinstance(value, str) and _BROKEN.search(value):
            return True
        if isinstance(value, Mapping):
            unseen += [*value, *value.values()]
        elif isinstance(value, list | tuple):
            unseen += value
    return False


def _locale(settings: TenantSettings) -> str | None:
    if settings.locale in LANGUAGES:
        return None
    return f"there are no replies in this language; there are {', '.join(sorted(LANGUAGES))}."


def _intent_pack(settings: TenantSettings) -> str | None:
    try:
        load_intents(settings.intent_pack)
    except Misconfigured as error:
        return error.detail
    return None


def _order_patterns(settings: TenantSettings) -> str | None:
    try:
        compile_order_patterns(settings.order_patterns)
    except InvalidInput as error:
        return error.detail
    return None


def _office_hours(settings: TenantSettings) -> str | None:
    try:
        zone_of(settings.timezone)
    except Misconfigured as error:
        return error.detail
    if len(office_hours(settings).openings) == len(settings.office_hours):
        return None
    return 'write spans like "mon-fri 09:00-18:00".'


def _addresses(settings: TenantSettings) -> str | None:
    for address in (settings.webhook_url, settings.shop_api_url):
        if address is not None and not _is_address(address, ("http", "https")):
            return "write a whole address that begins with https://."
    return None


def _is_address(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:  # as of "https://["
        return False
    whole = len(text) <= LONGEST_ADDRESS and not re.search(r"\s", text)
    return whole and parts.scheme in schemes and bool(parts.hostname)


def _numbers(settings: TenantSettings) -> str | None:
    values = asdict(settings)
    for name in _POSITIVE:
        if values[name] is not None and not 1 <= values[name] <= _LARGEST:
            return f"{name} must be from 1 to {_LARGEST}; null is the desk's own."
    for name in _NOT_NEGATIVE:
        if values[name] is not None and not 0 <= values[name] <= _LARGEST:
            return f"{name} is in US dollars and must not be below 0; null is no bound."
    if settings.return_days is not None and settings.return_days > MOST_RETURN_DAYS:
        return f"return_days must be at most {MOST_RETURN_DAYS}; null is without end."
    if settings.faq_threshold is not None and not 0 <= settings.faq_threshold <= 1:
        return "faq_threshold must be from 0 to 1; null is the measured one."
    if settings.promised_error is not None and not 0 < settings.promised_error < MOST_ERROR:
        return f"promised_error is a share above 0 and below {MOST_ERROR}; null promises nothing."
    return None


def _http_tools(settings: TenantSettings) -> str | None:
    names = [declared.name for declared in settings.http_tools]
    taken = {tool.name for tool in load_tools()} & set(names)
    if len(names) > MOST_TOOLS or len(set(names)) < len(names) or taken:
        return f"at most {MOST_TOOLS} tools, each with a name of its own; {sorted(taken) or 'none'} is taken."
    try:
        for declared in settings.http_tools:
            check_tool(declared)
    except Misconfigured as error:
        return error.detail
    return None


def _mcp_servers(settings: TenantSettings) -> str | None:
    servers = settings.mcp_servers
    offered = [offered_name(server, tool) for server in servers for tool in server.tools]
    others = [tool.name for tool in load_tools()] + [declared.name for declared in settings.http_tools]
    taken = sorted({name for name in offered if (offered + others).count(name) > 1})
    if len(offered) + len(settings.http_tools) > MOST_TOOLS or taken:
        return (
            f"at most {MOST_TOOLS} tools with those of http_tools, each with a name of its own;"
            f" {taken or 'none'} is taken."
        )
    if len({server.name for server in servers}) < len(servers):
        return "each server has a name of its own."
    try:
        for server in servers:
            check_server(server)
    except Misconfigured as error:
        return error.detail
    return None


def _branding(settings: TenantSettings) -> str | None:
    branding = settings.branding
    if branding.color is not None and not _COLOR.fullmatch(branding.color):
        return "color must be written as #rrggbb."
    if branding.logo_url is not None and not _is_address(branding.logo_url, ("https",)):
        return "logo_url must be a whole address that begins with https://."
    if branding.title is not None and not 1 <= len(branding.title) <= 80:
        return "title must have 1 to 80 characters."
    return None


_CHECKS: dict[str, Callable[[TenantSettings], str | None]] = {
    "locale": _locale,
    "intent_pack": _intent_pack,
    "order_patterns": _order_patterns,
    "http_tools": _http_tools,
    "mcp_servers": _mcp_servers,
    "office_hours": _office_hours,
    "webhook_url": _addresses,
    "numbers": _numbers,
    "branding": _branding,
}
