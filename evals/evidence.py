"""Evidence: the numbers a figure is made of, row by row, so that its error can be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evals.suites.routing import area_under_roc

Kind = Literal["share", "mean", "f2", "auroc"]
Values = NDArray[np.float64]

BETA_SQUARED = 4.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a figure stands on: an id a row and its values, shape (rows, columns).

    Columns: share 0 or 1; mean a number; f2 true positives, false positives, false negatives;
    auroc the confidence and 1 if the row is out of scope.
    """

    kind: Kind
    ids: tuple[str, ...]
    values: Values

    def figure(self) -> float | None:
        """The figure of all rows; None when they cannot tell."""
        return STATISTICS[self.kind](self.values)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {"kind": self.kind, "ids": list(self.ids), "values": self.values.tolist()}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Evidence:
        """The evidence that `to_json` wrote."""
        return cls(stored["kind"], tuple(stored["ids"]), _table(stored["values"]))


def evidence(kind: Kind, items: Mapping[str, float | tuple[float, ...]]) -> Evidence:
    """Evidence from a row's id to its value or values."""
    return Evidence(kind, tuple(items), _table(list(items.values())))


def _table(rows: Sequence[Any]) -> Values:
    return np.array(rows, dtype=float).reshape(len(rows), -1) if rows else np.empty((0, 1))


def _mean(values: Values) -> float | None:
    return float(values[:, 0].mean()) if len(values) else None


def _f2(values: Values) -> float | None:
    """F with recall weighing twice as much: (1 + 4) tp / ((1 + 4) tp + 4 fn + fp)."""
    if not len(values):
        return None
    hits, false, missed = values.sum(axis=0)
    whole = (1 + BETA_SQUARED) * hits + BETA_SQUARED * missed + false
    return float((1 + BETA_SQUARED) * hits / whole) if hits + missed else None


def _auroc(values: Values) -> float | None:
    outside = values[:, 1] > 0 if len(values) else np.zeros(0, dtype=bool)
    if not outside.any() or outside.all():
        return None
    return area_under_roc(values[~outside, 0], values[outside, 0])


STATISTICS: Mapping[Kind, Callable[[Values], float | None]] = MappingProxyType(
    {"share": _mean, "mean": _mean, "f2": _f2, "auroc": _auroc}
)
