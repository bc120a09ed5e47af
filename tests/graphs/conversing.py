"""How tests talk to the graph itself: turns of a customer, run in this process, with every event kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import UUID, uuid4

from desk.domain import ConversationId, Principal, Tenant
from desk.events import Degraded, Done, Revised, Step, Token, ToolUsed, TurnEvent
from desk.models.fallback import FallbackModel
from desk.models.port import ChatModel, ModelRequest, ToolCall
from desk.models.scripted import SCRIPTED, ScriptedAnswer, ScriptedModel
from desk.storage import messages
from graphs.brake import Brake
from graphs.commits.inbox import AcceptedTurn, TurnRequest, accept
from graphs.services import Services
from graphs.turn import run_turn
from graphs.untraced import spawn

Kind = TypeVar("Kind", bound=TurnEvent)
EXTERNAL = replace(SCRIPTED, name="hosted", external=True)

# Questions that go to the model: near enough to a page to find it, too far to be answered by it at once.
POINTS = "How many points do I need to save five dollars?"
POINTS_ANSWER = "100 points are worth $5."
KINDLE = "My e-reader is a Kindle, would your e-books open on it?"


@dataclass
class Told:
    """What one turn told: its events, and from them the text on the screen and the reply."""

    events: list[TurnEvent] = field(default_factory=list)

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def reply(self) -> dict[str, Any]:
        (done,) = self.of(Done)
        return done.reply

    @property
    def text(self) -> str:
        return str(self.reply["reply"]["text"])

    @property
    def shown(self) -> str:
        """What the customer sees in the end."""
        shown = ""
        for event in self.events:
            match event:
                case Token(text):
                    shown += text
                case Revised(text):
                    shown = text
                case _:
                    pass
        return shown

    @property
    def ever_shown(self) -> str:
        """All that was on the screen at some time."""
        return "".join(event.text for event in self.events if isinstance(event, Token | Revised))

    @property
    def nodes(self) -> list[str]:
        return [event.node for event in self.of(Step) if event.state == "started"]

    @property
    def tools(self) -> list[tuple[str, str]]:
        return [(event.tool, event.state) for event in self.of(ToolUsed)]

    @property
    def degraded(self) -> list[str]:
        return [event.what for event in self.of(Degraded)]


@dataclass
class Customer:
    """A customer in one conversation."""

    services: Services
    principal: Principal
    tenant: Tenant
    conversation: ConversationId | None = None

    @classmethod
    async def of(cls, services: Services, email: str, slug: str = "bookshop") -> Customer:
        """A customer of the demo bookshop, or of another tenant."""
        tenant = await services.engine.tenants.get(slug)
        subject = await services.engine.keys.subject(tenant.id, "tests", email)
        return cls(services, Principal(tenant.id, "user", subject, email), tenant)

    def ask_model(self, *models: ChatModel, seconds: float = 30.0) -> None:
        """From now on these models answer, in order."""
        self.services.engine.model = FallbackModel(models, total_seconds=seconds)

    def script(self, *answers: ScriptedAnswer | str, external: bool = False) -> ScriptedModel:
        """From now on a model answers that says this."""
        model = ScriptedModel(answers, spec=EXTERNAL if external else SCRIPTED)
        self.ask_model(model)
        return model

    def obey(self, answer: Callable[[ModelRequest], ScriptedAnswer | str]) -> ScriptedModel:
        """From now on a model answers that does what the function says."""
        model = ScriptedModel(answer)
        self.ask_model(model)
        return model

    async def accepted(self, message: str, *, confirm: str | None = None) -> AcceptedTurn:
        """A turn that is committed and not yet run."""
        request = TurnRequest(message, str(uuid4()), self.conversation, confirm=confirm)
        turn = await accept(self.services, self.principal, self.tenant, request)
        assert isinstance(turn, AcceptedTurn)
        return turn

    async def talk(self, *messages: str) -> list[dict[str, Any]]:
        """The replies to the messages of a new conversation."""
        self.conversation = None
        return [(await self.say(message)).reply["reply"] for message in messages]

    async def say(self, message: str) -> Told:
        """One turn."""
        return await self.run(await self.accepted(message))

    async def confirm(self, action_id: str) -> Told:
        """One tap on an action."""
        return await self.run(await self.accepted("", confirm=action_id))

    async def run(self, turn: AcceptedTurn, brake: Brake | None = None) -> Told:
        """Run an accepted turn as the runner does: in a task with an empty context."""
        told = Told()
        await spawn(run_turn(self.services, turn, told.events.append, brake))
        self.conversation = ConversationId(UUID(told.reply["conversation_id"]))
        return told

    async def history(self) -> list[str]:
        """The texts of the conversation as they are stored, with pseudonyms."""
        key = await self.services.engine.keys.data_key(self.principal)
        async with self.services.engine.database.tenant_tx(self.principal) as tx:
            found = await messages.list_page(
                tx, conversation_id=self.conversation, subject_id=None, after=None, limit=500
            )
        return [key.open_text(one.text_sealed, aad=messages.text_aad(one.id)) for one in found]


def calls(name: str, arguments_json: str, call_id: str = "call_x") -> ScriptedAnswer:
    """An answer that asks for one tool."""
    return ScriptedAnswer(tool_calls=(ToolCall(call_id, name, arguments_json),))


def contents(request: ModelRequest) -> str:
    """All text of a request."""
    return "\n".join(str(message) for message in request.messages)
