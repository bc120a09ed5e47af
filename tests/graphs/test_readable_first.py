"""Which of several passages comes first, where they are written in several languages."""

from __future__ import annotations

import pytest

from desk.tooling import Passage
from graphs.nodes.retrieve_faqs import readable_first


def passage(language: str, score: float) -> Passage:
    return Passage(f"in-{language}", "faq", 1, "A question?", "An answer.", language, score)


@pytest.mark.parametrize(
    ("found", "order"),
    [
        ([("fr", 0.7), ("en", 0.6), ("de", 0.5)], ["en", "fr", "de"]),
        ([("fr", 0.7), ("it", 0.6), ("en", 0.58)], ["it", "en", "fr"]),
        ([("fr", 0.9), ("en", 0.5)], ["fr", "en"]),  # so near that it was meant
        ([("it", 0.7), ("en", 0.69)], ["it", "en"]),
        ([("fr", 0.7), ("de", 0.69)], ["fr", "de"]),
        ([], []),
    ],
)
def test_a_third_language_comes_first_only_if_it_is_much_nearer(
    found: list[tuple[str, float]], order: list[str]
) -> None:
    sorted_ = readable_first([passage(language, score) for language, score in found], "it")
    assert [one.language for one in sorted_] == order
