"""What the exit code of `driftlake` means."""

OK = 0
FAILED = 1
"""Something stopped: a stage, a file, Java. The message says what; the same command can be run again."""
USAGE = 2
"""The command, a setting, a folder or the SQL is wrong; nothing was written."""
NOT_BALANCED = 3
"""All stages ended, but a batch lost or doubled rows."""
OVER_BUDGET = 4
"""`driftlake cost`: the estimate is above the budget it was given."""
REFUSED = 5
"""`driftlake rollout`, `driftlake rollback`: releases that would not work on the same tables; nothing was changed."""
INTERRUPTED = 130
"""Stopped with Ctrl-C; the same command goes on where it stopped."""

EXPLAINED = (
    "Exit codes: 0 ok; 1 failed; 2 wrong usage, setting, folder or SQL, nothing written; "
    "3 not balanced, a batch lost or doubled rows; 130 interrupted."
)
