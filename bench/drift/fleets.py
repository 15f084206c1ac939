"""A healthy fleet per seed, and copies of it in which chosen devices drift.

Lines come from the simulator and are read by silver's own classifier, in process. Only lines that a drift changes are
made and classified again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from bench.drift.classes import DriftClass

from iot_common.engine.registry import ContractFile, read_registry
from iot_silver.policy import packaged_policy
from iot_silver.row_columns import CARRIED_SCHEMA
from iot_silver.rows import RowClassifier, RowSettings, classify_batch
from iot_simulator.config import SimulationConfig
from iot_simulator.fleet import DAY_MS, HOUR_MS, SITES, Fleet, build_fleet
from iot_simulator.readings import MARK_MALFORMED, record_texts
from iot_simulator.simulation import lines_in_arrival_order
from iot_simulator.structural_effects import compact_json
from iot_simulator.transmission import LineBlock
from iot_simulator.value_effects import EffectContext

START = datetime(2026, 3, 2, tzinfo=UTC)
DEVICES = 100
NEWCOMERS = 4
"""Devices beyond DEVICES that send from NEWCOMER_DAY on: they are healthy, and never drift."""
NEWCOMER_DAY = 3
DAYS = 5.5
ONSET_DAY = 4
"""Drifts begin within the first 12 hours of this day; before it every day after the reference is healthy."""

Rows = npt.NDArray[np.int64]


class Classifier:
    """Silver's classifier over lines in memory; remembers the entries of each shape."""

    def __init__(self, contracts: tuple[ContractFile, ...] = ()) -> None:
        self.registry = read_registry(contracts)
        self._rows = RowClassifier(RowSettings(contracts=contracts), self.registry, packaged_policy())
        self.shapes: dict[int, list[dict[str, str | None]]] = {}

    def classified(self, lines: LineBlock) -> pd.DataFrame:
        """One row per line, in order: the columns of `row_columns.FOUND_SCHEMA` that the benchmark uses."""
        count = len(lines)
        row_ids = pa.array([f"r{number}" for number in range(count)])
        ingest = pa.array(lines.batch.arrival_ms * 1000).cast(CARRIED_SCHEMA.field("ingest_time").type)
        columns = {
            "row_id": row_ids,
            "ingest_time": ingest,
            "payload": pa.array(lines.texts.tolist(), pa.binary()),
        }
        names = ("source_object", "source_line", "block_sequence", "payload_pointer", "defect")
        columns |= {name: pa.nulls(count, pa.string()) for name in names}
        found = classify_batch(pa.RecordBatch.from_pydict(columns), self._rows)
        for shape_id, shape in zip(found["shape_id"].to_pylist(), found["shape"], strict=True):
            if shape.is_valid:
                self.shapes[shape_id] = shape.as_py()
        kept = found.drop_columns([*CARRIED_SCHEMA.names, "payload", "shape", "shape_id"]).to_pandas()
        # As floats, for the rows without one, the hashes would lose their last digits.
        return kept.assign(shape_id=pd.array(found["shape_id"].to_pylist(), dtype="Int64"))


@dataclass(frozen=True)
class CleanFleet:
    """The healthy fleet of one seed: every line in order of arrival, and what silver makes of it."""

    seed: int
    fleet: Fleet
    lines: LineBlock
    classified: pd.DataFrame
    classifier: Classifier

    @cached_property
    def readings(self) -> pd.DataFrame:
        """What silver keeps."""
        return as_readings(self.classified, self.lines)


def clean_fleet(seed: int, classifier: Classifier, days: float = DAYS) -> CleanFleet:
    """Simulate and classify a healthy fleet; equal seeds give equal fleets."""
    devices = DEVICES + NEWCOMERS
    config = SimulationConfig(devices=devices, events=round(devices * 288 * days), start=START, seed=seed)
    fleet = build_fleet(config.devices, config.gateways, config.fahrenheit_share, seed)
    blocks = list(lines_in_arrival_order(config, fleet, []))
    lines = blocks[0]
    for block in blocks[1:]:
        lines = lines.followed_by(block)
    joined = config.start_ms + NEWCOMER_DAY * DAY_MS
    lines = lines.take(np.flatnonzero((lines.batch.device < DEVICES) | (lines.batch.event_ms >= joined)))
    return CleanFleet(seed, fleet, lines, classifier.classified(lines), classifier)


