"""Finds the intent of a message."""
