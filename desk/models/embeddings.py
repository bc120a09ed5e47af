"""Turns texts into vectors of length 1 whose dot product says how near their meanings are."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from desk.errors import Misconfigured

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

Vectors = NDArray[np.float32]

MODEL_FILE = "minilm-int8.onnx"
TOKENIZER_FILE = "minilm-tokenizer.json"
MAX_TOKENS = 256
# What one thread embeds before it is free again, in about a tenth of a second: with less the event loop is in
# the way, and an import takes a tenth longer.
PORTION_TEXTS, PORTION_LENGTH = 64, 4000
CACHED_TEXTS = 1024
CACHED_LENGTH = 200
# One operator for a sum and its normalisation: made for long texts, it costs a short one a sixth more in all.
SLOW_FUSIONS = ["SkipLayerNormFusion"]


class Embedder(Protocol):
    """Anything that embeds texts; vectors of different `name`s must never be compared."""

    @property
    def name(self) -> str:
        """Model and precision; stored beside the vectors it made."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    @property
    def words(self) -> frozenset[str]:
        """Words that the model knows whole, in small letters; what is none of them may be misspelled."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One row of length 1 for each text, shape (n, dimensions); equal texts have bit-equal rows."""


class _RecentVectors:
    """A bounded least-recently-used store; keyed by digest, so that no customer's words stay in memory."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lock = Lock()
        self._vectors: OrderedDict[bytes, Vectors] = OrderedDict()

    def get(self, text: str) -> Vectors | None:
        key = digest(text)
        with self._lock:
            if key in self._vectors:
                self._vectors.move_to_end(key)
            return self._vectors.get(key)

    def put(self, text: str, vector: Vectors) -> None:
        with self._lock:
            self._vectors[digest(text)] = vector
            if len(self._vectors) > self._capacity:
                self._vectors.popitem(last=False)


class MiniLM:
    """all-MiniLM-L6-v2 (Apache-2.0) in int8 on one CPU thread; safe to use from many threads at once."""

    name = "all-MiniLM-L6-v2-int8"
    dimensions = 384

    def __init__(self, session: InferenceSession, tokenizer: Tokenizer) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._recent = _RecentVectors(CACHED_TEXTS)
        self.words = frozenset(word for word in tokenizer.get_vocab() if word.isalpha())

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Rows of length 1, shape (len(texts), 384); about 1 ms a short text, in a thread."""
        rows = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for start, portion in _portions(texts):
            known = [self._recent.get(text) if len(text) <= CACHED_LENGTH else None for text in portion]
            fresh = [text for text, vector in zip(portion, known, strict=True) if vector is None]
            # A thread is borrowed for a portion only: a long import must not hold it while a customer waits.
            made = iter(await asyncio.to_thread(self._encode, fresh) if fresh else ())
            rows[start : start + len(portion)] = [next(made) if row is None else row for row in known]
        return rows

    def _encode(self, texts: list[str]) -> list[Vectors]:
        tokens = [np.array([self._tokenizer.encode(text).ids], dtype=np.int64) for text in texts]
        # Each alone, because an int8 row depends on the texts that share its batch.
        vectors = [self._run(ids) for ids in tokens]
        for text, vector in zip(texts, vectors, strict=True):
            if len(text) <= CACHED_LENGTH:
                self._recent.put(text, vector)
        return vectors

    def _run(self, tokens: NDArray[np.int64]) -> Vectors:
        result: Any = self._session.run(None, {"tokens": tokens})
        vector: Vectors = result[0][0]
        return vector


def _portions(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Where each portion begins, and its texts; a text that is too long for one is a portion by itself."""
    start = length = 0
    for place, text in enumerate(texts):
        length += len(text)
        if place > start and (place - start == PORTION_TEXTS or length > PORTION_LENGTH):
            yield start, texts[start:place]
            start, length = place, len(text)
    if texts:
        yield start, texts[start:]


def load_minilm(models_path: Path) -> MiniLM:
    """The model exported in `models_path`, in about 0.1 s; raises Misconfigured when it is not there."""
    check_minilm(models_path)
    return MiniLM(open_session(models_path / MODEL_FILE), open_tokenizer(models_path / TOKENIZER_FILE))


def check_minilm(models_path: Path) -> None:
    """Raises Misconfigured when the model is not there; loads nothing."""
    missing = [name for name in (MODEL_FILE, TOKENIZER_FILE) if not (models_path / name).is_file()]
    if missing:
        raise Misconfigured(
            f"The embedding model is not exported: {models_path} has no {' and no '.join(missing)}. "
            f"Run `make run`, or `python -m desk.models.minilm_export {models_path}`."
        )


def open_session(path: Path) -> InferenceSession:
    """An ONNX session on one thread, without the memory arena (34 MB instead of 376 for a batch)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOW_FUSIONS
    )


def open_tokenizer(path: Path) -> Tokenizer:
    """The model's tokenizer, cut at 256 tokens and without padding (the file says 128 of both)."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def digest(text: str) -> bytes:
    """What stands for a text where its words must not stay."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
