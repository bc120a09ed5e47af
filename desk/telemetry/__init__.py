"""What is measured: structured logs, metrics and traces, none of which carry message text."""
