"""Which snapshots of a table may go. Pure; `iot_common.io.maintenance` removes them.

Four rules keep a snapshot, whatever the others say:

- readers and people: it is among the newest, or was the current one within the retention. Its age counts from when it
  was replaced: the only snapshot of a quiet table is old, and yet may be read at this very moment.
- streams: no stream that reads the table has passed it. Iceberg's stream walks from where it stands to the newest.
- repetition: a batch that was interrupted is repeated, and asks for its own commit, for the table before it, and for
  what the summaries said before it. Only the newest batch of a query can be repeated.
- reference: a commit that is kept names it in its summary.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from iot_common.batch import BATCH_KEY

if TYPE_CHECKING:
    from iot_common.io.iceberg import Commit

OWN_KEYS = "driftlake."
"""Summary keys that the stages set begin with it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may go, and which streams keep more than the other rules do.

    Attributes:
        expired: Snapshot ids, newest first.
        held_by: Streams for which further snapshots stay, as `<stage>/<query>`.
    """

    expired: tuple[int, ...]
    held_by: tuple[str, ...]


def judge(
    history: Sequence[Commit],
    positions: Mapping[str, int | None],
    named: Collection[str],
    *,
    replaced_before: datetime,
    newest: int,
) -> Verdict:
    """Which snapshots of a table may go.

    Args:
        history: All snapshots of the branch, newest first.
        positions: The snapshot from which on each stream that reads the table needs all; None if it has not begun.
        named: Values of the summaries of the owner's commits: a snapshot id among them is kept.
        replaced_before: What was current then or later is kept.
        newest: At least so many newest are kept.
    """
    kept = {commit.snapshot_id for commit in history[: max(newest, 1)]}
    kept |= {
        older.snapshot_id for newer, older in pairwise(history) if newer.committed_time >= replaced_before
    }
    kept |= repeatable(history)
    kept |= {commit.snapshot_id for commit in history if str(commit.snapshot_id) in named}
    unread = {stream: _unread(history, position) for stream, position in positions.items()}
    expired = [c.snapshot_id for c in history if c.snapshot_id not in kept.union(*unread.values())]
    return Verdict(tuple(expired), tuple(sorted(s for s, ids in unread.items() if not ids <= kept)))


def repeatable(history: Sequence[Commit]) -> set[int]:
    """Snapshots that the repetition of any query's newest batch asks for."""
    kept = _newest_with_each_key(history)
    seen: set[str] = set()
    for number, commit in enumerate(history):
        query, slash, _ = commit.summary.get(BATCH_KEY, "").rpartition("/")
        if not slash or query in seen:
            continue
        seen.add(query)
        kept |= {commit.snapshot_id} | _newest_with_each_key(history[number + 1 :])
        if commit.parent_id is not None:
            kept.add(commit.parent_id)
    return kept


def own_values(commits: Sequence[Commit]) -> set[str]:
    """What the summaries of commits say in words of ours."""
    return {value for c in commits for key, value in c.summary.items() if key.startswith(OWN_KEYS)}


def _newest_with_each_key(history: Sequence[Commit]) -> set[int]:
    newest: dict[str, int] = {}
    for commit in history:
        for key in commit.summary:
            if key.startswith(OWN_KEYS) and key != BATCH_KEY:
                newest.setdefault(key, commit.snapshot_id)
    return set(newest.values())


def _unread(history: Sequence[Commit], position: int | None) -> set[int]:
    """From the stream's position, which it starts from again, to the newest; all, where the position is not known."""
    ids = [commit.snapshot_id for commit in history]
    return set(ids[: ids.index(position) + 1] if position in ids else ids)
