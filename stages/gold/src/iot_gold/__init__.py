"""Gold: strict aggregates of what silver holds, recomputed exactly where silver changed."""

__version__ = "1.0.0"
