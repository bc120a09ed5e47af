"""LangServe: the same turn for clients that speak it; mounted in this one file, and fenced.

LangServe is deprecated and its licence forbids hosted or managed services: off unless DESK_LANGSERVE is set.

Its chunks can only be added up, never taken back. So if an answer is withdrawn after some of it was shown,
that text stays in `text`, and the answer that holds follows as a paragraph of its own; `reply` is always what
holds.
"""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Callable, Coroutine
from contextvars import ContextVar
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from langchain_core.runnables import RunnableGenerator
from langchain_core.runnables.utils import AddableDict
from langserve import CustomUserType, add_routes
from langserve.serialization import WellKnownLCSerializer
from langserve.server import EndpointName
from langserve.validation import StreamLogParameters
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, WithJsonSchema
from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from desk.domain import ConversationId
from desk.errors import DeskError, InvalidInput, Misconfigured, NotFound
from desk.events import Done, Failed, Revised, Token
from desk.telemetry.langsmith_wire import tracing_off
from graphs.commits.inbox import TurnRequest
from graphs.streams.turn_stream import TurnStream
from server.deps import caller_of_turn, desk_of
from server.openapi import answers
from server.routes.chat import person
from server.schemas import Body, Text

PATH = "/langserve/support"
_RUNS: tuple[EndpointName, ...] = ("invoke", "stream", "stream_events", "stream_log")
_SCHEMAS: tuple[EndpointName, ...] = ("input_schema", "output_schema", "config_schema")
ROUTES = frozenset(
    {
        *(("POST", f"{PATH}/{name}") for name in _RUNS),
        *(("GET", f"{PATH}/{name}") for name in _SCHEMAS),
        ("GET", f"{PATH}/playground/{{file_path:path}}"),
    }
)

# The turn of the request under way. Unlike an entry in a config or a table it ends with its request, is never
# traced, and cannot be named by a client.
_turn: ContextVar[TurnStream] = ContextVar("_turn")


class SupportInput(Body, CustomUserType):
    """What a client sends; kept out of dumps, as LangServe shows its input to every callback."""

    message: Annotated[Text, Field(exclude=True, repr=False)]
    # The stock playground can draw neither "or null" nor a default of null, and sends "" once it was cleared.
    conversation_id: Annotated[
        UUID | None,
        BeforeValidator(lambda given: None if given == "" else given),
        WithJsonSchema({"type": "string", "title": "Conversation id"}),
    ] = Field(default_factory=lambda: None, exclude=True, repr=False)


class SupportOutput(BaseModel):
    """What a client gets: the text as it was shown, and the reply object of the chat API."""

    text: str
    reply: dict[str, Any]


class _RunBody(StreamLogParameters):
    """All that LangServe reads of a body, so that nothing can be refused once the turn is accepted."""

    input: SupportInput


class _TurnFailed(DeskError):
    """A turn ended in an error, which was made fit for clients where it arose."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem["detail"])
        self.status = problem["status"]  # type: ignore[misc]
        self.title = problem["title"]  # type: ignore[misc]


class _Serializer(WellKnownLCSerializer):
    """Names the text of a logged chunk `content` too: by that key the stock playground knows text."""

    def dumps(self, obj: Any) -> bytes:
        if isinstance(obj, dict) and "ops" in obj:
            obj = {"ops": [_legible(operation) for operation in obj["ops"]]}
        return super().dumps(obj)


class _Stream(Response):
    """LangServe's stream, untraced; it has told of a turn's error itself, so after that it simply ends."""

    def __init__(self, stream: EventSourceResponse) -> None:
        super().__init__()
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with tracing_off():
                await self._stream(scope, receive, send)
        except _TurnFailed:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class _FencedRoute(APIRoute):
    """Starts the turn before LangServe sees the request, so that each error keeps its status; untraced."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        serve = super().get_route_handler()

        async def admit_and_serve(request: Request) -> Response:
            if request.method == "POST":
                _turn.set(await _submit(request))
            with tracing_off():
                response = await serve(request)
            if response.status_code == 404:  # LangServe's own, of a file that its playground has not
                raise NotFound
            return _Stream(response) if isinstance(response, EventSourceResponse) else response

        return admit_and_serve


