"""The embedding model: exact, repeatable, off the loop, and clear about what is missing."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from desk.errors import Misconfigured
from desk.models import minilm_export
from desk.models.embeddings import MODEL_FILE, TOKENIZER_FILE, Embedder, MiniLM, Vectors, load_minilm
from desk.models.minilm_export import export_minilm, read_safetensors
from tests.conftest import MODELS

TEXTS = [
    "How long does shipping take?",
    "Where is order 100234",
    "",
    "¿Cuánto cuesta?",
    "x " * 900,
    "hi",
    "The book came damaged and I would like my money back, please.",
    "ok",
    "How long does shipping take",
    "Which cards do you take?",
]


@pytest.fixture(scope="module")
def exported(embedder: MiniLM) -> Path:
    """The folder of the export; asking for the embedder has made it."""
    assert embedder.dimensions == 384
    return MODELS


@pytest.fixture
def fresh(exported: Path) -> MiniLM:
    """A model that has not seen any text."""
    return load_minilm(exported)


def embed_now(model: Embedder, texts: list[str]) -> Vectors:
    return asyncio.run(model.embed(texts))


async def test_rows_have_length_one_and_the_promised_shape(fresh: MiniLM) -> None:
    rows = await fresh.embed(TEXTS)
    assert rows.shape == (len(TEXTS), fresh.dimensions)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


async def test_no_texts_give_no_rows(fresh: MiniLM) -> None:
    assert (await fresh.embed([])).shape == (0, 384)


@pytest.mark.parametrize(
    ("left", "right", "cosine"),
    [
        ("How long does shipping take?", "how much time does delivery need", 0.63),
        ("How long does shipping take?", "where is my order", 0.40),
        ("How long does shipping take?", "what is the weather in boston", 0.07),
    ],
)
async def test_cosines_are_those_of_the_original(
    embedder: MiniLM, left: str, right: str, cosine: float
) -> None:
    first, second = await embedder.embed([left, right])
    assert float(first @ second) == pytest.approx(cosine, abs=0.05)


async def test_a_row_does_not_depend_on_its_neighbours(exported: Path) -> None:
    together = await load_minilm(exported).embed(TEXTS)
    alone = load_minilm(exported)
    rows = [(await alone.embed([text]))[0] for text in reversed(TEXTS)]
    np.testing.assert_array_equal(together, np.array(rows[::-1]))


async def test_many_texts_keep_their_order(fresh: MiniLM, exported: Path) -> None:
    texts = [f"{number} books " * (number % 40) for number in range(150)]
    rows = await fresh.embed(texts)
    alone = load_minilm(exported)
    one_by_one = [(await alone.embed([text]))[0] for text in texts]
    np.testing.assert_array_equal(rows, np.array(one_by_one))


def test_many_threads_agree_to_the_bit(fresh: MiniLM) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: embed_now(fresh, TEXTS), range(4)))
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


async def test_a_remembered_text_equals_a_computed_one(fresh: MiniLM) -> None:
    first = await fresh.embed(["hi", "hello"])
    again = await fresh.embed(["hello", "new", "hi"])
    np.testing.assert_array_equal(first, again[[2, 0]])


async def test_a_caller_cannot_spoil_what_is_remembered(fresh: MiniLM) -> None:
    first = await fresh.embed(["hi"])
    kept = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(await fresh.embed(["hi"]), kept)


async def test_text_past_128_tokens_still_counts(fresh: MiniLM) -> None:
    start = "word " * 150
    plain, ended = await fresh.embed([start, start + "the refund for a broken violin"])
    assert not np.array_equal(plain, ended)


async def test_text_past_256_tokens_is_cut(fresh: MiniLM) -> None:
    start = "word " * 300
    plain, ended = await fresh.embed([start, start + "the refund for a broken violin"])
    np.testing.assert_array_equal(plain, ended)


async def test_the_loop_runs_on_while_texts_are_embedded(fresh: MiniLM) -> None:
    longest = 0.0
    work = asyncio.create_task(fresh.embed([f"{number} " + "long text " * 120 for number in range(12)]))
    while not work.done():
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        longest = max(longest, time.perf_counter() - before)
    assert longest < 0.1


def test_a_missing_export_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"make run.*minilm_export"):
        load_minilm(tmp_path)


def test_missing_weights_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm_export, "PACKAGE", "no_such_package_here")
    with pytest.raises(Misconfigured, match=r"models\.lock"):
        export_minilm(tmp_path, say=lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_two_exports_at_once_leave_one_good_model(tmp_path: Path, exported: Path) -> None:
    said: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: export_minilm(tmp_path, say=said.append), range(2)))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([MODEL_FILE, TOKENIZER_FILE])
    np.testing.assert_array_equal(
        embed_now(load_minilm(tmp_path), TEXTS), embed_now(load_minilm(exported), TEXTS)
    )
    assert any("ready" in line for line in said)


def test_a_finished_export_is_left_alone(exported: Path) -> None:
    before = (exported / MODEL_FILE).stat().st_mtime_ns
    said: list[str] = []
    export_minilm(exported, say=said.append)
    assert (exported / MODEL_FILE).stat().st_mtime_ns == before
    assert said == []


def test_an_export_that_strays_is_thrown_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm_export, "REFERENCE", (("hi", "a bill of lading", 0.99),))
    with pytest.raises(Misconfigured, match="does not agree"):
        export_minilm(tmp_path, say=lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_safetensors_are_read_by_their_layout(tmp_path: Path) -> None:
    header = (
        b'{"__metadata__":{"format":"pt"},"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},'
        b'"w":{"dtype":"F32","shape":[2,2],"data_offsets":[8,24]}}'
    )
    numbers = np.array([[1, 2], [3, 4]], dtype="<f4")
    path = tmp_path / "tiny.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8) + numbers.tobytes())
    tensors = read_safetensors(path)
    assert list(tensors) == ["w"]
    np.testing.assert_array_equal(tensors["w"], numbers)
