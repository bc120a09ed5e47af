"""The classic intent router: TF-IDF of words and character pieces, and a linear SVM (scikit-learn)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC


class TfidfLinear:
    """Fitted at once; `route` names the likeliest intent."""

    def __init__(self, texts: Sequence[str], intents: Sequence[str]) -> None:
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
        self._pipeline: Any = make_pipeline(make_union(words, pieces), LinearSVC())
        self._pipeline.fit(texts, intents)

    def route(self, text: str) -> str:
        """The likeliest intent of one text."""
        return str(self._pipeline.predict([text])[0])
