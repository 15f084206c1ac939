"""Metrics: what passed each gate of each stage, and the proof that nothing was lost."""

__version__ = "1.0.0"
