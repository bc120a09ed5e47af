"""Export: all that is kept of a person, opened and in pieces small enough to be streamed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson

from desk.domain import ConversationId, MessageId, Principal, SubjectId
from desk.errors import NotFound
from desk.privacy.pseudonyms import Vault, restore_json
from desk.privacy.sealing import DataKey, inflated
from desk.storage import accounts, consents, conversations, exports, feedback, messages, turns
from desk.storage import effects as effect_rows
from desk.storage.exports import Person, Row
from desk.storage.pool import Database, Tx
from desk.subjects.keys import KeyRing
from desk.subjects.reading import open_or_pass

Section = Literal["subject", "consents", "conversations", "audit"]
SECTIONS: tuple[Section, ...] = ("subject", "consents", "conversations", "audit")

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Piece:
    """One record of a section, as plain JSON; the sections come in their order."""

    section: Section
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exporter:
    """Reads one person's data as whoever asked for it; only the audit is read as a worker of the tenant."""

    database: Database
    by: Principal
    person: Person
    key: DataKey

    @classmethod
    async def of(cls, database: Database, keys: KeyRing, by: Principal, subject_id: SubjectId) -> Exporter:
        """Raises NotFound when `by` may see no such person, or they are no more."""
        async with database.tenant_tx(by) as tx:
            found = await exports.person(tx, subject_id)
        if found is None:
            raise NotFound
        key = await keys.data_key(Principal(by.tenant_id, by.scope, subject_id))
        return cls(database, by, found, key)

    async def pieces(self) -> AsyncIterator[Piece]:
        """Everything, a conversation at a time; each is as it was at one moment."""
        subject = self.person.id
        who = {"id": subject, "kind": self.person.kind, "since": self.person.created_at}
        yield Piece("subject", _plain(who | {"account": await self._account()}))
        async with self.database.tenant_tx(self.by) as tx:
            decisions = await consents.list_all(tx, subject)
        for one in decisions:
            record = {"purpose": one.purpose, "text_version": one.text_version, "granted": one.granted}
            yield Piece("consents", _plain(record | {"at": one.at}))
        about: list[UUID] = []
        after: ConversationId | None = None
        while True:
            async with self.database.tenant_tx(self.by) as tx:
                after = await exports.next_conversation(tx, subject, after)
                opened = await self._conversation(tx, after, about) if after else None
            if opened is None:
                break
            yield Piece("conversations", _plain(opened))
        async for piece in self._audit(about):
            yield piece

    async def _account(self) -> dict[str, Any] | None:
        async with self.database.tenant_tx(self.by) as tx:
            account = await accounts.get(tx, self.person.id, hold=False)
        if account is None:
            return None
        email = self._text(account.email_sealed, accounts.email_aad(account.id), "account", account.id)
        return {"email": email, "role": account.role, "state": account.state, "since": account.created_at}

    async def _conversation(
        self, tx: Tx, conversation_id: ConversationId, about: list[UUID]
    ) -> dict[str, Any] | None:
        row = await conversations.get(tx, conversation_id)
        if row is None:
            return None
        vault = self._vault(row)
        handed = await exports.handoffs(tx, conversation_id)
        taken = await exports.turns(tx, conversation_id)
        about += [conversation_id, *(one["id"] for one in handed), *(one["id"] for one in taken)]
        aad = conversations.title_aad(conversation_id)
        title = self._text(row.title_sealed, aad, "conversation", conversation_id)
        return {
            "id": conversation_id,
            "title": title,
            "channel": row.channel,
            "locale": row.locale,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
            "messages": await self._messages(tx, conversation_id, vault),
            "turns": [self._turn(one) for one in taken],
            "effects": [self._effect(one, vault) for one in await exports.effects(tx, conversation_id)],
            "handoffs": handed,
        }

    def _vault(self, row: conversations.Conversation) -> Vault:
        found = self._json(row.vault_sealed, conversations.vault_aad(row.id), "conversation", row.id)
        return Vault.from_json(found) if found else Vault()

    async def _messages(self, tx: Tx, conversation_id: ConversationId, vault: Vault) -> list[Row]:
        found: list[Row] = []
        after: MessageId | None = None
        while True:
            page = await messages.list_page(
                tx, conversation_id=conversation_id, subject_id=None, after=after, limit=_PAGE
            )
            for one in page:
                text = self._text(one.text_sealed, messages.text_aad(one.id), "message", one.id)
                said = {"id": one.id, "turn_id": one.turn_id, "role": one.role}
                said["text"] = restore_json(text, vault)
                found.append(said | {"route": one.route, "created_at": one.created_at})
            if len(page) < _PAGE:
                return found
            after = page[-1].id

    def _turn(self, row: Row) -> Row:
        sealed, comment = row.pop("input_sealed"), row.pop("comment_sealed")
        told = {"id": row["id"], "state": row["state"], "route": row["route"], "intent": row["intent"]}
        told |= {"accepted_at": row["accepted_at"], "finished_at": row["finished_at"]}
        if sealed:
            said = self._json(sealed, turns.input_aad(row["id"]), "turn", row["id"])
            told["unanswered"] = said and {"message": said["message"], "email": said["email"]}
        if row["rating"]:
            words = self._text(comment, feedback.comment_aad(row["id"]), "feedback", row["id"])
            told["feedback"] = {"rating": row["rating"], "tags": row["tags"], "comment": words}
        if row["model"]:
            told["usage"] = {name: row[name] for name in ("model", "prompt_tokens", "completion_tokens")}
        return told

    def _effect(self, row: Row, vault: Vault) -> Row:
        turn_id, ordinal = row["turn_id"], row.pop("ordinal")
        for part in ("request", "result"):
            aad = effect_rows.effect_aad(turn_id, ordinal, part)
            row[part] = restore_json(self._json(row.pop(f"{part}_sealed"), aad, "effect", turn_id), vault)
        return row

    def _text(self, sealed: bytes | None, aad: bytes, what: str, row: UUID) -> str | None:
        plain = self._open(sealed, aad, what, row)
        return None if plain is None else plain.decode()

    def _json(self, sealed: bytes | None, aad: bytes, what: str, row: UUID) -> Any:
        plain = self._open(sealed, aad, what, row)
        return None if plain is None else orjson.loads(inflated(plain))

    def _open(self, sealed: bytes | None, aad: bytes, what: str, row: UUID) -> bytes | None:
        """What was sealed; None where nothing was, and for a broken seal: the rest is theirs all the same."""
        return open_or_pass(self.key, sealed, aad=aad, what=what, tenant_id=self.by.tenant_id, row=row)

    async def _audit(self, about: list[UUID]) -> AsyncIterator[Piece]:
        # People do not read the audit, but what it says of them.
        worker = Principal(self.by.tenant_id, "worker")
        after: UUID | None = None
        while True:
            async with self.database.tenant_tx(worker) as tx:
                page = await exports.audit(tx, self.person.id, about, after, limit=_PAGE)
            for row in page:
                record = {"at": row["at"], "by": "self" if row["own"] else "others"}
                shown = {"action": row["action"], "object": row["object"], "detail": row["detail"]}
                yield Piece("audit", _plain(record | shown))
            if len(page) < _PAGE:
                return
            after = page[-1]["id"]


def _plain(value: Any) -> Any:
    """The value with ids and times as text."""
    match value:
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case UUID():
            return str(value)
        case datetime():
            return value.isoformat()
        case _:
            return value
