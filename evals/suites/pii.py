"""The `pii` suite: are personal values masked, and is what must survive left alone?"""

from __future__ import annotations

import re
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from desk.domain import TenantSettings
from desk.privacy.pseudonyms import Vault, scrub
from evals.data import Row
from evals.evidence import Evidence, evidence
from evals.report import Figures, Report, build_report, rounded, share

DEFINITION_VERSION = 1
STRUCTURED = frozenset({"EMAIL", "PHONE", "CREDIT_CARD", "IBAN", "SSN", "IP_ADDRESS"})
MUST_SURVIVE = frozenset({"ORDER_ID", "INVOICE_ID", "ITEM_ID", "PAYMENT_METHOD_ID"})
NOT_COUNTED = "LOCATION"

_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Masked:
    """A row after scrubbing: what was masked as what, and which code points are under a mask."""

    row: Row
    masks: tuple[tuple[int, int, str], ...]
    covered: bytearray
    seconds: float

    def fully(self, start: int, end: int) -> bool:
        """Whether every code point of the range is masked, format characters aside."""
        text = self.row["text"]
        return all(self.covered[at] or unicodedata.category(text[at]) == "Cf" for at in range(start, end))

    def partly(self, start: int, end: int) -> bool:
        """Whether any code point of the range is masked."""
        return any(self.covered[start:end])


def evaluate_pii(rows: Sequence[Row], on_row: Callable[[], None] = lambda: None) -> Report:
    """Scrub every row as the service does for a tenant with default settings, each with a fresh vault.

    Rows are {id, text, spans: [{start, end, type, core_pii?}], source}; `core_pii` is true if absent.
    """
    masked: dict[str, list[Masked]] = defaultdict(list)
    order_patterns = TenantSettings().order_patterns
    for row in rows:
        masked[row["source"]].append(_mask(row, order_patterns))
        on_row()
    everything = [found for of_source in masked.values() for found in of_source]
    judged = {source: _judge(masked[source]) for source in sorted(masked)}
    return build_report(
        "pii",
        DEFINITION_VERSION,
        {source: figures for source, (figures, _) in judged.items()},
        _judge(everything)[0],
        [found.seconds * 1000 for found in everything],
        {source: stands_on for source, (_, stands_on) in judged.items()},
    )


def _mask(row: Row, order_patterns: tuple[str, ...]) -> Masked:
    text = row["text"]
    scrub(text, Vault(), order_patterns=order_patterns, guess=True)  # what is loaded first is not timed
    started = time.perf_counter()
    spans = scrub(text, Vault(), order_patterns=order_patterns, guess=True).spans
    seconds = time.perf_counter() - started
    masks = tuple((span.start, span.end, str(span.type)) for span in spans)
    covered = bytearray(len(row["text"]))
    for start, end, _ in masks:
        covered[start:end] = b"\x01" * (end - start)
    return Masked(row, masks, covered, seconds)


def _judge(masked: Sequence[Masked]) -> tuple[Figures, dict[str, Evidence]]:
    """The figures of some rows, and what they were counted from."""
    of_spans, tokens, clean = _span_shares(masked), _token_counts(masked), _clean_tokens(masked)
    shares = {name: evidence("share", items) for name, items in of_spans.items()}
    stands_on = {**shares, "f2": evidence("f2", tokens), "clean_tokens_masked": evidence("share", clean)}
    figures: dict[str, Any] = {
        "n": len(masked),
        **{
            name: rounded(stands_on[name].figure())
            for name in ("structured_masked", "f2", "clean_tokens_masked", "must_survive_kept")
        },
        "us_per_kb": _us_per_kb(masked),
        "by_type": _by_type(masked, of_spans),
    }
    return figures, stands_on


