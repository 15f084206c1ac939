"""ECMA-262 patterns: their grammar, and three ways to search with a bound on the work."""
