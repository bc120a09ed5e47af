"""What a vault holds is hidden wherever it stands in a JSON value; pseudonyms stay as they are."""

from __future__ import annotations

from desk.privacy.pseudonyms import hide_known, restore, scrub
from desk.privacy.vaults import Vault

TEXT = "Write to ada.hidden@example.org or call +44 20 7946 0958"


def test_known_values_are_hidden_in_any_spelling_and_at_any_depth() -> None:
    vault = scrub(TEXT, Vault()).vault
    value = {
        "said": [TEXT, ("again: ADA.HIDDEN@example.org.",)],
        "number": {"n": 7, "none": None, "called": "44 20 7946-0958"},
    }
    hidden = hide_known(value, vault)
    [first, [second]] = hidden["said"]
    assert second == "again: [EMAIL_1]."
    assert first.startswith("Write to [EMAIL_1] or call ")
    assert "7946" not in first
    assert hidden["number"]["n"] == 7
    assert "7946" not in hidden["number"]["called"]


def test_what_is_hidden_already_stays_and_can_be_restored() -> None:
    scrubbed = scrub(TEXT, Vault())
    assert hide_known(scrubbed.text, scrubbed.vault) == scrubbed.text
    assert restore(scrubbed.text, scrubbed.vault) == TEXT
    assert hide_known("nobody@example.net", scrubbed.vault) == "nobody@example.net"
    assert hide_known("[EMAIL_1]", Vault()) == "[EMAIL_1]"
