"""Nothing personal leaves in the bytes of a request; doubt is a refusal."""

from __future__ import annotations

import json

import pytest

from desk.errors import EgressBlocked
from desk.privacy.egress import check_egress
from desk.privacy.pseudonyms import Vault, scrub

VAULT = scrub("My name is Mia Oak, my home is 9 Elm Street, ref b@example.com", Vault()).vault


@pytest.mark.parametrize(
    "body",
    [
        '{"messages": [{"content": "mail a@example.com"}]}',
        '{"messages": [{"content": "mail a\\u0040example.com"}]}',
        '{"arguments": "{\\"mail\\": \\"a\\\\u0040example.com\\"}"}',
        '{"a@example.com": 1}',
        '{"a": "mia oak"}',
        '{"a": "M\\u0131a  O\\u200bak"}',
        '{"a": "9 ELM street"}',
        '{"a": "mia oak", "a": "x"}',
        '{"n": 4242424242424242}',
        '{"n": "+1 212 555 0187"}',
        '["gb82 west 1234 5698 7654 32"]',
        '{"a": "mia oak"',
        "mia oak",
        '{"a": "\\ud800 mia oak"}',
    ],
)
def test_personal_data_does_not_leave(body: str) -> None:
    with pytest.raises(EgressBlocked) as blocked:
        check_egress(body.encode(), VAULT, order_patterns=(), allowed_terms=frozenset())
    assert "mia" not in str(blocked.value).lower()
    assert blocked.value.__cause__ is None


@pytest.mark.parametrize("body", [b"\xff\xfe{}", b"{", b"\x00", b"a=b"])
def test_what_cannot_be_read_does_not_leave(body: bytes) -> None:
    with pytest.raises(EgressBlocked):
        check_egress(body, Vault())


def test_a_fault_of_the_check_blocks() -> None:
    with pytest.raises(EgressBlocked):
        check_egress(b'{"a": "order 100234"}', Vault(), order_patterns=("(a+)+",))
    with pytest.raises(EgressBlocked):
        check_egress(b"[" * 100_000 + b"]" * 100_000, Vault())


def test_pseudonyms_references_and_allowed_terms_pass() -> None:
    body = {
        "model": "gpt-5-mini",
        "seed": 2147483647,
        "temperature": 0.2,
        "stream": True,
        "messages": [
            {"role": "system", "content": "You will help. Write to help@shop.example."},
            {"role": "user", "content": "I'm [PERSON_1], [EMAIL_1], order 100234 and #W7310042, 12/05/2024"},
        ],
        "tools": [{"parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}}}],
    }
    check_egress(
        json.dumps(body).encode(),
        VAULT,
        order_patterns=(r"\d{6}",),
        allowed_terms=frozenset({"help@shop.example"}),
    )
    check_egress(b"", VAULT)
