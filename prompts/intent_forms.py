"""Intents as a form: what was filled in is put back into the tenant's YAML, the rest stays as written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import yaml

from desk.errors import InvalidInput, Misconfigured
from prompts.intents import IntentPack, IntentRoute, is_name
from prompts.own_intents import own_version, pack_of
from prompts.replies import DEFAULT_LANGUAGE
from prompts.yaml_file import parse_mapping

_Nodes: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
OUT_OF_SCOPE = "out_of_scope"
_WIDE = 10_000  # no line is wrapped: a phrase is easier to find on one


@dataclass(frozen=True, slots=True)
class Entry:
    """An intent as somebody has just filled it in: everything may still be wrong with it."""

    name: str
    route: str
    tool: str | None
    examples: tuple[str, ...]
    reply: Mapping[str, str]
    suggestions: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a field of an entry, such as `name` or `reply.en`, for who fills it in."""

    field: str
    message: str


def read_pack(text: str) -> IntentPack:
    """The intents of a text; raises InvalidInput that says which entry is wrong and why."""
    return pack_of(own_version(0, text))


def problems_of(entry: Entry, others: IntentPack, tools: Sequence[str]) -> list[Problem]:
    """What is wrong with an entry beside the `others`; `tools` are those that an action may name."""
    return [
        *_wrong_name(entry, others),
        *_wrong_route(entry, tools),
        *_wrong_examples(entry, others),
        *_wrong_words(entry),
    ]


def problems_of_none(said: Sequence[str], pack: IntentPack) -> list[Problem]:
    """What is wrong with the messages that belong to no intent of the pack."""
    others = IntentPack(pack.name, pack.intents, ())
    return [Problem(OUT_OF_SCOPE, message) for message in _wrong_messages(OUT_OF_SCOPE, said, others)]


def without(pack: IntentPack, name: str | None) -> IntentPack:
    """The pack without the intent of that name."""
    kept = tuple(intent for intent in pack.intents if intent.name != name)
    return IntentPack(pack.name, kept, pack.out_of_scope)


def put_back(text: str, name: str | None, entry: Entry | None) -> str:
    """The text with the intent of that name as `entry` has it; None adds one, an entry of None takes it away.

    Comments and the order of the other entries stay, where the text is written in blocks. It is one that
    `read_pack` reads; raises InvalidInput for a name that is not in it.
    """
    content = parse_mapping(text, where="intents")
    names = [intent["name"] for intent in content["intents"]]
    if name is not None and name not in names:
        raise InvalidInput(f"There is no intent {name!r} in this text.")
    place = len(names) if name is None else names.index(name)
    written = [] if entry is None else [_plain(entry)]
    if written == content["intents"][place : place + 1]:
        return text
    content["intents"][place : place + 1] = written
    return _checked(_with_entry(text, place, written), content)


def put_none_back(text: str, said: Sequence[str]) -> str:
    """The text with these messages as those that belong to no intent; everything else stays like above."""
    content = parse_mapping(text, where="intents")
    if content[OUT_OF_SCOPE] == list(said):
        return text
    content[OUT_OF_SCOPE] = list(said)
    return _checked(_with_none(text, said), content)


def _wrong_name(entry: Entry, others: IntentPack) -> Iterator[Problem]:
    if not is_name(entry.name):
        yield Problem("name", "Lower-case letters, digits and _, beginning with a letter: opening_hours.")
    elif others.find(entry.name) is not None:
        yield Problem("name", f"There is another intent {entry.name}; choose a name of its own.")


def _wrong_route(entry: Entry, tools: Sequence[str]) -> Iterator[Problem]:
    if entry.route not in get_args(IntentRoute):
        yield Problem("route", f"Choose one of {', '.join(get_args(IntentRoute))}.")
    elif entry.route == "action" and entry.tool not in tools:
        yield Problem("tool", f"Choose what is done: {', '.join(tools)}.")


def _wrong_examples(entry: Entry, others: IntentPack) -> Iterator[Problem]:
    for message in _wrong_messages(entry.name, entry.examples, others):
        yield Problem("examples", message)


def _wrong_messages(owner: str, messages: Sequence[str], others: IntentPack) -> Iterator[str]:
    """Why these messages cannot be the owner's beside those of the others."""
    if not messages:
        yield "Write at least one message as a customer would."
    taken = {_key(said): intent.name for intent in others.intents for said in intent.examples}
    taken |= {_key(said): OUT_OF_SCOPE for said in others.out_of_scope}
    for said in messages:
        if (other := taken.get(_key(said))) is not None:
            where = "here twice" if other == owner else f"among the examples of {other} already"
            yield f"“{said}” stands {where}."
        taken[_key(said)] = owner


