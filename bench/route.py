"""B10 route: what it costs to tell a message's intent, beside TF-IDF and a linear classifier."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Any

from bench.peers.tfidf_linear import TfidfLinear
from bench.result import Figures, Result, at_most, require_equal
from bench.rounds import percentile
from bench.stage import Effort, Stage
from desk.models.embeddings import MiniLM, load_minilm
from desk.routing.router import Example, Router
from prompts.intents import load_intents

PACK = "bookshop"
NONE = "none"
# Both sides must agree on these before they are timed.
CLEAR = {"hi": "greeting", "where is my order?": "order_status", "which cards do you take?": "payment"}
INTENTS = (10, 100, 400)
EXAMPLES_EACH = 5
HELD_OUT = 5  # every fifth example is asked, the others are learned


@dataclass(frozen=True, slots=True)
class Contest:
    """Both routers, trained on the same examples."""

    embedder: MiniLM
    router: Router
    peer: TfidfLinear

    async def ours(self, text: str) -> str:
        """Our likeliest intent, embedding included."""
        text = self.router.spelled(text)
        vector = (await self.embedder.embed([text]))[0]
        decision = self.router.route(text, vector)
        return decision.intent or NONE


async def measure(stage: Stage, effort: Effort) -> Result:
    """The bookshop's intents, every fifth example asked; then made-up packs of growing size."""
    embedder = load_minilm(stage.settings.models_path)
    pack = load_intents(PACK)
    examples = [Example(text, intent.name) for intent in pack.intents for text in intent.examples]
    examples += [Example(text, None) for text in pack.out_of_scope]
    stage.say("route: the bookshop's intents")
    whole = await _train(embedder, examples)
    for text, intent in CLEAR.items():
        require_equal("ours", await whole.ours(text), intent)
        require_equal("peer", whole.peer.route(text), intent)
    learned = [example for place, example in enumerate(examples) if place % HELD_OUT]
    found = await _ask(await _train(embedder, learned), examples[::HELD_OUT], effort)
    axis = [{"intents": len(pack.intents), **found}]
    for count in INTENTS[: effort.rounds]:
        stage.say(f"route: {count} intents")
        made_up = _made_up(count)
        contest = await _train(embedder, made_up)
        axis.append({"intents": count, **await _ask(contest, made_up[::HELD_OUT][: effort.turns], effort)})
    ours, peer = found["ours"], found["peer"]
    goals = [at_most("p99 in ms, embedding included", ours["p99_ms"], 5)]
    title = "The intent of a message, embedding included, beside TF-IDF and a linear SVM"
    return Result("route", title, ours, peer, found["ratio"], axis, goals)


async def _train(embedder: MiniLM, examples: list[Example]) -> Contest:
    texts = [example.text for example in examples]
    router = Router.fit(examples, await embedder.embed(texts), embedder.words)
    return Contest(embedder, router, TfidfLinear(texts, [example.intent or NONE for example in examples]))


async def _ask(contest: Contest, asked: list[Example], effort: Effort) -> dict[str, Any]:
    """Both sides in turns; a round adds a blank to each text, as vectors of texts seen before are kept."""
    clocks: dict[str, list[tuple[float, float, bool]]] = {"ours": [], "peer": []}
    for number in range(effort.rounds):
        for example in asked:
            text, intent = example.text + " " * number, example.intent or NONE
            wall, cpu = time.perf_counter(), time.process_time()
            answer = await contest.ours(text)
            clocks["ours"].append((time.perf_counter() - wall, time.process_time() - cpu, answer == intent))
            wall, cpu = time.perf_counter(), time.process_time()
            answer = contest.peer.route(text)
            clocks["peer"].append((time.perf_counter() - wall, time.process_time() - cpu, answer == intent))
    ours, peer = (_figures(clock) for clock in clocks.values())
    ratio = {name: round(peer[name] / ours[name], 2) for name in ("cpu_us", "p50_us", "p99_ms")}
    ratio["accuracy"] = round(ours["accuracy"] / peer["accuracy"], 3) if peer["accuracy"] else 0.0
    return {"ours": ours, "peer": peer, "ratio": ratio}


def _figures(clock: list[tuple[float, float, bool]]) -> Figures:
    walls = [wall for wall, _, _ in clock]
    return {
        "cpu_us": round(sum(cpu for _, cpu, _ in clock) / len(clock) * 1e6),
        "p50_us": round(percentile(walls, 0.5) * 1e6),
        "p99_ms": round(percentile(walls, 0.99) * 1000, 2),
        "accuracy": round(sum(right for _, _, right in clock) / len(clock), 3),
    }


def _made_up(count: int) -> list[Example]:
    """Examples of `count` intents, each of six words: four of its own and two of everybody's."""
    rng = random.Random(7)
    words = ["".join(rng.choices("abdegiklmnoprstu", k=rng.randint(4, 8))) for _ in range(4000)]
    examples: list[Example] = []
    for number in range(count):
        own = rng.sample(words, 8)
        for _ in range(EXAMPLES_EACH):
            text = " ".join(rng.sample(own, 4) + rng.sample(words, 2))
            examples.append(Example(text, f"intent_{number}"))
    return examples
