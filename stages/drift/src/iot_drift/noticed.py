"""Versions that the orchestration gave notice of: the queue by which its notices reach `drift.drift_log`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from iot_common.engine.registry import ContractRegistry
from iot_common.io.objects import changed_since, read_object
from iot_common.notices import MISSING_SCHEMA
from iot_drift.log_entries import NEW_VERSION, PENDING, VERSION_PATH, Entry

TELLER = "flow"
"""Who says so in a notice of the orchestration's; drift's own are in the log already."""

READ_FOR = timedelta(days=2)
"""A notice is read for so long: by then a batch of drift has come by, or nothing was curated."""


def noticed_versions(prefix: str, now: datetime) -> tuple[str, ...]:
    """Versions of the orchestration's notices of the last days.

    Args:
        prefix: Of the notices.
        now: The time of now.
    """
    names = (uri for uri in changed_since(prefix, now - READ_FOR) if f"/{MISSING_SCHEMA}-" in uri)
    told = (json.loads(read_object(uri)) for uri in names)
    return tuple(sorted({each["subject"] for each in told if each["stage"] == TELLER}))


def noticed_entries(
    versions: Iterable[str],
    found: Mapping[tuple[str, str], Entry],
    stored: Mapping[tuple[str, str], Entry],
    registry: ContractRegistry,
) -> dict[tuple[str, str], Entry]:
    """Entries that wait for the versions of which the log says nothing yet; one per kind, as of findings.

    Args:
        versions: Of the notices.
        found: Entries of the batch's own findings.
        stored: Entries of the log before the batch.
        registry: What is registered.
    """
    entries: dict[tuple[str, str], Entry] = {}
    for version in versions:
        code = registry.resolve(version).code
        if code is None or code.value not in NEW_VERSION:
            continue  # registered since
        key = (VERSION_PATH, code.value)
        known = (each[key] for each in (found, stored, entries) if key in each)
        if any(version in each.versions for each in known):
            continue
        before = entries.get(key)
        entries[key] = Entry(
            *key,
            status=PENDING,
            occurrences=1,
            versions=(*(before.versions if before else ()), version),
            sample=version,
            contract_version=registry.latest.version,
        )
    return entries


def merged(entry: Entry, noticed: Entry | None) -> Entry:
    """An entry of a finding with the versions of a notice beside its own."""
    return replace(entry, versions=(*entry.versions, *noticed.versions)) if noticed else entry
