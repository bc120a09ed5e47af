"""What mail says to a shop's people and to holders of accounts, from `mails/<language>.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from desk.domain import HandoffReason
from desk.errors import Misconfigured
from prompts.template import fill, variables_of
from prompts.yaml_file import read_mapping

DEFAULT_LANGUAGE: Final = "en"
FOLDER: Final = Path(__file__).parent / "mails"

AccountMail = Literal["verify", "known", "reset", "invited"]


@dataclass(frozen=True, slots=True)
class MailText:
    """Subject (one line) and text of a mail, with its `{{variables}}` still in place, or filled."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Mails:
    """The mails of one language by name, and how it puts the reasons of handoffs."""

    mails: Mapping[str, MailText]
    reasons: Mapping[str, str]


def handoff_mail(name: str, language: str, reason: HandoffReason, **values: str) -> MailText:
    """The mail in the language (`de-AT` counts as `de`), in English when there is no file for it.

    Each value becomes one line. Raises Misconfigured for an unknown name, InvalidInput for a missing value.
    """
    reasons = load_mails(_written_language(language)).reasons
    return _written(name, language, values | {"reason": reasons[reason]})


def account_mail(name: AccountMail, language: str, *, shop: str, link: str, code: str) -> MailText:
    """A mail to the holder of an account, in the language or in English; the code goes nowhere else."""
    return _written(f"account_{name}", language, {"shop": shop, "link": link, "code": code})


def languages() -> tuple[str, ...]:
    """Every language that has a file."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


@lru_cache(maxsize=32)
def load_mails(language: str) -> Mails:
    """The mails of a language that has a file; raises Misconfigured when the file is not as it should be."""
    where = f"mails/{language}.yaml"
    content = read_mapping(FOLDER / f"{language}.yaml")
    if content.keys() != {"mails", "reasons"}:
        raise Misconfigured(f"{where} must have exactly mails and reasons.")
    mails = {name: _parse(entry, f"{where}: {name}") for name, entry in content["mails"].items()}
    return Mails(mails, {name: str(words) for name, words in content["reasons"].items()})


def _written(name: str, language: str, values: Mapping[str, str]) -> MailText:
    mail = load_mails(_written_language(language)).mails.get(name)
    if mail is None:
        raise Misconfigured(f"There is no {name!r} in prompts/mails.")
    subject, text = (_fill(part, values, f"Mail {name}") for part in (mail.subject, mail.text))
    return MailText(subject, text)


def _written_language(language: str) -> str:
    short = language.split("-", 1)[0].split("_", 1)[0].lower()
    return short if short in languages() else DEFAULT_LANGUAGE


def _fill(text: str, values: Mapping[str, str], where: str) -> str:
    wanted = {key: " ".join(value.split()) for key, value in values.items() if key in variables_of(text)}
    return fill(text, wanted, where=where)


def _parse(entry: Any, where: str) -> MailText:
    if not isinstance(entry, dict) or entry.keys() != {"subject", "text"}:
        raise Misconfigured(f"{where} must be a mapping of subject and text.")
    subject, text = entry["subject"], entry["text"]
    if not (isinstance(subject, str) and isinstance(text, str)) or "\n" in subject.strip() or not text:
        raise Misconfigured(f"{where}: the subject must be one line, and the text some.")
    return MailText(subject.strip(), text)
