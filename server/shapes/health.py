"""The shape of health."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict


class HealthOut(TypedDict):
    """`ok` while the process answers, `ready` while it can answer customers."""

    status: Literal["ok", "ready"]
