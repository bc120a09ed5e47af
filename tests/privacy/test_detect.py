"""What is personal is found in every spelling; what only looks personal survives."""

from __future__ import annotations

import pytest

from desk.errors import InvalidInput
from desk.privacy.detect import detect


def found(text: str, *patterns: str) -> list[tuple[str, str]]:
    return [(span.type, span.value) for span in detect(text, order_patterns=patterns)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("write to mia.o'neil+x@post.example.co.uk.", "EMAIL", "mia.o'neil+x@post.example.co.uk"),
        ("see ?email=mia%40example.org&page=2", "EMAIL", "mia%40example.org"),
        ("mia dot oak at example dot com please", "EMAIL", "mia dot oak at example dot com"),
        ("mia [at] example [dot] com", "EMAIL", "mia [at] example [dot] com"),
        ("reach me: mia at gmail.com", "EMAIL", "mia at gmail.com"),
        ("mia @ example . com", "EMAIL", "mia @ example . com"),
        ("my number is +49 (0)30 901820", "PHONE", "+49 (0)30 901820"),
        ("try (212) 555-0187 ext. 12 today", "PHONE", "(212) 555-0187 ext. 12"),
        ("call me at 2125550187", "PHONE", "2125550187"),
        ("2125550187 is where I am", "PHONE", "2125550187"),
        ("07911 123456 after six", "PHONE", "07911 123456"),
        ("phone: 55 51 21", "PHONE", "55 51 21"),
        ("733 1200 office", "PHONE", "733 1200"),
        ("pay with 4242 4242 4242 4242 exp 12/29", "CREDIT_CARD", "4242 4242 4242 4242"),
        ("amex 3782-822463-10005", "CREDIT_CARD", "3782-822463-10005"),
        ("it is 4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2", "CREDIT_CARD", "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2"),
        ("my card number is 4242 4242 4242 4241", "CREDIT_CARD", "4242 4242 4242 4241"),
        ("IBAN nl91 abna 0417 1643 00 thanks", "IBAN", "nl91 abna 0417 1643 00"),
        ("IBAN DE89.3704.0044.0532.0130.00 then", "IBAN", "DE89.3704.0044.0532.0130.00"),
        ("IBAN DE89 3704 0044\n0532 0130 00 then", "IBAN", "DE89 3704 0044\n0532 0130 00"),
        ("from 203.0.113.77 again", "IP_ADDRESS", "203.0.113.77"),
        ("from 2001:db8:85a3::8a2e:370:7334 again", "IP_ADDRESS", "2001:db8:85a3::8a2e:370:7334"),
        ("ssn: 219 09 9999", "SSN", "219 09 9999"),
        ("2I9-O9-9999 it says", "SSN", "2I9-O9-9999"),
        ("mi DNI 12345678Z", "NATIONAL_ID", "12345678Z"),
        ("NI number AB 12 34 56 C", "NATIONAL_ID", "AB 12 34 56 C"),
        ("codice RSSMRA85T10A562S", "NATIONAL_ID", "RSSMRA85T10A562S"),
        ("PESEL 44051401359", "NATIONAL_ID", "44051401359"),
        ("Steuer-ID: 86095742719", "NATIONAL_ID", "86095742719"),
        ("my BSN is 111222333", "NATIONAL_ID", "111222333"),
        ("rijksregister 85.07.30-033.28", "NATIONAL_ID", "85.07.30-033.28"),
        ("n° 1 84 12 76 451 089 46", "NATIONAL_ID", "1 84 12 76 451 089 46"),
        ("CNP 1800101221144", "NATIONAL_ID", "1800101221144"),
        ("chart MRN-448812", "MEDICAL_RECORD", "MRN-448812"),
        ("https://mia:pw12@files.example/x", "URL", "https://mia:pw12@files.example/x"),
        ("open https://x.example/r?token=abc123def", "URL", "https://x.example/r?token=abc123def"),
        ("I was born on 3 May 1984.", "DATE_OF_BIRTH", "3 May 1984"),
        ("DOB: 1984-05-03", "DATE_OF_BIRTH", "1984-05-03"),
        ("send it to 12 Oak Street", "ADDRESS", "12 Oak Street"),
        ("zip code is 30301", "ADDRESS", "30301"),
        ("Berliner Allee 14 in the back", "ADDRESS", "Berliner Allee 14"),
        ("my address is 9 Kaunan Puistotie, Turku", "ADDRESS", "9 Kaunan Puistotie, Turku"),
        ("P.O. Box 4471", "ADDRESS", "P.O. Box 4471"),
        ("my name is mia oak", "PERSON", "mia oak"),
        ("Hello, this is Mia Oak speaking", "PERSON", "Mia Oak"),
        ("I am Mr. Oak", "PERSON", "Oak"),
        ("Ich heisse Mia Eich.", "PERSON", "Mia Eich"),
    ],
)
def test_personal_values_are_found(text: str, kind: str, value: str) -> None:
    assert (kind, value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "where is order 482913570026",
        "order number is 4829135700",
        "orders 2125550187 and 2125550188 please",
        "#W7310042 and #88121",
        "invoice INV-2024-0042",
        "my bill #55012",
        "track shipment 1Z999AA10123456784",
        "refund to gift_card_5512093 or credit_card_9921034",
        "item id: 4829135700, 2125550187",
        "order 113-8842117-5590012 was paid",
        "it cost $1,299.00 or 1299 EUR on 12/05/2024 at 10:30:45",
        "300 pages, 2 copies, since 1998",
        "do you ship to Lisbon or to Portugal?",
        "version 10.2.4.1 of the app",
        "my card was declined twice",
        "the amount is 35.529999999999973",
        "I am happy, thank you. This is great",
        "may I return it? will you help me, mark it as done",
        "My name was misspelt on the parcel",
        "call std::vector or a::b",
        "meet me at noon. dot com is a word",
        "the 2 tb drive on 3 units is 5 years old",
        "I sincerely apologise for this",
        "IBAN NL91ABNA0417164301",
        "DNI 12345678A",
        "codice RSSMRA85T10A562T",
        "PESEL 44051401358",
        "Steuer-ID: 86095742718",
        "BSN 111222334",
        "rijksregister 85.07.30-033.29",
        "CNP 1800101221145",
        "NI number GB 12 34 56 C",
        "4242 4242 4242 4243 is no known card",
    ],
)
def test_what_only_looks_personal_survives(text: str) -> None:
    assert found(text) == []


