"""A local server in LangSmith's place: it keeps every byte that it was sent, and can hang or refuse.

with langsmith_sink() as sink:
    ...  # give `sink.url` to the code under test as LANGSMITH_ENDPOINT, any key
    sink.requests[0].body   # the exact bytes
    sink.posted("/runs/batch")   # the decoded bodies of one path
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import orjson

REDIRECTS = frozenset({301, 302, 307, 308})


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Sink:
    """The running server's handle; `answers` are the JSON of paths, `status` that of every answer."""

    url: str = ""
    requests: list[Seen] = field(default_factory=list)
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    status: int = 200
    open: threading.Event = field(default_factory=threading.Event)

    def posted(self, path: str) -> list[Any]:
        """What was posted there."""
        return [orjson.loads(one.body) for one in self.requests if (one.method, one.path) == ("POST", path)]

    @property
    def everything(self) -> bytes:
        """All bodies, one after the other."""
        return b"\n".join(one.body for one in self.requests)


@contextmanager
def langsmith_sink() -> Iterator[Sink]:
    """Serve on 127.0.0.1 until the block ends; while `open` is cleared every request hangs."""
    sink = Sink()
    sink.open.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(sink))
    server.daemon_threads = True
    sink.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        sink.open.set()
        server.shutdown()
        server.server_close()


def _handler(sink: Sink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            path = urlsplit(self.path).path
            headers = {name.lower(): value for name, value in self.headers.items()}
            sink.requests.append(Seen(self.command, path, headers, body))
            sink.open.wait()
            told = orjson.dumps(sink.answers.get((self.command, path), {}))
            self.send_response(sink.status)
            self.send_header("content-length", str(len(told)))
            if sink.status in REDIRECTS:
                self.send_header("location", f"{sink.url}/elsewhere")
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815 - the names that the server calls

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
            """Tests want silence."""

    return Handler
