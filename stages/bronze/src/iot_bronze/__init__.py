"""Bronze: every byte that lands is kept, one row per line, and nothing is refused."""

__version__ = "1.0.0"
