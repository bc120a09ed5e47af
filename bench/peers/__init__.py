"""The stock stack that benchmarks are measured against, built as its manual says."""
