"""Chaos: real processes are killed, frozen, cut off and lied to, and what was promised is then looked up."""
