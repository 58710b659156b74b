"""Choosing windows, and judging the choice."""
