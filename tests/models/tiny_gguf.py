"""Writes a GGUF model of random weights: it babbles, but loads, streams and stops like a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

WIDTH, LAYERS, HEADS, INNER = 32, 2, 4, 64
BYTES = 256
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}assistant:"
)


def write_tiny_model(path: Path, context_tokens: int = 4096) -> Path:
    """A llama of 256 byte tokens and a few control tokens, under half a megabyte."""
    import gguf

    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(context_tokens)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    vocabulary = _add_vocabulary(writer, gguf)
    _add_weights(writer, vocabulary)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_vocabulary(writer: Any, gguf: Any) -> int:
    control, byte = gguf.TokenType.CONTROL, gguf.TokenType.BYTE
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{value:02X}>" for value in range(BYTES))]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types([gguf.TokenType.UNKNOWN, control, control, *([byte] * BYTES)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(TEMPLATE)
    return len(tokens)


def _add_weights(writer: Any, vocabulary: int) -> None:
    random = np.random.default_rng(7)

    def add(name: str, *shape: int) -> None:
        writer.add_tensor(name, (random.standard_normal(shape) * 0.2).astype(np.float32))

    add("token_embd.weight", vocabulary, WIDTH)
    output = (random.standard_normal((vocabulary, WIDTH)) * 0.2).astype(np.float32)
    # What scores zero is never sampled. So only a limit ends the babble, and its bytes are mostly ASCII:
    # of random bytes hardly any make up a character, and without one nothing is streamed.
    output[: vocabulary - BYTES] = 0.0
    output[vocabulary - BYTES // 2 :] = 0.0
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, dtype=np.float32))
    for layer in range(LAYERS):
        prefix = f"blk.{layer}."
        for name in ("attn_norm.weight", "ffn_norm.weight"):
            writer.add_tensor(prefix + name, np.ones(WIDTH, dtype=np.float32))
        for name in ("attn_q.weight", "attn_k.weight", "attn_v.weight", "attn_output.weight"):
            add(prefix + name, WIDTH, WIDTH)
        add(prefix + "ffn_gate.weight", INNER, WIDTH)
        add(prefix + "ffn_up.weight", INNER, WIDTH)
        add(prefix + "ffn_down.weight", WIDTH, INNER)
