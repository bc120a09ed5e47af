"""Injection: a small linear model tells messages that try to take the assistant over."""
