"""The drift engine for any table of numeric columns: a score per row that never looks at later rows."""
