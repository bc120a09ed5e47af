"""Tests of the mail port and of what is behind it."""
