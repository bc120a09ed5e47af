"""The local model's own process: loads a GGUF file, then answers one request at a time over its pipes.

Run as `python -m desk.models.llama_child FILE CONTEXT_TOKENS`. Lines of JSON. In: `{"ask": {...}}`,
`{"cancel": true}`. Out: `{"ready": true}` or `{"failed": why}` once, then for each request any number of
`{"chunk": {...}}` and one `{"end": reason}`, where the reason is null if all went well. The end of its input
ends the process at once, also in the middle of a computation.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from typing import Any, BinaryIO

import orjson

# Computed between two looks at whether it is still wanted.
BLOCK_TOKENS = 256


class Cancelled(Exception):
    """Nobody wants the rest of the answer."""


class Inbox:
    """The requests that came in, and whether the one at work was cancelled since."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._asked: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.cancelled = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def take(self) -> dict[str, Any]:
        """Wait for the next request."""
        return self._asked.get()

    def _listen(self) -> None:
        for line in self._source:
            message = orjson.loads(line)
            if "ask" in message:
                self.cancelled.clear()
                self._asked.put(message["ask"])
            else:
                self.cancelled.set()
        # The parent is gone; native code that still computes would keep an ordinary exit waiting.
        os._exit(0)


def main() -> None:
    """Load the model, answer until the input ends."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    # Native code prints where it likes; the protocol's pipe must stay clean.
    os.dup2(2, 1)
    inbox = Inbox(sys.stdin.buffer)
    try:
        model = _load(sys.argv[1], int(sys.argv[2]), inbox.cancelled)
    except Exception as error:
        _send(out, {"failed": str(error)})
        return
    _send(out, {"ready": True})
    while True:
        _send(out, {"end": _answer(model, inbox, out)})


def _load(path: str, context_tokens: int, cancelled: threading.Event) -> Any:
    from llama_cpp import Llama

    model: Any = Llama(model_path=path, n_ctx=context_tokens, verbose=False)
    evaluate = model.eval

    def evaluate_unless_cancelled(tokens: Sequence[int]) -> None:
        for start in range(0, len(tokens), BLOCK_TOKENS):
            if cancelled.is_set():
                raise Cancelled
            evaluate(tokens[start : start + BLOCK_TOKENS])

    # Between two chunks may lie a long prompt, or many tokens that make up no whole character.
    model.eval = evaluate_unless_cancelled
    return model


def _answer(model: Any, inbox: Inbox, out: BinaryIO) -> str | None:
    request = inbox.take()
    try:
        for chunk in _chunks(model, request):
            _send(out, {"chunk": chunk})
    except Cancelled:
        return None
    # llama_cpp says this of a prompt that does not fit and of a message its template cannot take.
    except ValueError:
        return "rejected"
    except Exception:
        return "error"
    return None


def _chunks(model: Any, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The answer in OpenAI's form, without the empty pieces that half a character makes, then the usage."""
    prompt_tokens = written = 0
    for chunk in model.create_chat_completion(**request, stream=True):
        prompt_tokens = prompt_tokens or model.n_tokens
        written = model.n_tokens - prompt_tokens + 1
        choice = chunk["choices"][0]
        if choice["delta"].get("content") or choice["finish_reason"]:
            yield chunk
    yield {"choices": [], "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": written}}


def _send(out: BinaryIO, message: dict[str, Any]) -> None:
    out.write(orjson.dumps(message) + b"\n")


if __name__ == "__main__":
    main()
