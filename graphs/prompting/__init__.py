"""Prompting: what a turn's model is told, in which version, and what it may cost."""
