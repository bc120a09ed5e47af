"""Tests of the benchmarks: tiny counts, equal answers, counts of commits and rows; never a time."""
