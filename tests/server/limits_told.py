"""The limits of the tests' application, as another process of the same installation is told them.

Both count in one Redis, and all tests of a session come from one address.
"""

from __future__ import annotations

from desk.settings import Settings


def limits_told(settings: Settings) -> dict[str, str]:
    """Environment variables."""
    return {
        "RATE_LIMIT_PER_MINUTE": str(settings.rate_limit_per_minute),
        "RATE_LIMIT_PER_HOUR": str(settings.rate_limit_per_hour),
        "DESK_ADDRESS_RATE_LIMIT_PER_MINUTE": str(settings.address_rate_limit_per_minute),
        "DESK_ADDRESS_RATE_LIMIT_PER_HOUR": str(settings.address_rate_limit_per_hour),
        "DESK_TENANT_RATE_LIMIT_PER_MINUTE": str(settings.tenant_rate_limit_per_minute),
        "DESK_TENANT_RATE_LIMIT_PER_HOUR": str(settings.tenant_rate_limit_per_hour),
    }
