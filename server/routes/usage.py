"""Usage: what models cost the caller's tenant, hour by hour and beside its budgets."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from desk.domain import Principal, Tenant
from desk.storage import budgets, usage_hourly
from desk.storage.pool import Database
from server.deps import CurrentCaller, CurrentDesk
from server.openapi import answers
from server.routes.chat import json_response
from server.shapes.tenants import SpendingOut

router = APIRouter(prefix="/api/v1/usage", tags=["tenants"])

MOST_HOURS = 31 * 24


@router.get("", summary="What was spent, and what may be", responses=answers(SpendingOut))
async def read_usage(
    desk: CurrentDesk, caller: CurrentCaller, hours: Annotated[int, Query(ge=1, le=MOST_HOURS)] = 24
) -> Response:
    """US dollars of this day and month (UTC) beside the budgets; of `hours` the ended ones, oldest first."""
    database = desk.services.engine.database
    return json_response(await shown_usage(database, caller.principal, caller.tenant, hours))


async def shown_usage(database: Database, who: Principal, tenant: Tenant, hours: int) -> dict[str, Any]:
    """How a tenant stands; null where there is no budget."""
    now, settings = datetime.now(UTC), tenant.settings
    async with database.tenant_tx(who) as tx:
        spending = await budgets.read(tx)
        alarms = await budgets.list_alarms(tx)
        found = await usage_hourly.list_hours(tx, now - timedelta(hours=hours), now)
    return {
        "day": {"spent_usd": spending.day, "budget_usd": settings.budget_usd_per_day},
        "month": {"spent_usd": spending.month, "budget_usd": settings.budget_usd_per_month},
        "reserved_usd": spending.reserved,
        "user_budgets_usd": {
            "day": settings.user_budget_usd_per_day,
            "month": settings.user_budget_usd_per_month,
        },
        "exhausted": [
            {"budget": one.budget, "since": one.since.isoformat(), "at": one.at.isoformat()} for one in alarms
        ],
        "hours": [
            {**asdict(hour), "hour": hour.hour.isoformat(), "cost_usd": float(hour.cost_usd)}
            for hour in found
        ],
    }
