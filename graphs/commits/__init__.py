"""Commits: what is kept of a turn, its input before it runs and its outcome in the end."""
