"""The shape of the data: numbered SQL files, forward only."""

from pathlib import Path

FOLDER = Path(__file__).parent
