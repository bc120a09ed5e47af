"""The scorers: one way of judging an answer per file."""
