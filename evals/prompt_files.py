"""Prompt files: a text that somebody wants to try, with or without the head of a version."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from desk.errors import InvalidInput
from prompts.choice import unsaved
from prompts.loader import Prompt, load_prompt

PROMPT: Final = "support"
_HEAD = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def read_prompt(path: Path) -> Prompt:
    """The file's text in place of the support prompt; raises InvalidInput when it cannot be one."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path.name}: it cannot be read as a text.") from error
    return unsaved(load_prompt(PROMPT), _HEAD.sub("", text))
