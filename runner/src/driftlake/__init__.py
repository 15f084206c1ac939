"""The local runner: every stage in one process on one machine, and the command line `driftlake`."""

__version__ = "1.0.0"
