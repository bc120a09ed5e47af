"""Tests of the demo bookshop."""