def mount_langserve(app: FastAPI) -> None:
    """Serve the support turn under PATH; raises Misconfigured if LangServe opens other routes than ours."""
    # LangServe's own call, once a process; the playground knows no other.
    warnings.filterwarnings("ignore", "astream_log is deprecated")
    router = APIRouter(route_class=_FencedRoute, responses=answers())
    add_routes(
        router,
        RunnableGenerator(_answer, name="support"),
        path=PATH,
        input_type=SupportInput,
        output_type=SupportOutput,
        config_keys=(),
        per_req_config_modifier=_config,
        enabled_endpoints=[*_RUNS, *_SCHEMAS, "playground"],
        enable_feedback_endpoint=False,
        enable_public_trace_link_endpoint=False,
        serializer=_Serializer(),
    )
    app.router.routes.extend(router.routes)  # not included, as an included router hides its routes
    _refuse_other_routes(app)


async def _submit(request: Request) -> TurnStream:
    caller = await caller_of_turn(request)
    asked = _asked(await _body(request))
    conversation_id = ConversationId(asked.conversation_id) if asked.conversation_id else None
    turn = TurnRequest(asked.message, str(uuid4()), conversation_id, channel="langserve")
    return await desk_of(request).runner.submit(person(caller).as_user(), caller.tenant, turn)


async def _body(request: Request) -> dict[str, Any]:
    """The parsed body, which starlette keeps for LangServe, without the client's config."""
    try:
        body = await request.json()
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The body must be JSON.") from error
    if not isinstance(body, dict):
        raise InvalidInput('The body must be an object: {"input": {"message": "..."}}.')
    body.pop("config", None)
    return body


def _asked(body: dict[str, Any]) -> SupportInput:
    try:
        return _RunBody.model_validate(body).input
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


def _config(_clients: dict[str, Any], _request: Request) -> dict[str, Any]:
    """The whole config: nothing of the client's, nothing personal; the run goes by the turn's own id."""
    return {"run_id": _turn.get().turn_id}


async def _answer(_input: AsyncIterator[SupportInput]) -> AsyncIterator[AddableDict]:
    """The admitted turn as chunks: `{text}` as it comes, last `{reply}`."""
    shown, revised = "", False
    async for _, event in _turn.get().read():
        match event:
            case Token(text) if not revised:
                shown += text
                yield AddableDict(text=text)
            case Revised(text):
                revised = revised or bool(shown or text)
            case Done(reply):
                rest = _rest(shown, reply["reply"]["text"]) if revised or not shown else ""
                if rest:
                    yield AddableDict(text=rest)
                yield AddableDict(reply=reply)
            case Failed(problem):
                raise _TurnFailed(problem)
            case _:
                pass


def _rest(shown: str, answer: str) -> str:
    """What is still to be said, once `shown` stands there, so that the reader has the whole answer."""
    if answer.startswith(shown):
        return answer[len(shown) :]
    return f"\n\n{answer}"


def _legible(operation: dict[str, Any]) -> dict[str, Any]:
    if operation["path"] != "/streamed_output/-":
        return operation
    chunk = operation["value"]
    return {**operation, "value": {**chunk, "content": chunk.get("text", "")}}


def _refuse_other_routes(app: FastAPI) -> None:
    opened = {
        (method, path)
        for route in app.routes
        if (path := getattr(route, "path", "")).startswith("/langserve")
        for method in getattr(route, "methods", None) or {"ANY"}
    }
    if opened != ROUTES:
        odd = ", ".join(f"{method} {path}" for method, path in sorted(opened ^ ROUTES))
        raise Misconfigured(f"LangServe does not serve exactly the expected routes: {odd}.")
