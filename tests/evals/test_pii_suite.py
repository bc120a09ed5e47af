"""The pii suite's figures are what their definitions say."""

from __future__ import annotations

from typing import Any

from evals.report import figure_of
from evals.suites.pii import Masked, evaluate_pii

ZERO_WIDTH = "\u200b"


def row(
    text: str, *labels: tuple[str, str], source: str = "s", core: bool = True, row_id: str = ""
) -> dict[str, Any]:
    """A row whose labels are (type, words of the text)."""
    spans = [
        {"start": text.index(words), "end": text.index(words) + len(words), "type": kind, "core_pii": core}
        for kind, words in labels
    ]
    return {"id": row_id or text, "text": text, "spans": spans, "source": source}


def figures(*rows: dict[str, Any]) -> dict[str, Any]:
    """The figures of rows of one source."""
    found: dict[str, Any] = evaluate_pii(rows)["by_source"]["s"]
    return found


def test_figures_of_a_case_worked_by_hand() -> None:
    found = figures(
        row("mail ada@example.com now", ("EMAIL", "ada@example.com")),
        row("hello there friend", ("PHONE", "there")),
    )
    assert found["n"] == 2
    assert found["structured_masked"] == 0.5
    # Tokens: ada @ example . com are hits, `there` is missed, four clean ones stay: 5*5 / (5*5 + 4*1).
    assert found["f2"] == round(25 / 29, 4)
    assert found["clean_tokens_masked"] == 0.0
    assert found["by_type"]["EMAIL"] == {"n": 1, "fully_masked": 1.0, "precision": 1.0}
    assert found["by_type"]["PHONE"] == {"n": 1, "fully_masked": 0.0, "precision": None}
    assert found["must_survive_kept"] is None
    assert found["us_per_kb"] > 0


def test_what_must_survive_and_is_masked_costs_precision() -> None:
    kept = row("where is order 100234", ("ORDER_ID", "100234"), core=False)
    masked = row("item ada@example.com", ("ITEM_ID", "ada@example.com"), core=False)
    email = row("mail bob@example.com", ("EMAIL", "bob@example.com"))
    found = figures(kept, masked, email)
    assert found["must_survive_kept"] == 0.5
    assert found["f2"] == round(25 / (25 + 5), 4)
    assert found["by_type"]["EMAIL"]["precision"] == 0.5


def test_a_clean_token_that_is_masked_is_counted() -> None:
    found = figures(row("write to ada@example.com"), row("nothing here at all ok"))
    assert found["clean_tokens_masked"] == round(5 / 12, 4)
    assert found["f2"] is None, "without a personal token there is nothing to find"


def test_places_and_optional_spans_are_neither_hit_nor_miss() -> None:
    place = row("I live in Oslo ada@example.com", ("LOCATION", "Oslo"), ("EMAIL", "ada@example.com"))
    assert figures(place)["f2"] == 1.0
    optional = row("at Acme ada@example.com", ("EMAIL", "ada@example.com"))
    optional["spans"].append({"start": 3, "end": 7, "type": "ORGANIZATION", "core_pii": False})
    assert figures(optional)["f2"] == 1.0


def test_format_characters_need_no_mask_and_others_do() -> None:
    text = f"ab{ZERO_WIDTH}c"
    found = Masked({"text": text}, (), bytearray([1, 1, 0, 1]), 0.0)
    assert found.fully(0, 4)
    assert not Masked({"text": "abxc"}, (), bytearray([1, 1, 0, 1]), 0.0).fully(0, 4)
    assert found.partly(0, 1)
    assert not found.partly(2, 3)


def test_a_spelling_with_format_characters_is_judged_as_a_whole() -> None:
    address = f"ka{ZERO_WIDTH}ren@exam{ZERO_WIDTH}ple.com"
    assert figures(row(f"it is {address}", ("EMAIL", address)))["structured_masked"] == 1.0


def test_a_mask_of_another_type_covers_as_well() -> None:
    found = figures(row("mail ada@example.com", ("PHONE", "ada@example.com")))
    assert found["by_type"]["PHONE"]["fully_masked"] == 1.0


def test_labels_without_core_pii_are_personal() -> None:
    plain = row("mail ada@example.com", ("EMAIL", "ada@example.com"))
    del plain["spans"][0]["core_pii"]
    assert figures(plain)["f2"] == 1.0


def test_sources_are_kept_apart_and_put_together() -> None:
    report = evaluate_pii(
        [
            row("mail ada@example.com", ("EMAIL", "ada@example.com"), source="a"),
            row("hello there", ("EMAIL", "there"), source="b"),
        ]
    )
    assert report["by_source"]["a"]["structured_masked"] == 1.0
    assert report["by_source"]["b"]["structured_masked"] == 0.0
    assert report["overall"]["structured_masked"] == 0.5
    assert report["n"] == 2
    assert report["counts"]["a"]["structured_masked"] == 1
    assert figure_of(report["overall"], "by_type.EMAIL.fully_masked") == 0.5
