"""A local server of the pages that fakes only the wire: a test writes beforehand what each turn streams."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from web import FILES

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8"}
CONVERSATION = "0198c0de-0000-7000-8000-000000000001"
TURN = "0198c0de-0000-7000-8000-0000000000aa"
HOLD = "hold"
"""In a stream: wait until the test calls `wire.go.set()`."""
DROP = "drop"
"""In the live events: cut the connection."""


def frame(event: str, **data: Any) -> str:
    """One server-sent event as it stands on the wire."""
    return f"id: 1\r\nevent: {event}\r\ndata: {json.dumps(data)}\r\n\r\n"


def accepted() -> str:
    return frame("accepted", turn_id=TURN, conversation_id=CONVERSATION)


def done(text: str, **reply: Any) -> str:
    """The reply object of the contract around `text`."""
    body = {"text": text, "language": "en", "route": "faq", "intent": "shipping", "confidence": 0.93}
    body |= {"citations": [], "actions": [], "suggestions": []} | reply
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "cost_usd": 0.0}
    return frame(
        "done",
        turn_id=TURN,
        conversation_id=CONVERSATION,
        reply=body,
        prompt=None,
        model=None,
        bundle=None,
        usage=usage,
        timings_ms={"total": 12.5},
    )


@dataclass(frozen=True)
class Stream:
    """A turn's frames; `dropped` cuts the connection after them, as a network would."""

    frames: tuple[str, ...]
    dropped: bool = False


@dataclass(frozen=True)
class Refusal:
    """A problem+json answer instead of a stream."""

    status: int
    detail: str


@dataclass(frozen=True)
class Seen:
    """A request as the server got it."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Wire:
    """What the next turns answer, what the history holds, and what was asked."""

    url: str
    scenes: deque[Stream | Refusal] = field(default_factory=deque)
    history: list[dict[str, Any]] = field(default_factory=list)
    graph: dict[str, Any] = field(default_factory=dict)
    branding: dict[str, Any] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)
    live: queue.Queue[str] = field(default_factory=queue.Queue)
    over: threading.Event = field(default_factory=threading.Event)
    listeners: int = 0

    def turns(self) -> list[Seen]:
        return [request for request in self.seen if request.path == "/api/v1/chat/stream"]

    def listen(self) -> threading.Event:
        """A new listener to the live events; it replaces the one before."""
        self.over.set()
        self.over = threading.Event()
        self.listeners += 1
        return self.over

    def wait_for_listener(self, number: int) -> None:
        """Until the `number`-th one listens; what is said before goes to the one before it."""
        for _ in range(200):
            if self.listeners >= number:
                return
            time.sleep(0.05)
        raise AssertionError(f"{self.listeners} came to listen, not {number}")

    def reset(self) -> None:
        self.listen()
        self.listeners = 0
        self.live = queue.Queue()
        self.branding = {}
        self.scenes.clear()
        self.history.clear()
        self.seen.clear()
        self.go.clear()


@contextmanager
def serving() -> Iterator[Wire]:
    """Runs the server in a thread on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    wire = Wire(f"http://127.0.0.1:{server.server_port}")
    server.wire = wire  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        wire.go.set()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def wire(self) -> Wire:
        wire: Wire = self.server.wire  # type: ignore[attr-defined]
        return wire

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        file = FILES.get(path)
        if file:
            self._send(200, TYPES[file.suffix], file.read_bytes())
        elif path == "/api/v1/chat/history":
            self._history()
        elif path == f"/api/v1/conversations/{CONVERSATION}/events":
            self._note({})
            self._live(self.wire.live, self.wire.listen())
        elif path == "/api/v1/me":
            self._json(200, {"branding": self.wire.branding})
        elif path == "/api/v1/widget/branding":
            self._note({"site_key": parse_qs(urlsplit(self.path).query)["site_key"][0]})
            self._json(200, self.wire.branding)
        elif path == "/playground/graph.json":
            self._json(200, self.wire.graph)
        else:
            self._json(404, {"detail": "There is no such object."})

    def _history(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self._note({key: values[0] for key, values in query.items()})
        self._json(200, {"messages": self.wire.history, "next_cursor": None})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._note(body)
        if self.path == "/api/v1/chat/feedback":
            self._json(200, {})
            return
        scene = self.wire.scenes.popleft()
        if isinstance(scene, Refusal):
            self._json(scene.status, {"title": "Refused", "status": scene.status, "detail": scene.detail})
        else:
            self._stream(scene)

    def _live(self, frames: queue.Queue[str], over: threading.Event) -> None:
        """What a person says: frames as the test puts them there, DROP to cut the connection."""
        self._begin_events()
        text = ": open\n\n"
        with suppress(OSError):  # the page is gone
            while text != DROP:
                self._chunk(text)
                text = ""
                while not text and not over.is_set():
                    with suppress(queue.Empty):
                        text = frames.get(timeout=0.05)
                if over.is_set():
                    break
        self.close_connection = True

    def _begin_events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _stream(self, scene: Stream) -> None:
        self._begin_events()
        for text in scene.frames:
            if text == HOLD:
                self.wire.go.wait(10)
            else:
                self._chunk(text)
        if scene.dropped:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _note(self, body: dict[str, Any]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.wire.seen.append(Seen(urlsplit(self.path).path, headers, body))

    def _json(self, status: int, body: dict[str, Any]) -> None:
        kind = "application/json" if status < 400 else "application/problem+json"
        self._send(status, kind, json.dumps(body).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store" if "json" in kind else "max-age=60")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet: pytest shows what matters."""
