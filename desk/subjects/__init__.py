"""Whose data it is: data keys, the pseudonym vault, export and erasure."""
