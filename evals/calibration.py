"""Calibration: how far a judge agrees with labels of people, and what its rate says once that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from desk.errors import InvalidInput, Misconfigured
from evals.data import Row, read_rows
from evals.intervals import REPEATS, SEED, Interval, Z, wilson
from evals.judges import Answered, Judge, Ruling

# "Substantial" agreement (Landis and Koch 1977); under it a judge decides nothing.
LEAST_KAPPA = 0.6

LABEL = {"id": str, "question": str, "answer": str}
_LABELS: dict[object, bool] = {"yes": True, "no": False, True: True, False: False}


@dataclass(frozen=True, slots=True)
class Labelled:
    """An answer, and whether people found it good."""

    answered: Answered
    good: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a judge's verdicts and the labels fell together: `yes_no` = the label says yes, the judge no.

    It holds for one text of the prompt and one model. `silent` are labels on which it gave no verdict.
    """

    judge: str
    version: int
    sha: str
    model: str
    yes_yes: int
    yes_no: int
    no_yes: int
    no_no: int
    silent: int

    @property
    def n(self) -> int:
        """Labels with a verdict."""
        return self.yes_yes + self.yes_no + self.no_yes + self.no_no

    @property
    def agreement(self) -> float:
        """The share of verdicts that are as the label."""
        return (self.yes_yes + self.no_no) / self.n

    @property
    def kappa(self) -> float:
        """Cohen's kappa: agreement beyond that of chance; 0 where all labels, or all verdicts, are equal."""
        return float(_kappa(np.array([self._cells()], dtype=float))[0])

    @property
    def kappa_interval(self) -> Interval:
        """Its 95 % interval, from draws of the labels."""
        random = np.random.default_rng(SEED)
        drawn = random.multinomial(self.n, np.array(self._cells()) / self.n, REPEATS)
        low, high = np.percentile(_kappa(drawn.astype(float)), [2.5, 97.5])
        return float(low), float(high)

    @property
    def sensitivity(self) -> tuple[int, int]:
        """Of how many good answers it found how many good."""
        return self.yes_yes, self.yes_yes + self.yes_no

    @property
    def specificity(self) -> tuple[int, int]:
        """Of how many bad answers it found how many bad."""
        return self.no_no, self.no_no + self.no_yes

    def _cells(self) -> tuple[int, int, int, int]:
        return self.yes_yes, self.yes_no, self.no_yes, self.no_no


@dataclass(frozen=True, slots=True)
class Rate:
    """The share of good answers, corrected for the judge's errors; None where nothing can be said."""

    value: float | None
    interval: Interval | None


def read_labels(path: Path) -> list[Labelled]:
    """Rows of `{id, question, answer, sources?, label}`, the label yes or no; raises InvalidInput."""
    return [_labelled(row, path) for row in read_rows(path, LABEL)]


async def calibrate(judge: Judge, labels: Sequence[Labelled]) -> tuple[Calibration, list[Ruling]]:
    """Let the judge rule on every label. Raises InvalidInput when none got a verdict, or models differ."""
    rulings = [await judge.rule(one.answered) for one in labels]
    models = {ruling.model for ruling in rulings if ruling.good is not None}
    if len(models) != 1:
        why = f"several models ({', '.join(sorted(models))})" if models else rulings[0].reason
        raise InvalidInput(f"The judge {judge.name} cannot be calibrated: {why}")
    cells = {(label, verdict): 0 for label in (True, False) for verdict in (True, False, None)}
    for one, ruling in zip(labels, rulings, strict=True):
        cells[one.good, ruling.good] += 1
    found = Calibration(
        judge.name,
        judge.prompt.version,
        judge.prompt.sha,
        models.pop(),
        cells[True, True],
        cells[True, False],
        cells[False, True],
        cells[False, False],
        cells[True, None] + cells[False, None],
    )
    return found, rulings


def read_calibration(name: str, folder: Path) -> Calibration | None:
    """What `desk eval judge` kept; None when there is none, Misconfigured for a broken file."""
    path = folder / f"{name}.json"
    if not path.exists():
        return None
    try:
        return Calibration(**orjson.loads(path.read_bytes()))
    except (orjson.JSONDecodeError, TypeError) as error:
        raise Misconfigured(f"{path.name}: it cannot be read; write it by `desk eval judge`.") from error