def _wrong_words(entry: Entry) -> Iterator[Problem]:
    if DEFAULT_LANGUAGE not in entry.reply and (entry.reply or entry.route == "canned"):
        why = "every other language falls back to it" if entry.reply else "this is what is said"
        yield Problem(f"reply.{DEFAULT_LANGUAGE}", f"Write the reply in English: {why}.")
    if entry.suggestions and DEFAULT_LANGUAGE not in entry.suggestions:
        yield Problem(f"suggestions.{DEFAULT_LANGUAGE}", "Write the suggestions in English too.")


def _key(said: str) -> str:
    return " ".join(said.casefold().split())


def _plain(entry: Entry) -> dict[str, Any]:
    """The entry as YAML has it, without what is empty."""
    tool = {"tool": entry.tool} if entry.route == "action" else {}
    words = {
        "reply": dict(entry.reply),
        "suggestions": {language: list(taps) for language, taps in entry.suggestions.items()},
    }
    filled = {name: value for name, value in words.items() if value}
    return {"name": entry.name, "route": entry.route, **tool, **filled, "examples": list(entry.examples)}


def _checked(patched: str | None, content: dict[str, Any]) -> str:
    """The patched text if it reads as the content, else the content written anew."""
    if patched is not None and _reads_as(patched, content):
        return patched
    return _dump({**content, "intents": [_with_flow(one) for one in content["intents"]]})


def _with_none(text: str, said: Sequence[str]) -> str | None:
    """The text with other lines for what is out of scope; None where they have no lines of their own."""
    messages = _node(text, OUT_OF_SCOPE)
    if messages.flow_style:
        return None
    lines = text.splitlines()
    begin, end = messages.start_mark.line, _end(lines, messages.end_mark.line)
    indent = " " * messages.start_mark.column
    block = _dump(list(said)).splitlines()
    return "\n".join([*lines[:begin], *(indent + line for line in block), *lines[end:]]) + "\n"


def _with_entry(text: str, place: int, written: list[dict[str, Any]]) -> str | None:
    """The text with other lines for the entry at `place`; None where entries have no lines of their own."""
    entries = _node(text, "intents").value
    lines = text.splitlines()
    starts = [item.start_mark for item in entries]
    if not starts or any(lines[mark.line][: mark.column].strip() != "-" for mark in starts):
        return None
    indent = " " * lines[starts[0].line].index("-")
    last = entries[min(place, len(entries) - 1)]
    end = _end(lines, last.end_mark.line)
    begin = end if place == len(entries) else last.start_mark.line
    block = _dump([_with_flow(one) for one in written]).splitlines() if written else []
    return "\n".join([*lines[:begin], *(indent + line for line in block), *lines[end:]]) + "\n"


def _node(text: str, name: str) -> Any:
    """What stands under a key of the text, with its place there."""
    root: Any = yaml.compose(text, Loader=_Nodes)
    return next(value for key, value in root.value if key.value == name)


def _end(lines: list[str], end: int) -> int:
    """Where an entry ends whose end is line `end` to the parser: what stands above the next is that one's."""
    while end > 0 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def _reads_as(text: str, content: dict[str, Any]) -> bool:
    try:
        return parse_mapping(text, where="intents") == content
    except Misconfigured:
        return False


class _Taps(list[str]):
    """What a customer may tap, written on one line."""


class _Dumper(yaml.SafeDumper):
    """Writes YAML as the packs that come with the service are written."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002
        super().increase_indent(flow, indentless=False)


def _with_flow(entry: dict[str, Any]) -> dict[str, Any]:
    taps = {language: _Taps(said) for language, said in entry.get("suggestions", {}).items()}
    return {**entry, **({"suggestions": taps} if taps else {})}


def _dump(value: Any) -> str:
    return str(yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=_WIDE))


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


def _represent_taps(dumper: yaml.SafeDumper, taps: _Taps) -> yaml.Node:
    node = dumper.represent_sequence("tag:yaml.org,2002:seq", taps, flow_style=True)
    for tap in node.value:
        tap.style = '"'
    return node


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(_Taps, _represent_taps)