def test_a_tenants_order_numbers_survive_without_a_word_before_them() -> None:
    assert found("2125550187 please") == [("PHONE", "2125550187")]
    assert found("2125550187 please", r"\d{10}") == []
    assert found("AB-2125550187 or ab-2125550188", r"AB-\d{10}") == []


@pytest.mark.parametrize("pattern", [r"(\d+)+x", "(a|b)*", "[", "a" * 101, r"\d*\d*\d*\d*\d*"])
def test_an_order_pattern_that_could_run_long_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInput):
        detect("order 1", order_patterns=(pattern,))


def test_catalogue_terms_are_never_masked() -> None:
    title, text = "44 Elm Street", "Is 44 ELM STREET in stock? I live at 45 Elm Street."
    assert [span.value for span in detect(text)] == ["44 ELM STREET", "45 Elm Street"]
    assert [span.value for span in detect(text, allowed_terms=frozenset({title}))] == ["45 Elm Street"]
    terms = frozenset({"The Return of Mr Oak", "help@shop.example"})
    assert detect("The return of Mr Oak, says HELP@shop.example", allowed_terms=terms) == []
    assert [span.value for span in detect("I am Mr Oak", allowed_terms=terms)] == ["Oak"]


def test_spans_lie_in_the_original_text() -> None:
    text = "Ich heiße Ünal. Ma\u200bil: ünal＠exam\u00adple.com, Karte ４２４２ 4242 4242 4242!"
    spans = detect(text)
    assert [span.type for span in spans] == ["PERSON", "EMAIL", "CREDIT_CARD"]
    assert [text[span.start : span.end] for span in spans] == [span.value for span in spans]
    assert spans[1].value == "ünal＠exam\u00adple.com"
