"""Validation of any draft-07 schema: exact, without a network, compiled to Python where speed matters."""