def _span_shares(masked: Sequence[Masked]) -> dict[str, dict[str, float]]:
    """Right (1) or wrong (0) for every labelled span, under the names of the figures it belongs to."""
    shares: dict[str, dict[str, float]] = {"structured_masked": {}, "must_survive_kept": {}}
    for found in masked:
        for number, span in enumerate(found.row["spans"]):
            item, kind = f"{found.row['id']}:{number}", span["type"]
            hidden = found.fully(span["start"], span["end"])
            shares.setdefault(f"by_type.{kind}.fully_masked", {})[item] = hidden
            if kind in STRUCTURED:
                shares["structured_masked"][item] = hidden
            if kind in MUST_SURVIVE:
                shares["must_survive_kept"][item] = not found.partly(span["start"], span["end"])
    return shares


def _by_type(masked: Sequence[Masked], of_spans: dict[str, dict[str, float]]) -> Figures:
    right, all_masks = _mask_counts(masked)
    labelled = {name.split(".")[1] for name in of_spans if name.startswith("by_type.")}
    figures: Figures = {}
    for kind in sorted(labelled | all_masks.keys()):
        spans = of_spans.get(f"by_type.{kind}.fully_masked", {})
        figures[kind] = {
            "n": len(spans),
            "fully_masked": share(int(sum(spans.values())), len(spans)),
            "precision": share(right[kind], all_masks[kind]),
        }
    return figures


def _mask_counts(masked: Sequence[Masked]) -> tuple[dict[str, int], dict[str, int]]:
    """By type of the mask, those that touch a labelled span which need not survive, and all of them."""
    right: dict[str, int] = defaultdict(int)
    everything: dict[str, int] = defaultdict(int)
    for found in masked:
        for start, end, kind in found.masks:
            everything[kind] += 1
            right[kind] += any(
                span["type"] not in MUST_SURVIVE and span["start"] < end and start < span["end"]
                for span in found.row["spans"]
            )
    return right, everything


def _token_counts(masked: Sequence[Masked]) -> dict[str, tuple[float, ...]]:
    """Hits, false alarms and misses of every row; a token that is masked in part is wrong either way."""
    counts: dict[str, tuple[float, ...]] = {}
    for found in masked:
        hits = false = missed = 0
        for start, end, personal in _judged_tokens(found.row):
            if personal:
                hidden = found.fully(start, end)
                hits, missed = hits + hidden, missed + (not hidden)
            else:
                false += found.partly(start, end)
        counts[found.row["id"]] = (hits, false, missed)
    return counts


def _judged_tokens(row: Row) -> Iterator[tuple[int, int, bool]]:
    """Tokens that count: personal = inside a core span but LOCATION; not = clean, or inside must-survive."""
    for start, end in _tokens(row["text"]):
        touching = [span for span in row["spans"] if span["start"] < end and start < span["end"]]
        inside = [span for span in touching if span["start"] <= start and end <= span["end"]]
        if any(_is_personal(span) for span in inside):
            yield start, end, True
        elif not touching or any(span["type"] in MUST_SURVIVE for span in inside):
            yield start, end, False


def _is_personal(span: Row) -> bool:
    return bool(span.get("core_pii", True)) and span["type"] not in MUST_SURVIVE | {NOT_COUNTED}


def _clean_tokens(masked: Sequence[Masked]) -> dict[str, float]:
    """For every token outside all spans, whether it was masked all the same."""
    clean: dict[str, float] = {}
    for found in masked:
        for start, end in _tokens(found.row["text"]):
            if not any(span["start"] < end and start < span["end"] for span in found.row["spans"]):
                clean[f"{found.row['id']}@{start}"] = found.partly(start, end)
    return clean


def _tokens(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in _TOKEN.finditer(text)]


def _us_per_kb(masked: Sequence[Masked]) -> float | None:
    """Microseconds of scrubbing for 1,024 bytes of UTF-8."""
    kilobytes = sum(len(found.row["text"].encode()) for found in masked) / 1024
    return round(sum(found.seconds for found in masked) * 1e6 / kilobytes, 1) if kilobytes else None
