"""How often a message with one intent is cut, by routers of the sources' own: a part of the suite `parts`."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Final
from zlib import crc32

from desk.models.embeddings import Embedder
from desk.routing.clauses import Verdict, clauses, wishes
from desk.routing.router import Decision, Example, Router
from evals.data import Row
from evals.evidence import evidence
from evals.report import Figures, Report, build_report, rounded

DEFINITION_VERSION: Final = 1
MOST_EXAMPLES: Final = 3_000


async def evaluate_kept_whole(rows: Sequence[Row], embedder: Embedder) -> Report:
    """`single_kept_whole` of each source's rows {text, intent, source, oos}.

    By a hash of its text each row is an example of the source's router, or a message to it.
    """
    by_source: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_source[row["source"]].append(row)
    kept: dict[str, dict[str, float]] = {}
    figures: dict[str, Figures] = {}
    times: list[float] = []
    for source, of_source in sorted(by_source.items()):
        examples = [row for row in of_source if crc32(row["text"].encode()) % 2][:MOST_EXAMPLES]
        asked = [row for row in of_source if not crc32(row["text"].encode()) % 2]
        router = await _fitted(examples, embedder)
        began = time.perf_counter()
        kept[source] = {
            f"{at}": float(await _kept(row["text"], router, embedder)) for at, row in enumerate(asked)
        }
        times.append((time.perf_counter() - began) * 1000 / max(1, len(asked)))
        signs = sum(len(clauses(row["text"])) > 1 for row in asked)
        share = evidence("share", kept[source]).figure()
        figures[source] = {"n": len(asked), "could_be_cut": signs, "single_kept_whole": rounded(share)}
    everything = {f"{source}:{row}": one for source, of in kept.items() for row, one in of.items()}
    overall = {
        "n": len(everything),
        "single_kept_whole": rounded(evidence("share", everything).figure()),
    }
    stands_on = {source: {"single_kept_whole": evidence("share", of)} for source, of in kept.items()}
    return build_report("parts", DEFINITION_VERSION, figures, overall, times, stands_on)


async def _fitted(rows: Sequence[Row], embedder: Embedder) -> Router:
    examples = [Example(row["text"], None if row["oos"] else row["intent"]) for row in rows]
    vectors = await embedder.embed([example.text for example in examples])
    return await asyncio.to_thread(Router.fit, examples, vectors, embedder.words)


async def _kept(text: str, router: Router, embedder: Embedder) -> bool:
    """Whether the message is heard as one wish."""
    pieces = clauses(text)
    if len(pieces) < 2:
        return True
    said = list(map(router.spelled, (text, *(piece.text for piece in pieces))))
    vectors = await embedder.embed(said)
    whole, *parts = (_verdict(router.route(one, vector)) for one, vector in zip(said, vectors, strict=True))
    return not wishes(pieces, parts, whole)


def _verdict(found: Decision) -> Verdict:
    return Verdict(found.intent, found.margin)
