"""The desk command, one module per group of its subcommands."""
