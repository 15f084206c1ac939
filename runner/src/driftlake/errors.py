"""Errors of the runner; those shared with the stages are in `iot_common.errors`."""

from __future__ import annotations

from collections.abc import Sequence

from iot_common.errors import DriftlakeError, SettingsError


class QueryError(SettingsError):
    """A SQL text could not be run: nothing was read from it or written."""

    def __init__(
        self, reason: str, remedy: str = "Correct the SQL; `driftlake status` lists the tables."
    ) -> None:
        super().__init__(f"query refused: {reason}. {remedy}")
        self.reason = reason


class ExtensionNotFoundError(DriftlakeError):
    """A DuckDB extension is not installed beside DuckDB, or belongs to another version of it."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(
            f"DuckDB extension {name!r} for DuckDB {version} not found: run `make setup`, which installs the package "
            f"duckdb-extension-{name} of the same version, or use --engine spark."
        )
        self.name = name
        self.version = version


class CatalogReadError(DriftlakeError):
    """The catalog file of a warehouse is there but cannot be read."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"cannot read the catalog {path}: {reason}. If it is damaged, rebuild the warehouse from its landing "
            "folder with `driftlake run` into another folder."
        )
        self.path = path
        self.reason = reason


class BlockReadError(DriftlakeError):
    """An Avro block named by `bronze.block` cannot be read."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"cannot read the Avro block {path}: {reason}. If a run is promoting blocks just now, repeat the query; "
            "else query bronze.raw_reading, which does not need the blocks."
        )
        self.path = path
        self.reason = reason


class RecordNotFoundError(SettingsError):
    """No quarantined record has the row id, or its bytes are elsewhere."""

    def __init__(self, row_id: str, pointer: str | None = None) -> None:
        super().__init__(
            f"record {row_id} has no bytes in silver.quarantine: they are at {pointer}."
            if pointer
            else f'no quarantined record has the row id {row_id}: `driftlake query "select row_id from '
            'silver.quarantine"` lists them.'
        )
        self.row_id = row_id
        self.pointer = pointer


class FindingNotFoundError(SettingsError):
    """No finding, or more than one, has an id that begins so."""

    def __init__(self, beginning: str, found: Sequence[str]) -> None:
        said = f"{len(found)} findings have an id that begins with" if found else "no finding has the id"
        super().__init__(f"{said} {beginning!r}: `driftlake drift ls` lists them.")
        self.beginning = beginning
        self.found = tuple(found)


class OutputFolderError(SettingsError):
    """The folder for a demo exists and was not made by a demo."""

    def __init__(self, folder: str) -> None:
        super().__init__(
            f"{folder} exists and was not made by `driftlake demo`; it is left as it is. "
            "Name another folder with --out, or remove it yourself."
        )
        self.folder = folder


class TruthError(SettingsError):
    """A ground truth file cannot be used as it is."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"cannot read the ground truth {path}: {reason}. Name a file that `driftlake simulate --truth FILE` wrote."
        )
        self.path = path
        self.reason = reason
