"""Stages of different versions on one warehouse: what a staged rollout and a rollback meet."""
