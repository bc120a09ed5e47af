"""Presidio's analyzer with its pattern recognisers alone: no model of a language, and no network."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any


def is_installed() -> bool:
    """Whether `presidio-analyzer` is there to compare with; the project does without it."""
    return find_spec("presidio_analyzer") is not None


class PresidioPatterns:
    """Reads English with what its own registry holds for it."""

    def __init__(self) -> None:
        analyzer, spacy = import_module("presidio_analyzer"), import_module("spacy")
        # The recogniser of e-mail would fetch the list of public suffixes, at each text if it cannot.
        suffixes: Any = import_module("tldextract")
        suffixes.extract = suffixes.TLDExtract(suffix_list_urls=(), cache_dir=None)
        engine = import_module("presidio_analyzer.nlp_engine").SpacyNlpEngine()
        engine.nlp = {"en": spacy.blank("en")}
        registry = analyzer.RecognizerRegistry(supported_languages=["en"])
        registry.load_predefined_recognizers(languages=["en"], nlp_engine=engine)
        registry.recognizers = [one for one in registry.recognizers if "Spacy" not in one.name]
        self._analyzer: Any = analyzer.AnalyzerEngine(
            registry=registry, nlp_engine=engine, supported_languages=["en"]
        )

    def masked(self, text: str) -> str:
        """The text with a star for every character of a value that was found."""
        masked = list(text)
        for found in self._analyzer.analyze(text, language="en"):
            masked[found.start : found.end] = "*" * (found.end - found.start)
        return "".join(masked)
