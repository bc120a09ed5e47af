"""The entities suite compares values as its definition says, and leaves no type out."""

from __future__ import annotations

from typing import Any

from evals.suites.entities import evaluate_entities, plain


def row(text: str, *labels: tuple[str, str]) -> dict[str, Any]:
    """A row whose labels are (type, words of the text)."""
    spans = [
        {"start": text.index(words), "end": text.index(words) + len(words), "type": kind}
        for kind, words in labels
    ]
    return {"id": text, "text": text, "spans": spans, "source": "s"}


def test_values_are_compared_without_hashes_spaces_and_hyphens() -> None:
    assert plain("#100-2 34") == "100234"
    report = evaluate_entities([row("where is order 100 234", ("ORDER_ID", "100 234"))])
    assert report["by_source"]["s"]["by_type"]["ORDER_ID"] == {"n": 1, "recall": 1.0, "precision": 1.0}


def test_recall_and_precision_are_micro_over_the_rows() -> None:
    report = evaluate_entities(
        [
            row("orders 100301, 100302 and 100303", ("ORDER_ID", "100301"), ("ORDER_ID", "100302")),
            row("my order is sixty", ("ORDER_ID", "sixty")),
        ]
    )
    assert report["overall"]["by_type"]["ORDER_ID"] == {"n": 3, "recall": 0.6667, "precision": 0.6667}
    assert report["counts"]["s"]["by_type.ORDER_ID.recall"] == 3


def test_a_type_without_an_extractor_is_reported_with_recall_0() -> None:
    found = evaluate_entities([row("send it to Norway", ("DELIVERY_COUNTRY", "Norway"))])["overall"]
    assert found["by_type"]["DELIVERY_COUNTRY"] == {"n": 1, "recall": 0.0, "precision": None}
    assert next(iter(found["by_type"])) == "ORDER_ID", "order ids come first, also when there are none"
    assert found["by_type"]["ORDER_ID"] == {"n": 0, "recall": None, "precision": None}


def test_a_number_that_is_no_order_costs_precision() -> None:
    found = evaluate_entities([row("order 100234"), row("order 100235", ("ORDER_ID", "100235"))])
    assert found["overall"]["by_type"]["ORDER_ID"]["precision"] == 0.5
