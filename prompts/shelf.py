"""A tenant's shelf: its labels and versions as read at one moment, and which of them a turn gets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypedDict

from desk.domain import ConversationId
from prompts.choice import Chosen, PromptChoice
from prompts.loader import Prompt, file_seen, newest_seen
from prompts.own_intents import INTENTS

EVERY_CHANNEL: Final = ""
# In the order in which they divide the conversations among them; the others get production.
_SPLITS: Final = ("canary", "candidate")


class Pin(TypedDict):
    """What a conversation began with, as it is kept with its state."""

    version: int
    label: str | None


@dataclass(frozen=True, slots=True)
class Pointer:
    """A version, and the part of conversations, 0 to 1, that gets it."""

    version: int
    share: float = 0.0


# By channel and label.
Pointers = Mapping[tuple[str, str], Pointer]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Labels by prompt name, the tenant's own and those for all tenants, and the tenant's own versions.

    It is made whole and never changed: whoever holds it sees one moment.
    """

    own: Mapping[str, Pointers]
    house: Mapping[str, Pointers]
    versions: Mapping[tuple[str, int], Prompt]

    def choose(
        self,
        names: Iterable[str],
        conversation_id: ConversationId,
        channel: str,
        pinned: Mapping[str, Pin],
    ) -> PromptChoice:
        """The versions that this conversation gets: those it began with, as long as they exist."""
        chosen = {}
        for name in names:
            pin = pinned.get(name)
            kept = self.find(name, pin["version"]) if pin else None
            if pin and kept:
                chosen[name] = Chosen(kept, pin["label"])
                continue
            labelled = self._labelled(name, conversation_id, channel)
            if labelled:
                chosen[name] = labelled
            elif name != INTENTS:  # those of a tenant without its own come as a file that its settings name
                chosen[name] = Chosen(newest_seen(name), "production")
        return PromptChoice(MappingProxyType(chosen))

    def find(self, name: str, version: int) -> Prompt | None:
        """A version of the tenant's own or of a file."""
        own = self.versions.get((name, version))
        return own or file_seen(name, version)

    def pointers(self, name: str, channel: str) -> dict[str, Pointer]:
        """Where each label stands for a channel, by label.

        The narrowest place wins: the tenant's channel, the tenant, the channel for all tenants, all. What
        stands behind a place that says production does not count.
        """
        found: dict[str, Pointer] = {}
        for place in self._places(name, channel):
            for label, pointer in place.items():
                if label not in found and self.find(name, pointer.version) is not None:
                    found[label] = pointer
            if "production" in found:
                break
        return found

    def _places(self, name: str, channel: str) -> Iterator[dict[str, Pointer]]:
        channels = (channel, EVERY_CHANNEL) if channel != EVERY_CHANNEL else (EVERY_CHANNEL,)
        for labels in (self.own.get(name, {}), self.house.get(name, {})):
            for there in channels:
                yield {label: pointer for (at, label), pointer in labels.items() if at == there}

    def labelled(self, name: str) -> list[Prompt]:
        """The versions of this prompt on which any label stands."""
        places = (*self.own.get(name, {}).values(), *self.house.get(name, {}).values())
        found = (self.find(name, pointer.version) for pointer in places)
        return [prompt for prompt in found if prompt is not None]

    def _labelled(self, name: str, conversation_id: ConversationId, channel: str) -> Chosen | None:
        pointers = self.pointers(name, channel) if name in self.own or name in self.house else {}
        end = 0.0
        for label in _SPLITS:
            pointer = pointers.get(label)
            if pointer is None or pointer.share <= 0:
                continue
            end += pointer.share
            if place_of(name, conversation_id) < end:
                return self._at(name, pointer, label)
        production = pointers.get("production")
        return self._at(name, production, "production") if production else None

    def _at(self, name: str, pointer: Pointer, label: str) -> Chosen:
        prompt = self.find(name, pointer.version)
        assert prompt is not None, "pointers to what does not exist are left out"
        return Chosen(prompt, label)


EMPTY: Final = Shelf(MappingProxyType({}), MappingProxyType({}), MappingProxyType({}))


def place_of(name: str, conversation_id: ConversationId) -> float:
    """Where a conversation stands between 0 and 1, the same at every turn and in every process.

    A share that grows keeps the conversations that it had; prompts are divided independently.
    """
    digest = hashlib.blake2b(conversation_id.bytes, digest_size=8, key=name.encode()[:64]).digest()
    return int.from_bytes(digest, "big") / 2**64


def pins_of(choice: PromptChoice) -> dict[str, Pin]:
    """The choice as it is kept with a conversation; what a turn was told is no choice of its labels."""
    return {
        name: Pin(version=chosen.prompt.version, label=chosen.label)
        for name, chosen in choice.chosen.items()
        if chosen.label is not None
    }
