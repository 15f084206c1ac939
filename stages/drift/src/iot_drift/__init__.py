"""Drift: what changed in the fleet's data, since when, for whom, and why we say so."""

__version__ = "1.0.0"
