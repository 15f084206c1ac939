"""Silver: each record is classified once against its contract, then typed, de-duplicated or quarantined."""

__version__ = "1.0.0"
