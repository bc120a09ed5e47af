"""Sweeps: values that must not be found are planted, and then looked for in all that was sent or kept."""
