"""The telephone numbering plans of the larger countries, read once from phonenumbers' metadata."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

# North America first; then countries whose customers write numbers without a country prefix.
_REGIONS = ("US", "GB", "FR", "DE", "NL", "BE", "IT", "AT", "CH", "SE", "FI", "AU", "ZA", "JP")
_NOT_DIGITS = re.compile(r"[^0-9]")
_EXTENSION = re.compile(r"(?i)\s?(?:x|ext).*")


def is_dialled(number: str) -> bool:
    """Whether some plan has this number as dialled inside its country (first call reads the metadata)."""
    return _plans().fullmatch(_NOT_DIGITS.sub("", _EXTENSION.sub("", number))) is not None


@lru_cache(maxsize=1)
def _plans() -> re.Pattern[str]:
    return re.compile("|".join(_plan(region) for region in _REGIONS))


def _plan(region: str) -> str:
    """The numbers of one country behind its trunk prefix: 0, an optional 1, or none (Italy)."""
    from phonenumbers import PhoneMetadata

    metadata: Any = PhoneMetadata.metadata_for_region(region)
    kinds = (metadata.fixed_line, metadata.mobile, metadata.toll_free, metadata.voip, metadata.premium_rate)
    patterns = [kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern]
    prefix = metadata.national_prefix or ""
    trunk = "1?" if prefix == "1" else prefix
    # Plans without a trunk prefix are told from other numbers by their leading 0 alone.
    return f"{trunk}(?:{'|'.join(patterns)})" if prefix else f"(?=0)(?:{'|'.join(patterns)})"
