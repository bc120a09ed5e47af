"""Replays: a recorded turn is looked at, taken up from the middle, or run again."""
