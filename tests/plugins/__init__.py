"""Pytest plugins that more than one room uses."""
