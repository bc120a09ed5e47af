"""Tests of whose data it is: keys, export, erasure, the audit."""
