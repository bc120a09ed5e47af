"""What a detector reports: a typed span of the text; and which types there are."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, get_args

EntityType = Literal[
    "EMAIL",
    "PHONE",
    "CREDIT_CARD",
    "IBAN",
    "IP_ADDRESS",
    "SSN",
    "NATIONAL_ID",
    "MEDICAL_RECORD",
    "URL",
    "DATE_OF_BIRTH",
    "ADDRESS",
    "PERSON",
    "PASSWORD",
    "ACCOUNT_NUMBER",
    "BOOKING_REF",
]
ENTITY_TYPES: Final[tuple[EntityType, ...]] = get_args(EntityType)
# Their form alone proves what they are, so an outgoing request can be searched for them.
STRUCTURED: Final[frozenset[str]] = frozenset(
    {"EMAIL", "PHONE", "CREDIT_CARD", "IBAN", "IP_ADDRESS", "SSN", "NATIONAL_ID", "MEDICAL_RECORD", "URL"}
)


class Found(NamedTuple):
    """A finding in the normalised text; without a type it is a reference that must survive."""

    start: int
    end: int
    type: EntityType | None


class Span(NamedTuple):
    """A personal value: half-open range of original code points, its type, the original characters."""

    start: int
    end: int
    type: EntityType
    value: str
