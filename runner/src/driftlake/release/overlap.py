"""Whether releases work side by side: at each table the ranges of all that touch it must hold its schema version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from driftlake.release.manifest import Manifest, TableUse
from driftlake.release.versions import parsed


def conflicts(state: Mapping[str, Manifest], changed: str, before: Manifest | None) -> list[str]:
    """Why a change of one release does not fit to those beside it; empty if it does.

    A table's schema never goes back: Iceberg keeps what was added, and older rows keep what was removed. So the version
    that counts is the highest of what the writer makes and what the release before it made.

    Args:
        state: Name -> release, as they would run side by side, the changed one among them.
        changed: Name of the one that changes.
        before: What runs in its place until then.
    """
    return [said for table in sorted(state[changed].tables) for said in _at(table, state, changed, before)]


def _at(table: str, state: Mapping[str, Manifest], changed: str, before: Manifest | None) -> Iterator[str]:
    users = {name: each.tables[table] for name, each in sorted(state.items()) if table in each.tables}
    writer = next((name for name, use in users.items() if use.access == "writes"), None)
    if writer is None:  # not deployed yet: what it will write is checked when it comes
        return
    at_present = before.tables.get(table) if before and writer == changed else None
    if at_present and at_present.access == "writes" and at_present.version not in users[writer].works_with:
        yield _own_table(table, state[changed], users[writer], at_present)
        return
    newest = max(
        [users[writer], *([at_present] if at_present else [])], key=lambda use: parsed(use.version)
    ).version
    for name, use in users.items():
        if name == writer or changed not in (name, writer):
            continue
        if not use.works_with.overlaps(users[writer].works_with):
            reason = f"{writer} works with {users[writer].works_with}: the ranges do not overlap"
        elif users[writer].version not in use.works_with:
            reason = f"{writer} writes {users[writer].version}"
        elif newest not in use.works_with:
            reason = f"the table has {newest} already, which no rollback undoes"
        else:
            continue
        yield (
            f"{table}: {_named(state[name])} works with {use.works_with}, but {_named(state[writer])}: {reason}. "
            f"{_way_out(changed, writer, name)}"
        )


def _own_table(table: str, release: Manifest, use: TableUse, at_present: TableUse) -> str:
    return (
        f"{table}: it has schema {at_present.version}, and {_named(release)} works with {use.works_with}. What a table "
        f"has stays, whichever release comes: build a release of {release.name} whose contract.py says in WORKS_WITH "
        "that it works with both (expand first, contract later), and roll that one out."
    )


def _way_out(changed: str, writer: str, reader: str) -> str:
    if changed == writer:
        return (
            f"First roll out a release of {reader} that works with both versions (`driftlake rollout apply --stage "
            f"{reader}`), then this one of {writer}."
        )
    return (
        f"First roll out the release of {writer} that this one needs (`driftlake rollout apply --stage {writer}`), or "
        f"build one of {reader} that works with both versions."
    )


def _named(release: Manifest) -> str:
    return f"{release.name} {release.artifact_sha256[:12]}"
