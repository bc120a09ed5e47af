"""Shapes: what each noun looks like in the JSON of an answer, for the API's description alone.

Answers are plain dicts that no shape filters or checks while the service runs; the tests hold them to it.
"""
