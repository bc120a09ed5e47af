"""The whole offline gate is not red for this tree, and is for a prompt that got worse."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from desk.models.port import ModelRequest
from evals.following import MADE_UP, NOT_FOUND, follow
from prompts.loader import load_prompt
from tests.evals.test_eval_command import on_stores, run

__all__ = ["on_stores"]

PASSAGES = "[a] Shipping\nIt takes 5-7 business days.\n\n[b] Returns\nYou have 30 days for returns."


def asked(prompt: str, question: str) -> ModelRequest:
    system = prompt.replace("{{passages}}", PASSAGES)
    return ModelRequest(({"role": "system", "content": system}, {"role": "user", "content": question}))


def without(start: str) -> str:
    """The standing prompt without the rule that begins like this."""
    lines = load_prompt("support").text.splitlines()
    left = [line for line in lines if not line.startswith(start)]
    assert len(left) == len(lines) - 1
    return "\n".join(left)


def test_the_model_does_as_its_prompt_says() -> None:
    standing = load_prompt("support").text
    assert follow(asked(standing, "How do returns work?")) == "You have 30 days for returns."
    assert follow(asked(standing, "Wieviel?")) == NOT_FOUND
    assert follow(asked(without("2. Copy"), "How do returns work?")) == "You have a few days for returns."
    assert follow(asked(without("1. Answer only"), "How do returns work?")) == MADE_UP


@pytest.mark.usefixtures("on_stores")
def test_the_whole_gate_is_not_red_and_says_how_often_it_would_be_wrong(tmp_path: Path) -> None:
    junit, page = tmp_path / "gate.xml", tmp_path / "gate.html"
    whole = run("gate", "--junit", junit, "--html", page)
    assert whole.exit_code == 0, whole.stdout
    cases = list(ElementTree.parse(junit).iter("testcase"))
    judged = {
        str(case.get("classname")).split(".")[0] for case in cases if case.find("system-out") is not None
    }
    assert judged >= {"routing", "retrieval", "pii", "entities", "orders", "products", "bookshop", "prompted"}
    assert "customers" in judged
    assert [case.get("name") for case in cases][-1] == "self-check"
    assert "2,000 gates of this tree beside itself" in whole.stdout
    assert "Not red" in page.read_text()


@pytest.mark.usefixtures("on_stores")
def test_a_prompt_that_lost_a_rule_fails_the_gate(tmp_path: Path) -> None:
    prompt, junit = tmp_path / "prompt.md", tmp_path / "gate.xml"
    prompt.write_text(without("2. Copy every number"))
    worse = run("gate", "--suite", "prompted", "--prompt", prompt, "--junit", junit)
    assert worse.exit_code == 1
    failed = [
        case.get("name")
        for case in ElementTree.parse(junit).iter("testcase")
        if case.find("failure") is not None
    ]
    assert {"passed", "facts"} <= set(failed)
