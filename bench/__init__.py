"""Is it fast: one benchmark per file, each beside its peer in the same run."""
