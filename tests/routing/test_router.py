"""The router on a small help desk: right, sure when it may be, unsure when it must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from desk.errors import InvalidInput
from desk.models.embeddings import MiniLM
from desk.routing.router import Decision, Example, Router
from tests.routing.phrases import EXAMPLES, UNRELATED

Ask = Callable[[str], Decision]


@dataclass(frozen=True)
class Desk:
    """A router and the vectors of every text that a test asks about."""

    router: Router
    vectors: dict[str, NDArray[np.float32]]

    def ask(self, text: str) -> Decision:
        return self.router.route(text, self.vectors[text])


ASKED = {
    "how do I renew a book?": "renew",
    "I would like to extend my loan by a week": "renew",
    "when does the library close": "opening",
    "what are the opening hors": "opening",
    "how much do I pay if I am late": "fine",
    "my library card was stolen": "card",
    "can I make a photocopy": "print",
}


async def embed_all(embedder: MiniLM, texts: list[str]) -> dict[str, NDArray[np.float32]]:
    return dict(zip(texts, await embedder.embed(texts), strict=True))


@pytest.fixture(scope="module")
async def vectors(embedder: MiniLM) -> dict[str, NDArray[np.float32]]:
    return await embed_all(embedder, [*(e.text for e in EXAMPLES), *ASKED, *UNRELATED])


@pytest.fixture(scope="module")
def desk(vectors: dict[str, NDArray[np.float32]]) -> Desk:
    return Desk(fit(EXAMPLES, vectors), vectors)


def fit(examples: tuple[Example, ...], vectors: dict[str, NDArray[np.float32]]) -> Router:
    return Router.fit(examples, np.array([vectors[example.text] for example in examples]))


@pytest.mark.parametrize(("text", "intent"), ASKED.items())
def test_a_new_wording_finds_its_intent(desk: Desk, text: str, intent: str) -> None:
    decision = desk.ask(text)
    assert (decision.intent, decision.candidate) == (intent, intent)
    assert decision.runner_up not in {None, intent}


@pytest.mark.parametrize("text", UNRELATED)
def test_what_is_unrelated_is_out_of_scope(desk: Desk, text: str) -> None:
    decision = desk.ask(text)
    assert decision.intent is None
    assert decision.confidence < 0.35


def test_an_example_itself_is_nearly_sure(desk: Desk) -> None:
    sure = [desk.ask(example.text) for example in EXAMPLES]
    assert [decision.intent for decision in sure] == [example.intent for example in EXAMPLES]
    assert min(decision.confidence for decision in sure) > 0.9


def test_the_nearest_examples_are_named_best_first(desk: Desk) -> None:
    nearest = desk.router.nearest(desk.vectors["how do I renew a book?"])
    assert nearest[0].text == "how do I renew a book"
    assert nearest[0].intent == "renew"
    assert len(nearest) == 3
    assert nearest[0].similarity >= nearest[1].similarity >= nearest[2].similarity


def test_fitting_twice_gives_the_same_router(desk: Desk) -> None:
    again = Desk(fit(EXAMPLES, desk.vectors), desk.vectors)
    for text in (*ASKED, *UNRELATED):
        assert again.ask(text) == desk.ask(text)


def test_the_order_of_examples_does_not_matter(desk: Desk) -> None:
    turned = Desk(fit(EXAMPLES[::-1], desk.vectors), desk.vectors)
    for text in (*ASKED, *UNRELATED):
        assert turned.ask(text).candidate == desk.ask(text).candidate
        assert turned.ask(text).confidence == pytest.approx(desk.ask(text).confidence, abs=1e-3)


def test_an_example_out_of_scope_lowers_confidence_around_it(desk: Desk) -> None:
    text = "how much do I pay if I am late"
    taught = fit((*EXAMPLES, Example(text, None)), desk.vectors)
    decision = taught.route(text, desk.vectors[text])
    assert decision.confidence < desk.ask(text).confidence - 0.2
    nearest = taught.nearest(desk.vectors[text])[0]
    assert (nearest.text, nearest.intent) == (text, None)


def test_many_examples_out_of_scope_may_train_the_confidence(desk: Desk) -> None:
    noise = np.random.default_rng(1).normal(size=(60, 384)).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    strangers = {f"stranger {number}": vector for number, vector in enumerate(noise)}
    known = desk.vectors | strangers
    router = fit((*EXAMPLES, *(Example(text, None) for text in strangers)), known)
    assert router.route("my cat is ill", known["my cat is ill"]).intent is None
    assert router.route("can I make a photocopy", known["can I make a photocopy"]).intent == "print"


def test_one_intent_is_enough(desk: Desk) -> None:
    only = tuple(example for example in EXAMPLES if example.intent == "renew")
    router = fit(only, desk.vectors)
    decision = router.route(only[0].text, desk.vectors[only[0].text])
    assert (decision.intent, decision.runner_up) == ("renew", None)
    assert router.route("asdkjh qwe", desk.vectors["asdkjh qwe"]).intent is None


@pytest.mark.parametrize("examples", [(), (Example("my cat is ill", None),)])
def test_nothing_to_learn_from_is_refused(desk: Desk, examples: tuple[Example, ...]) -> None:
    with pytest.raises(InvalidInput, match="at least one intent"):
        fit(examples, desk.vectors)


def test_the_proof_is_of_examples_that_were_not_seen(desk: Desk) -> None:
    proof = desk.router.proof
    for place in range(0, len(EXAMPLES), 7):
        others = fit((*EXAMPLES[:place], *EXAMPLES[place + 1 :]), desk.vectors)
        decision = others.route(EXAMPLES[place].text, desk.vectors[EXAMPLES[place].text])
        assert (decision.candidate == EXAMPLES[place].intent) == proof.right[place]
        # The words' rarity is counted, and the curve fitted, on a few rows more or less.
        assert decision.confidence == pytest.approx(proof.confidence[place], abs=0.1)
    seen = [desk.ask(example.text).confidence for example in EXAMPLES]
    assert proof.confidence.mean() < np.mean(seen) - 0.05


def test_what_is_out_of_scope_counts_as_wrong_in_the_proof(desk: Desk) -> None:
    taught = fit((*EXAMPLES, *(Example(text, None) for text in UNRELATED)), desk.vectors)
    assert not taught.proof.right[-len(UNRELATED) :].any()
    assert len(taught.proof.right) == len(EXAMPLES) + len(UNRELATED)


def test_the_reasons_are_those_of_the_decision(desk: Desk) -> None:
    text = "how do I renew a book?"
    told, decision = desk.router.explain(text, desk.vectors[text]), desk.ask(text)
    first, second = told.rivals[:2]
    assert (first.intent, second.intent) == (decision.candidate, decision.runner_up)
    assert decision.margin == pytest.approx(first.score - second.score)
    assert decision.margin > 0
    assert first.similarity == pytest.approx(told.nearest[0].similarity)
    assert told.outside == 0, "no example is out of scope"


def test_a_decision_is_what_the_evidence_of_the_fitting_says(desk: Desk) -> None:
    """The hot path leaves out what a single text does not need, and must come to the same bits."""
    taught = fit((*EXAMPLES, *(Example(text, None) for text in UNRELATED)), desk.vectors)
    for router in (desk.router, taught):
        for text in (*ASKED, *UNRELATED):
            evidence = router.classifier.judge(text, desk.vectors[text])
            best = int(evidence.scores[0].argmax())
            score, near = np.maximum(evidence.scores[0, best], 0), np.maximum(evidence.nearest[0, best], 0)
            expected = router.calibration.probability(float(score), float(near - evidence.outside[0]))
            assert router.route(text, desk.vectors[text]).confidence == expected
