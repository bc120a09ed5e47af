"""Finds e-mail addresses, also spelled out, IP addresses, and web addresses that carry a credential."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from desk.privacy.spans import Found
from desk.privacy.verdicts import Verdicts

_TLD = (
    r"(?:com|net|org|edu|gov|io|co|info|biz|me|app|dev|eu|us|uk|de|fr|es|it|nl|pl|se|ch|at|be|pt|ca|au|in|br)"
)
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
# A local part is tried only where a token begins, so a long token is read once.
_EMAIL = re.compile(rf"(?<![\w.+-])[\w.+-]++(?:'[\w.+-]++)?@{_LABEL}(?:\.{_LABEL}){{1,8}}")
_AT = r"(?:\s{0,2}[\[({<]\s?(?:at|@)\s?[\])}>]\s{0,2}|\s{1,2}at\s{1,2}|\s{0,2}@\s{0,2})"
_DOT_WORD = r"(?:\s{0,2}[\[({<]\s?(?:dot|punto|punkt|\.)\s?[\])}>]\s{0,2}|\s{1,2}dot\s{1,2})"
_DOT = rf"(?:{_DOT_WORD}|\s?\.\s?)"
_SPELLED = re.compile(
    rf"(?i)(?<![\w.+-])[\w.+-]{{1,64}}(?:{_DOT_WORD}[\w+-]{{1,64}}){{0,3}}{_AT}"
    rf"[a-z0-9-]{{1,63}}(?:{_DOT}[a-z0-9-]{{1,63}}){{0,3}}?{_DOT}{_TLD}\b"
)
_PLAIN_AT = re.compile(r"(?i)\sat\s")
_SPELLED_DOT = re.compile(
    r"(?i)\bdot\b|[\[(]\.[\])]|\b(?:gmail|yahoo|hotmail|outlook|icloud|proton(?:mail)?|aol|gmx)\b"
)
_SPELLED_SIGNS = (
    " at ",
    "(at",
    "[at",
    "{at",
    "<at",
    "( at",
    "[ at",
    " @",
    "@ ",
    "[@",
    "(@",
    "dot)",
    "dot]",
    " dot ",
)
_IPV4 = re.compile(r"[0-9](?<![\w.].)[0-9]{0,2}(?:\.[0-9]{1,3}){3}(?!\w|\.[0-9])")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:\.\d{1,3}){3})?(?![\w:])")
_VERSION = re.compile(r"(?i)\b(?:version|ver|v|release|firmware|build)\.?\s?$")
_URL = re.compile(r"(?i)\b(?:https?|ftp|wss?|postgres(?:ql)?|redis|mysql)://[^\s<>\"'`]+")
_CREDENTIAL = re.compile(
    r"(?i)://[^/@\s:]*:[^/@\s]+@|[?&;#](?:(?:access|auth|id|refresh|session|reset)?[_-]?(?:token|key|secret|sig)"
    r"|api[_-]?key|password|passwd|pwd|signature|code|jwt|sid|session)=[^&\s]{4,}"
)
_OWN_SITE = re.compile(
    r"(?i)\b(?:website|web site|homepage|blog|my (?:site|page|profile))\b[^\w]{0,4}(?:is\b)?[^\w]{0,4}$"
)


def find_emails(text: str) -> Iterator[Found]:
    """E-mail addresses, plain or spelled out (`ann at example dot com`, `ann [at] example.com`)."""
    yield from _find_plain_emails(text)
    lowered = text.lower()
    if not any(sign in lowered for sign in _SPELLED_SIGNS):
        return
    for match in _SPELLED.finditer(text):
        if _SPELLED_DOT.search(match.group()) or not _PLAIN_AT.search(match.group()):
            yield Found(match.start(), match.end(), "EMAIL")


def _find_plain_emails(text: str) -> Iterator[Found]:
    """Looks at the words that hold an `@` alone, as no address holds a space."""
    reached = 0
    while (at := text.find("@", reached)) >= 0:
        match = _EMAIL.search(text, max(reached, text.rfind(" ", reached, at) + 1))
        if match is None:
            return
        start, reached = match.span()
        yield Found(start, reached, "EMAIL")


def find_ip_addresses(text: str) -> Iterator[Found]:
    """IPv4 and IPv6 addresses; a version number of four parts is none."""
    for match in _IPV4.finditer(text):
        in_range = all(int(part) < 256 for part in match.group().split("."))
        if in_range and not _VERSION.search(text, max(0, match.start() - 12), match.start()):
            yield Found(match.start(), match.end(), "IP_ADDRESS")
    if text.count(":") < 2:
        return
    are_ipv6 = Verdicts(_is_ipv6)
    for match in _IPV6.finditer(text):
        if are_ipv6[match.group()]:
            yield Found(match.start(), match.end(), "IP_ADDRESS")


def find_urls(text: str) -> Iterator[Found]:
    """Web addresses with a password, token or key in them, and those named as somebody's own site."""
    if "://" not in text:
        return
    for match in _URL.finditer(text):
        own = _OWN_SITE.search(text, max(0, match.start() - 24), match.start())
        if own or _CREDENTIAL.search(match.group()):
            yield Found(match.start(), match.start() + len(match.group().rstrip(".,;:!?)]}")), "URL")


def _is_ipv6(candidate: str) -> bool:
    groups = [group for group in candidate.split(":") if group]
    if len(groups) < 2 or not any(char.isdigit() for char in candidate):
        return False
    try:
        ipaddress.IPv6Address(candidate)
    except ValueError:
        return False
    return True
