"""The contract engine: parse exact bytes, compare them with a contract, and name every difference."""
