"""Is it good: cases, suites, scorers, reports and the gate that CI runs."""
