"""A simulated sensor fleet with labelled drifts, and the replay of recorded sensors, as landing objects."""
