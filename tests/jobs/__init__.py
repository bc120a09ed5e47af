"""Tests of the background jobs, on a real Postgres."""
