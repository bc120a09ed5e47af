"""Which version a conversation gets: the narrowest place, its share, its pin; and what a draft may say."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from desk.domain import ConversationId
from desk.errors import InvalidInput
from prompts.choice import unsaved
from prompts.drafts import draft, preview, write_file
from prompts.loader import Prompt, load_prompt
from prompts.shelf import Pin, Pointer, Shelf, place_of
from prompts.template import MOST_PLACES

NEWEST = load_prompt("support").version
MINE = Prompt("support", 1001, "sha", ("passages",), "", "{{passages}}")
SOMEBODY = ConversationId(UUID(int=1))


def shelf(own: dict[tuple[str, str], Pointer], house: dict[tuple[str, str], Pointer] | None = None) -> Shelf:
    return Shelf({"support": own}, {"support": house or {}}, {("support", 1001): MINE})


def version(of: Shelf, channel: str = "web", who: ConversationId = SOMEBODY) -> int:
    return of.choose(["support"], who, channel, {}).prompt("support").version


def test_the_narrowest_place_wins() -> None:
    everywhere, own = {("", "production"): Pointer(1)}, {("mail", "production"): Pointer(1001)}
    assert version(shelf({})) == NEWEST
    assert version(shelf({}, everywhere)) == 1
    assert version(shelf(own, everywhere), "mail") == 1001
    assert version(shelf(own, everywhere), "web") == 1
    theirs = {("", "canary"): Pointer(1, 1.0)}
    assert version(shelf({("", "production"): Pointer(1001)}, theirs)) == 1001  # not behind our production
    assert version(shelf({("", "production"): Pointer(1002)})) == NEWEST  # there is no such version


def test_shares_divide_conversations_and_stay_when_they_grow() -> None:
    people = [ConversationId(uuid4()) for _ in range(4000)]
    assert [place_of("support", one) for one in people[:9]] == [
        place_of("support", one) for one in people[:9]
    ]
    small, large = (shelf({("", "canary"): Pointer(1001, share)}) for share in (0.1, 0.3))
    first = {one for one in people if version(small, who=one) == 1001}
    then = {one for one in people if version(large, who=one) == 1001}
    assert first < then
    assert 250 < len(first) < 550  # 400, give or take eight standard deviations
    assert 900 < len(then) < 1500


def test_a_pin_holds_as_long_as_its_version_exists() -> None:
    moved = shelf({("", "production"): Pointer(1001)})
    pinned = moved.choose(["support"], SOMEBODY, "web", {"support": Pin(version=1, label="canary")})
    assert (pinned.prompt("support").version, pinned.label("support")) == (1, "canary")
    gone = moved.choose(["support"], SOMEBODY, "web", {"support": Pin(version=1007, label="canary")})
    assert (gone.prompt("support").version, gone.label("support")) == (1001, "production")


def test_a_draft_takes_in_named_versions_and_knows_its_variables(tmp_path: Path) -> None:
    parts = {("tone", 1001): "Be kind to {{language}}.", ("nested", 1001): "{{> tone@1001}}"}
    made = draft("support", "{{> tone@1001}} {{passages}}", lambda name, of: parts.get((name, of)))
    assert made.text == "Be kind to {{language}}. {{passages}}"
    assert made.variables == ("language", "passages")
    assert preview(made, {"passages": "P"}) == "Be kind to English. P"
    for wrong in ("{{unknown}}", "{{> tone@7}}", "{{> tone}}", "{{> nested@1001}}", "  "):
        with pytest.raises(InvalidInput):
            draft("support", wrong, lambda name, of: parts.get((name, of)))
    many = "{{passages}}" * (MOST_PLACES + 1)
    for grown in (many, "{{> tone@1001}}" * 1000, "{{> much@1001}}{{> much@1001}}"):
        with pytest.raises(InvalidInput, match=r"at most 50 places|over 60000 characters"):
            draft("support", grown, lambda name, of: (parts | {("much", 1001): "x" * 31_000}).get((name, of)))
    with pytest.raises(InvalidInput, match="at most 50 places"):
        unsaved(load_prompt("support"), many)
    with pytest.raises(InvalidInput):
        preview(made, {"nobody": "x"})
    prompt = Prompt("support", 1001, made.sha, made.variables, "why: because", made.text)
    assert [write_file(prompt, tmp_path).name for _ in range(2)] == ["1.md", "2.md"]
    assert load_prompt("support", folder=tmp_path).sha == made.sha
