"""Tests of what may be lost."""
