"""Two versions of a schema: what changed, whether one accepts all that the other does, and the proof."""