def as_readings(classified: pd.DataFrame, lines: LineBlock) -> pd.DataFrame:
    """Rows of `silver.reading`: sound lines, each device and time once, the newest delivery of it."""
    rows = classified.assign(arrival_ms=lines.batch.arrival_ms)
    kept = rows[(rows["decision"] == "reading") & ~rows["clock_suspect"].astype(bool)]
    kept = kept.sort_values("arrival_ms", kind="stable")
    kept = kept.drop_duplicates(["device_id", "event_time_raw"], keep="last")
    return kept.rename(columns={"event_time_raw": "event_time"})


@dataclass(frozen=True)
class Injection:
    """A class of drift in a clean fleet.

    Attributes:
        drift: The class.
        share: Of the devices, 0 to 1.
        devices: Those that drift, by index.
        start_ms: Event time of the onset.
        rows: Positions of the clean lines that it replaces.
        lines: What is sent instead; without those that fall silent.
        classified: The same as silver classifies it.
    """

    drift: DriftClass
    share: float
    devices: Rows
    start_ms: int
    rows: Rows
    lines: LineBlock
    classified: pd.DataFrame

    def device_ids(self, fleet: Fleet) -> list[str]:
        """Names of the devices that drift."""
        return [fleet.ids[number] for number in self.devices]


def inject(
    clean: CleanFleet,
    drift: DriftClass,
    share: float,
    number: int,
    classifier: Classifier,
    until_ms: int | None = None,
    since_ms: int = 0,
) -> Injection:
    """Change the lines of a random share of the devices from a random hour of ONSET_DAY on.

    Args:
        clean: The healthy fleet.
        drift: The class.
        share: Of DEVICES; at least one. 0 takes all devices of one place.
        number: Of the class, for the random choice.
        classifier: With the contracts that the class needs.
        until_ms: Time after the onset at which it is enough.
        since_ms: Time after the onset (before it, if negative) at which the change begins.
    """
    random = np.random.default_rng([clean.seed, 11, number, round(share * 100)])
    start_ms = round(START.timestamp() * 1000) + ONSET_DAY * DAY_MS + int(random.integers(0, 12 * HOUR_MS))
    devices = _chosen(clean.fleet, drift, share, random)
    batch = clean.lines.batch
    concerned = np.isin(batch.device, devices) & (batch.event_ms >= start_ms + since_ms)
    concerned &= batch.marks & MARK_MALFORMED == 0
    if until_ms is not None:
        concerned &= batch.event_ms < start_ms + until_ms
    rows = np.flatnonzero(concerned)
    lines = _changed(clean, drift, rows, start_ms, random)
    return Injection(drift, share, devices, start_ms, rows, lines, classifier.classified(lines))


def _chosen(fleet: Fleet, drift: DriftClass, share: float, random: np.random.Generator) -> Rows:
    usable = ~fleet.is_fahrenheit if drift.kind.celsius_only else np.ones(len(fleet), dtype=bool)
    candidates = np.flatnonzero(usable[:DEVICES])
    if share == 0.0:
        site = int(random.integers(len(SITES)))
        return candidates[fleet.site[candidates] == site]
    wanted = len(candidates) if share == 1.0 else max(1, round(share * DEVICES))
    return np.sort(random.permutation(candidates)[:wanted])


def _changed(
    clean: CleanFleet, drift: DriftClass, rows: Rows, start_ms: int, random: np.random.Generator
) -> LineBlock:
    batch = clean.lines.batch.take(rows)
    touched = np.flatnonzero(random.random(len(rows)) < drift.record_share)
    if drift.kind.column_effect is not None:
        context = EffectContext(
            drift.parameters, start_ms, clean.fleet, round(START.timestamp() * 1000), random
        )
        drift.kind.column_effect(batch, touched, context)
    texts = record_texts(clean.fleet, batch)
    for row in touched.tolist():
        if drift.kind.record_effect is not None:
            record = _json(texts[row])
            drift.kind.record_effect(record, drift.parameters, float(batch.variation[row]))
            texts[row] = compact_json(record)
        if drift.kind.text_effect is not None:
            texts[row] = drift.kind.text_effect(texts[row], drift.parameters)
    lines = np.empty(len(texts), dtype=object)
    lines[:] = [text.encode() for text in texts]
    block = LineBlock(batch, lines)
    return block.take(np.flatnonzero(~batch.silent))


def _json(text: str) -> dict[str, object]:
    import json

    record: dict[str, object] = json.loads(text)
    return record
