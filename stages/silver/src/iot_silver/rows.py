"""The one Python pass of silver: bronze rows in, classified rows out, one for one and in the same order.

`classify_rows` is what `mapInArrow` runs. Contracts and policy are read once per worker process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iot_common.engine.classify import Examination, duplicate_events, examine
from iot_common.engine.events import Event, EventCode, Source, shorten
from iot_common.engine.parse import DEFAULT_LIMITS, ParseFailure, ParseLimits, Record, json_text, parse_record
from iot_common.engine.registry import ContractFile, ContractRegistry, Resolution, read_registry
from iot_common.engine.shape import OVERFLOW_PATH, Shape, ShapeEntry, shape_of
from iot_silver import upgrading
from iot_silver.fast_lane import FastLane
from iot_silver.held_rows import held_back, is_let_through
from iot_silver.keys import idempotency_key, key_of_bytes
from iot_silver.plain_lane import PlainLane
from iot_silver.policy import Policy, packaged_policy
from iot_silver.row_columns import (
    CARRIED_SCHEMA,
    CLASSIFIED_DDL,
    CLASSIFIED_SCHEMA,
    FOUND_SCHEMA,
    QUARANTINE,
    READING,
    Violation,
    as_violation,
    as_violations,
)
from iot_silver.typing_rules import IDENTITY_PATHS, FoundRow, TypedReading, type_reading

__all__ = ["CLASSIFIED_DDL", "CLASSIFIED_SCHEMA", "RowSettings", "classify_rows"]

SEEN_SHAPES_LIMIT: Final = 10_000
"""Shapes that one call spells out. More are counted under `OVERFLOW_PATH`: hostile input, not a fleet."""
_OVERFLOW_SHAPE: Final = (ShapeEntry(OVERFLOW_PATH, "object", None),)

_DEFECTS: Final = {
    "TRUNCATED": (EventCode.MALFORMED_JSON, "a complete object; its compressed stream ends early"),
    "UNDECODABLE": (EventCode.MALFORMED_JSON, "an object that can be decompressed"),
    "OVERSIZE": (EventCode.OVERSIZE, "a line within the size limit"),
}


@dataclass(frozen=True, slots=True)
class RowSettings:
    """What the pass needs to know besides the rows.

    Attributes:
        clock_tolerance_seconds: how far a device's clock may be ahead of ingestion before it is suspect.
        late_quarantine_before: events before this instant (microseconds since the epoch) are too late to
            merge and are quarantined; None quarantines none.
        limits: bounds of one payload.
        contracts: contract files beside the packaged ones, as name and text.
        held: schema versions whose circuit breaker is not closed, and the share of their rows that is let through.
    """

    clock_tolerance_seconds: int = 300
    late_quarantine_before: int | None = None
    limits: ParseLimits = DEFAULT_LIMITS
    contracts: tuple[ContractFile, ...] = ()
    held: Mapping[str, float] = field(default_factory=dict)


def classify_rows(batches: Iterator[pa.RecordBatch], settings: RowSettings) -> Iterator[pa.RecordBatch]:
    """Classify bronze rows.

    Args:
        batches: row_id, source_object, source_line, ingest_time, block_sequence, payload, payload_pointer and
            defect of bronze's rows; further columns are ignored.
        settings: clock and lateness limits, the same for all rows of the call.

    Yields:
        One batch per batch and one row per row, as `CLASSIFIED_SCHEMA`. `decision` is `reading` or
        `quarantine`; `payload` is kept for the latter alone; `shape` is spelled out the first time that this
        call sees its `shape_id`.
    """
    classifier = RowClassifier(settings, read_registry(settings.contracts), packaged_policy())
    for batch in batches:
        yield classify_batch(batch, classifier)


def classify_batch(batch: pa.RecordBatch, classifier: RowClassifier) -> pa.RecordBatch:
    """One batch of `classify_rows`."""
    carried = [batch.column(each.name).cast(each.type) for each in CARRIED_SCHEMA]
    return pa.RecordBatch.from_arrays(
        [*carried, *_found_columns(batch, classifier)], schema=CLASSIFIED_SCHEMA
    )


def _found_columns(batch: pa.RecordBatch, classifier: RowClassifier) -> list[pa.Array]:
    """The plain rows as columns, the others row by row, all in the order of the batch."""
    payloads = batch.column("payload").to_pylist()
    ingest = batch.column("ingest_time").cast(pa.int64()).to_numpy()
    whole = pc.and_(pc.is_valid(batch.column("payload")), pc.is_null(batch.column("defect")))
    left = np.flatnonzero(whole.to_numpy(zero_copy_only=False)).tolist()
    parts: list[tuple[Sequence[int], list[pa.Array]]] = []
    for lane in classifier.plain_lanes:
        plain = lane.take(payloads, left, ingest, classifier.spell)
        parts.append((plain.positions, plain.columns))
        left = plain.left
    others = sorted({*left, *np.flatnonzero(~whole.to_numpy(zero_copy_only=False)).tolist()})
    if others:
        row_ids, defects = batch.column("row_id"), batch.column("defect")
        rows = [
            classifier.row(row_ids[at].as_py(), payloads[at], int(ingest[at]), defects[at].as_py())
            for at in others
        ]
        columns = zip(*rows, strict=True)
        parts.append(
            (
                others,
                [pa.array(values, each.type) for values, each in zip(columns, FOUND_SCHEMA, strict=True)],
            )
        )
    return _in_order([part for part in parts if part[0]])


def _in_order(parts: list[tuple[Sequence[int], list[pa.Array]]]) -> list[pa.Array]:
    if not parts:
        return [pa.array([], each.type) for each in FOUND_SCHEMA]
    if len(parts) == 1:
        return parts[0][1]
    order = pa.array(np.argsort(np.concatenate([positions for positions, _ in parts])))
    return [
        pa.concat_arrays(same).take(order) for same in zip(*(columns for _, columns in parts), strict=True)
    ]


class RowClassifier:
    """Classifies rows; remembers only which shapes it has spelled out.

    Attributes:
        plain_lanes: for whole batches, newest contract first.
        lanes: for single rows, by contract version.
    """

    def __init__(self, settings: RowSettings, registry: ContractRegistry, policy: Policy) -> None:
        self._settings = settings
        self._registry = registry
        self._policy = policy
        self._tolerance_micros = settings.clock_tolerance_seconds * 1_000_000
        self._seen_shapes: set[int] = set()
        # Rows of a version that is held take the general way, where each is held or let through, and so do those that
        # a migration changes.
        direct = [
            each.contract
            for each in registry.resolutions
            if each.contract is not None
            and each.migration is None
            and each.contract.version not in settings.held
        ]
        late_before = settings.late_quarantine_before
        self.lanes = {
            contract.version: FastLane(contract, policy, self._tolerance_micros, late_before)
            for contract in direct
        }
        plain_lanes = [
            PlainLane(contract, policy, settings.limits, self._tolerance_micros, late_before)
            for contract in reversed(direct)
        ]
        self.plain_lanes = [lane for lane in plain_lanes if lane.is_open]

    def row(
        self, row_id: str, payload: bytes | None, ingest_micros: int, defect: str | None
    ) -> tuple[Any, ...]:
        """The classified row of one bronze row."""
        if defect is not None or payload is None:
            code, expected = _DEFECTS.get(defect or "", (EventCode.MALFORMED_JSON, "a payload"))
            return _unread(row_id, payload, Event("", code, expected, defect or "no payload", Source.ENGINE))
        parsed = parse_record(payload, self._settings.limits)
        if isinstance(parsed, ParseFailure):
            return _unread(
                row_id, payload, Event("", parsed.code, "one JSON object", parsed.reason, Source.ENGINE)
            )
        version = parsed.value.get("schema_version")
        lane = self.lanes.get(version) if type(version) is str else None
        plain = lane.row(parsed, ingest_micros) if lane is not None else None
        if plain is not None:
            return (*plain[0], *self.spell(plain[1]))
        row = self._classify(parsed, payload, ingest_micros)
        share = self._settings.held.get(row.schema_version or "")
        return row if share is None or is_let_through(row_id, share) else held_back(row, payload)

    def _classify(self, record: Record, payload: bytes, ingest_micros: int) -> FoundRow:
        reported = _reported_version(record.value)
        resolution = self._registry.resolve(reported)
        contract = resolution.contract
        upgraded = upgrading.examine_upgraded(record, resolution)
        if upgraded is not None:
            found = upgraded.found
        else:
            found = examine(record, contract) if contract is not None else _unjudged(record)
        reading = type_reading(found, self._policy, _version_events(resolution, reported, self._registry))
        if upgraded is not None:
            upgrading.complete(reading, upgraded)
        suspect = self._check_clock(reading, ingest_micros)
        shape_id, shape = self.spell(shape_of(record, contract or self._registry.latest))
        row = FoundRow(
            payload=payload if reading.quarantined else None,
            decision=QUARANTINE if reading.quarantined else READING,
            idempotency_key=_key_of(reading, record, payload),
            device_id=reading.device_id,
            event_time_raw=reading.event_time,
            schema_version=reading.columns["schema_version"],
            contract_version=contract.version if contract is not None else None,
            version_fallback=resolution.code is EventCode.VERSION_MINOR,
            clock_suspect=suspect,
            conforms=found.conforms,
            violations=_listed(reading, self._policy),
            shape_id=shape_id,
            shape=shape,
        )
        return row if reading.quarantined else _with_readings(row, reading)

    def _check_clock(self, reading: TypedReading, ingest_micros: int) -> bool:
        """Adds CLOCK_FUTURE and LATE; returns whether the clock is suspect."""
        event_time, before = reading.event_time, self._settings.late_quarantine_before
        if event_time is None:
            return False
        if before is not None and event_time < before:
            self._add(reading, EventCode.LATE, f"at or after {before} us", event_time)
        if event_time <= ingest_micros + self._tolerance_micros:
            return False
        limit = f"at most {self._settings.clock_tolerance_seconds} s ahead of ingestion"
        self._add(reading, EventCode.CLOCK_FUTURE, limit, event_time - ingest_micros)
        return True

    def _add(self, reading: TypedReading, code: EventCode, expected: str, micros: int) -> None:
        event = Event("timestamp", code, expected, f"{micros} us", Source.ENGINE)
        rule = self._policy.rule(event)
        reading.events.append(event)
        reading.quarantined |= rule.action == "quarantine"
        reading.is_valid &= not rule.invalidates

    def spell(self, shape: Shape) -> tuple[int, tuple[ShapeEntry, ...] | None]:
        """The shape's hash, and its entries unless this call has given them before."""
        shape_id, entries = shape
        if shape_id in self._seen_shapes:
            return shape_id, None
        if len(self._seen_shapes) >= SEEN_SHAPES_LIMIT:
            return shape_id, _OVERFLOW_SHAPE
        self._seen_shapes.add(shape_id)
        return shape_id, entries


