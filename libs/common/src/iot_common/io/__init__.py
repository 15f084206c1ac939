"""Input and output. Imported only from a stage's `job.py` (law 4)."""
