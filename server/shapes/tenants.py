"""The shapes of shops: tenants, their settings, looks and sites, and what they spend."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from typing_extensions import TypedDict

from desk.domain import TenantSettings, TenantStatus
from desk.storage.budgets import Period


class BrandingOut(TypedDict):
    """How a shop's chat looks; `color` is `#rrggbb`."""

    title: str | None
    color: str | None
    logo_url: str | None


class WidgetTokenOut(TypedDict):
    """`token` holds for `expires_in` seconds; who sends `visitor` along next time is the same visitor."""

    token: str
    expires_in: int
    visitor: str


class SiteOut(TypedDict):
    """A page's `site` key, and the origins on which it counts."""

    key: str
    name: str
    origins: list[str]
    created_at: datetime
    revoked_at: datetime | None


class SitesOut(TypedDict):
    """All sites."""

    sites: list[SiteOut]


class TenantOut(TypedDict):
    """A tenant; `settings` are those that were set, `placement` is its schema in the database."""

    id: UUID
    slug: str
    name: str
    placement: str
    settings: TenantSettings
    status: TenantStatus
    created_at: datetime


class FullTenantOut(TenantOut):
    """The same with what counts for settings that were not set."""

    defaults: TenantSettings


class TenantsOut(TypedDict):
    """One page of tenants."""

    tenants: list[TenantOut]
    next_cursor: str | None


class ErasedTenantOut(TypedDict):
    """How many rows went."""

    slug: str
    rows: int


class SettingsOut(TypedDict):
    """Settings that were set, what counts for the others, and which of them an admin may change."""

    settings: TenantSettings
    defaults: TenantSettings
    own: list[str]


class SpentOut(TypedDict):
    """What was spent of a budget, which is null where there is none."""

    spent_usd: float
    budget_usd: float | None


class UserBudgetsOut(TypedDict):
    """What each person may cost."""

    day: float | None
    month: float | None


class ExhaustedOut(TypedDict):
    """A budget that was used up: of the day or month that began at `since`, noticed `at`."""

    budget: Period
    since: date
    at: datetime


class HourOut(TypedDict):
    """An hour of one route; `all` is every route together, `failed` the turns without an answer."""

    hour: datetime
    route: str
    turns: int
    p50_ms: int
    p95_ms: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float


class SpendingOut(TypedDict):
    """What models cost a tenant; `reserved_usd` is kept for turns that have not ended."""

    day: SpentOut
    month: SpentOut
    reserved_usd: float
    user_budgets_usd: UserBudgetsOut
    exhausted: list[ExhaustedOut]
    hours: list[HourOut]
