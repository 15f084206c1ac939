"""Who asks for something that stays in the history of the tables."""

from __future__ import annotations

import getpass


def requesting_user() -> str | None:
    """The name of the user; None where there is none: a container may run under a bare number."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None
