"""Tests of the words: prompts, phrases, intents."""
