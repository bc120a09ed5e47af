"""The parts of a FAQ: the centre, the sentences of a long answer, other wordings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.retrieval import split
from desk.storage.faqs import FaqEntry

AXES = np.eye(5, dtype=np.float32)


def test_the_centre_lies_half_way_between_question_and_answer() -> None:
    parts = split.join(FaqEntry("a", "Q?", "A."), AXES[:2])
    assert parts == pytest.approx(np.array([[0.5**0.5, 0.5**0.5, 0, 0, 0]]))


def test_a_faq_without_an_answer_lies_where_its_question_does() -> None:
    assert split.join(FaqEntry("a", "Q?"), AXES[:1]) == pytest.approx(AXES[:1])


def test_other_wordings_draw_the_centre_and_are_parts_themselves() -> None:
    entry = FaqEntry("a", "Q?", "A.", aliases=("W?",))
    centre, wording = split.join(entry, AXES[:3])
    drawn = np.array([0.5**0.5, 0.5**0.5, split.WORDING_WEIGHT, 0, 0])
    assert centre == pytest.approx(drawn / np.linalg.norm(drawn))
    assert wording == pytest.approx((AXES[2] + centre) / np.linalg.norm(AXES[2] + centre))


def test_each_sentence_of_a_document_is_found_by_itself() -> None:
    entry = FaqEntry("a", "Q?", "# Head\nThe first one.\n\n- The second one. The third one.")
    first, *sentences = split.texts(entry)[1:]
    assert first == "# Head The first one. - The second one. The third one."
    assert sentences == ["The first one.", "- The second one.", "The third one."]
    assert split.texts(replace(entry, answer="One. Second thing. Third thing. Fourth thing."))[2:] == []
    assert len(split.texts(replace(entry, question="Q", answer="Second one. Third one. Fourth one."))) == 5
    centre, *parts = split.join(entry, AXES)
    assert parts[2] == pytest.approx((AXES[4] + centre) / np.linalg.norm(AXES[4] + centre))


@given(
    st.text(max_size=50).filter(str.strip),
    st.text("ab. \n?", max_size=4000),
    st.lists(st.text(min_size=1, max_size=9), max_size=3),
)
def test_every_word_is_embedded_and_parts_are_counted(question: str, answer: str, aliases: list[str]) -> None:
    entry = FaqEntry("a", f"{question}?", answer, aliases=tuple(aliases))
    texts = split.texts(entry)
    passages = texts[1 : len(texts) - len(aliases)]
    assert "".join("".join(passages).split()) == "".join(answer.split())
    assert all(0 < len(passage) <= split.PASSAGE for passage in passages)
    vectors = np.random.default_rng(1).normal(size=(len(texts), 8)).astype(np.float32)
    parts = split.join(entry, vectors)
    assert parts.shape == (split.count_parts(entry), 8)
    assert np.linalg.norm(parts, axis=1) == pytest.approx(1, abs=1e-5)
