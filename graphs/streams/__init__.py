"""Streams: a turn's events on their way to its readers, in this process and in others."""
