"""Hearing: what a message wants, by rules, by the router and by the talk so far."""