def write_calibration(found: Calibration, folder: Path) -> Path:
    """Keep a calibration beside the code, or in a folder of one's own."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found.judge}.json"
    path.write_bytes(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return path


def why_unusable(judge: Judge, found: Calibration | None) -> str | None:
    """Why nothing may be decided by this judge; None when something may."""
    how = f"calibrate it: `desk eval judge {judge.name} --labels FILE`"
    if found is None:
        return f"The judge {judge.name} has no calibration; {how}."
    if found.sha != judge.prompt.sha:
        return f"The judge {judge.name} was calibrated with another text of its prompt; {how}."
    permitted = {spec.name for spec in judge.asker.model.specs}
    if found.model not in permitted:
        return f"The judge {judge.name} was calibrated with the model {found.model}, which is not set; {how}."
    if not found.sensitivity[1] or not found.specificity[1]:
        return f"The judge {judge.name} was calibrated without labels of both kinds; {how} that has both."
    if found.kappa < LEAST_KAPPA:
        return (
            f"The judge {judge.name} agrees too little with people: kappa {found.kappa:.2f} of {found.n} "
            f"labels, at least {LEAST_KAPPA} is needed. Improve its prompt or take another model."
        )
    return None


def corrected_rate(found: Calibration, yes: int, of: int, silent: int = 0) -> Rate:
    """The true share behind `yes` of `of` verdicts (Rogan and Gladen 1978; interval: Lang, Reiczigel 2014).

    The interval holds the uncertainty of the calibration too. `silent` answers have no verdict: its ends are
    those of all of them bad and of all of them good.
    """
    (hits, good), (rejected, bad) = found.sensitivity, found.specificity
    if not of or not good or not bad or hits / good + rejected / bad <= 1:
        return Rate(None, None)
    value = (yes / of + rejected / bad - 1) / (hits / good + rejected / bad - 1)
    ends = [_lang_reiczigel(found, yes + more, of + silent) for more in {0, silent}]
    interval = min(low for low, _ in ends), max(high for _, high in ends)
    return Rate(min(1.0, max(0.0, value)), interval)


def _lang_reiczigel(found: Calibration, yes: int, of: int) -> Interval:
    (hits, good), (rejected, bad) = found.sensitivity, found.specificity
    told = (yes + Z * Z / 2) / (of + Z * Z)
    sens, spec = (hits + 1) / (good + 2), (rejected + 1) / (bad + 2)
    youden = sens + spec - 1
    if youden <= 0:
        return 0.0, 1.0
    rate = (told + spec - 1) / youden
    of_sens, of_spec = sens * (1 - sens) / (good + 2), spec * (1 - spec) / (bad + 2)
    spread = told * (1 - told) / (of + Z * Z) + rate**2 * of_sens + (1 - rate) ** 2 * of_spec
    shift = 2 * Z * Z * (rate * of_sens - (1 - rate) * of_spec)
    half = Z * sqrt(spread) / youden
    return max(0.0, rate + shift - half), min(1.0, rate + shift + half)


def agreement_rows(found: Calibration) -> list[tuple[str, float, Interval]]:
    """What a calibration says, figure by figure, with 95 % intervals; shares of nothing are left out."""
    same = found.yes_yes + found.no_no
    rows = [
        ("agreement", found.agreement, wilson(same, found.n)),
        ("kappa", found.kappa, found.kappa_interval),
    ]
    for name, (right, of) in (("sensitivity", found.sensitivity), ("specificity", found.specificity)):
        if of:
            rows.append((name, right / of, wilson(right, of)))
    return rows


def _kappa(cells: Any) -> Any:
    """Of tables of four cells, shape (tables, 4)."""
    n = cells.sum(axis=1)
    same = (cells[:, 0] + cells[:, 3]) / n
    label_yes, judge_yes = (cells[:, 0] + cells[:, 1]) / n, (cells[:, 0] + cells[:, 2]) / n
    chance = label_yes * judge_yes + (1 - label_yes) * (1 - judge_yes)
    return np.where(chance < 1, (same - chance) / np.maximum(1 - chance, 1e-12), 0.0)


def _labelled(row: Row, path: Path) -> Labelled:
    label, sources = row.get("label"), row.get("sources", [])
    if not isinstance(label, str | bool) or label not in _LABELS:
        raise InvalidInput(f"{path.name}, row {row['id']}: `label` is yes or no.")
    if not isinstance(sources, list) or not all(isinstance(source, str) for source in sources):
        raise InvalidInput(f"{path.name}, row {row['id']}: `sources` is a list of texts.")
    return Labelled(Answered(row["id"], row["question"], row["answer"], tuple(sources)), _LABELS[label])
