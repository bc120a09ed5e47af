"""Tests of the shape of the code: walls, sizes, deployment files."""
