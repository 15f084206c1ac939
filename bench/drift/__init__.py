"""The published benchmark of drift detection: `make bench-drift`."""
