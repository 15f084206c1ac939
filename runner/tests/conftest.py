"""A warehouse of hand-made rows, written by pyiceberg: no Spark, so that tests of readers take moments."""

from __future__ import annotations

import io
import json
import os
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import fastavro
import pyarrow as pa
import pytest
from moto.server import ThreadedMotoServer
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.catalog.sql import SqlCatalog

from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.bronze_raw_reading import BLOCK_ROW_SCHEMA, RAW_READING
from iot_common.contracts.table import REASONS_TYPE, TableContract
from iot_common.io.blocks import PROMOTED_KEY
from iot_common.io.objects import put_object
from iot_common.settings import CATALOG_NAME

_REASON = pa.struct([(name, pa.string()) for name in ("path", "code", "expected", "found")])
_ARROW = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "binary": pa.large_binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "array<string>": pa.list_(pa.string()),
    "array<int>": pa.list_(pa.int32()),
    "array<double>": pa.list_(pa.float64()),
    "map<string,bigint>": pa.map_(pa.string(), pa.int64()),
    "map<string,double>": pa.map_(pa.string(), pa.float64()),
    "map<string,string>": pa.map_(pa.string(), pa.string()),
    "map<string,timestamp>": pa.map_(pa.string(), pa.timestamp("us", "UTC")),
    REASONS_TYPE: pa.list_(_REASON),
}

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def arrow_schema(contract: TableContract) -> pa.Schema:
    return pa.schema([(column.name, _ARROW[column.type]) for column in contract.columns])


@dataclass
class HandMade:
    """A warehouse; `append` makes a table if need be and adds one commit."""

    folder: Path

    @property
    def catalog(self) -> Catalog:
        uri = f"sqlite:///{self.folder}/catalog.db"
        return SqlCatalog(CATALOG_NAME, uri=uri, warehouse=f"file://{self.folder}")

    def append(
        self,
        contract: TableContract,
        rows: Sequence[Mapping[str, Any]],
        properties: Mapping[str, str] | None = None,
    ) -> None:
        catalog = self.catalog
        catalog.create_namespace_if_not_exists(contract.name.split(".")[0])
        table = catalog.create_table_if_not_exists(contract.name, arrow_schema(contract))
        if rows:
            filled = [{name: row.get(name) for name in contract.column_names} for row in rows]
            table.append(pa.Table.from_pylist(filled, arrow_schema(contract)), dict(properties or {}))

    def bronze_block(self, sequence: int, payloads: Sequence[bytes]) -> None:
        """One Avro block, as bronze writes it, and its row in the manifest."""
        path = self.folder / "blocks" / f"{sequence}.avro"
        path.parent.mkdir(exist_ok=True)
        rows = [raw_row(f"b{sequence}-{line}", line, payload) for line, payload in enumerate(payloads, 1)]
        with path.open("wb") as file:
            fastavro.writer(file, BLOCK_ROW_SCHEMA, rows, codec="zstandard")
        manifest = {
            "block_sequence": sequence, "block_path": f"file://{path}", "batch": "q/0", "row_count": len(payloads),
            "block_bytes": path.stat().st_size, "oldest_ingest_time": NOON,
        }  # fmt: skip
        self.append(BLOCK, [manifest])

    def promoted(self, sequence: int, payloads: Sequence[bytes]) -> None:
        """Rows of a block in `bronze.raw_reading`."""
        rows = [
            raw_row(f"b{sequence}-{line}", line, payload) | {"block_sequence": sequence}
            for line, payload in enumerate(payloads, 1)
        ]
        self.append(RAW_READING, rows, {PROMOTED_KEY: str(sequence)})


def raw_row(row_id: str, line: int, payload: bytes) -> dict[str, Any]:
    return {
        "row_id": row_id, "source_object": "a.ndjson", "source_line": line, "object_bytes": 100, "ingest_time": NOON,
        "batch": "q/0", "payload": payload, "payload_bytes": len(payload),
    }  # fmt: skip


DEPLOYED_WAREHOUSE = "s3://lake/warehouse"


class Deployed(HandMade):
    """Hand-made rows in S3, named by the Glue catalog."""

    @property
    def catalog(self) -> Catalog:
        place = {"warehouse": DEPLOYED_WAREHOUSE, "s3.endpoint": os.environ["AWS_ENDPOINT_URL_S3"]}
        return load_catalog("driftlake", type="glue", **place)

    def bronze_block(self, sequence: int, payloads: Any) -> None:
        rows = [raw_row(f"b{sequence}-{line}", line, payload) for line, payload in enumerate(payloads, 1)]
        content = io.BytesIO()
        fastavro.writer(content, BLOCK_ROW_SCHEMA, rows, codec="zstandard")
        uri = f"{DEPLOYED_WAREHOUSE}/blocks/{sequence}.avro"
        put_object(uri, content.getvalue())
        manifest = {"block_sequence": sequence, "block_path": uri, "batch": "q/0", "row_count": len(payloads)}
        self.append(BLOCK, [manifest | {"block_bytes": 1, "oldest_ingest_time": NOON}])


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--debug` asks Spark for its log through the environment: that of one test, not of those after it."""
    monkeypatch.setenv("DRIFTLAKE_SPARK_LOG", "")


@pytest.fixture
def hand_made(tmp_path: Path) -> HandMade:
    """An empty warehouse under a path with a blank and a quote."""
    folder = tmp_path / "the user's lake"
    folder.mkdir()
    return HandMade(folder)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Deployed]:
    """An empty warehouse in S3 and Glue. They are moto's server: simulated."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, f"http://{host}:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    # What a server holds is kept in this process, and would be the next server's too.
    urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/moto-api/reset", method="POST"))
    boto3.client("s3").create_bucket(Bucket="lake")
    yield Deployed(tmp_path)
    server.stop()


@pytest.fixture
def truth_file(tmp_path: Path) -> Path:
    """A ground truth with one drift of three hours on two devices, and a decoy."""
    drift = {
        "drift_id": "warm", "kind": "value_offset", "meaning": "a constant added", "expected_codes": ["VALUE_SHIFT"],
        "accompanying_codes": ["RANGE"], "field_paths": ["readings.temperature.value"],
        "silver_columns": ["temperature_celsius"], "devices": ["sensor_1", "sensor_2"],
        "start_time": "2026-03-02T12:00:00.000Z", "end_time": "2026-03-02T15:00:00.000Z",
    }  # fmt: skip
    decoy = drift | {
        "drift_id": "front",
        "kind": "weather_front",
        "expected_codes": [],
        "devices": ["sensor_9"],
    }
    path = tmp_path / "truth.json"
    path.write_text(json.dumps({"drifts": [drift, decoy], "background_codes": ["LATE"]}))
    return path
