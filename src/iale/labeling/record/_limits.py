"""Limits that the record sets and that others have to know."""

LONGEST_NAME = 100
"""Characters of the name of a class or a person."""
