"""The evaluation suites: one suite per file, each with the figures of its kind."""