def _key_of(reading: TypedReading, record: Record, payload: bytes) -> str:
    if reading.device_id is None or reading.event_time is None:
        return key_of_bytes(payload)
    return idempotency_key(reading.device_id, reading.event_time, record.canonical)


def _unread(row_id: str, payload: bytes | None, event: Event) -> FoundRow:
    """Without bytes only the row's own identity tells two rows apart."""
    key = key_of_bytes(payload if payload is not None else row_id.encode())
    return FoundRow(payload, QUARANTINE, key, violations=[as_violation(event)])


def _unjudged(record: Record) -> Examination:
    """A record that no contract may judge: only its identity is read, for the quarantine's listing."""
    known: dict[str, Any] = {path: record.value[path] for path in IDENTITY_PATHS if path in record.value}
    return Examination(conforms=False, events=duplicate_events(record), leaves=known)


def _reported_version(value: dict[str, Any]) -> Any:
    """What the record says of its version, under another spelling of the key too if there is only one."""
    if "schema_version" in value:
        return value["schema_version"]
    spellings = [key for key in value if key.lower() == "schema_version"]
    return value[spellings[0]] if len(spellings) == 1 else None


def _version_events(resolution: Resolution, reported: Any, registry: ContractRegistry) -> list[Event]:
    if resolution.code is None:
        return []
    usable = [each.contract.version for each in registry.resolutions if each.contract is not None]
    expected = "one of " + ", ".join(usable)
    return [Event("schema_version", resolution.code, expected, shorten(json_text(reported)), Source.ENGINE)]


def _with_readings(row: FoundRow, reading: TypedReading) -> FoundRow:
    return row._replace(
        is_valid=reading.is_valid,
        coerced_fields=reading.coerced_fields,
        rescued=reading.rescued_json,
        **reading.columns,
    )


def _listed(reading: TypedReading, policy: Policy) -> list[Violation]:
    """A quarantined row lists every event, a kept one those that the policy table lists."""
    if reading.quarantined:
        return as_violations(reading.events)
    return as_violations([event for event in reading.events if policy.rule(event).listed])
