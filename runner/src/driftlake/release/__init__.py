"""Release, rollout and rollback: what is built, what is published, what an environment pins, and the way between."""
