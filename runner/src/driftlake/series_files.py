"""Reading and writing the files of `driftlake drift score`: CSV (gzip as well) and Parquet, by suffix."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iot_common.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd

MAX_CELLS: Final = 20_000_000
"""Rows times columns that are read at most: some 3 GB at work, with all features. Larger tables come in parts."""

CHUNK_ROWS: Final = 200_000


class SeriesFileError(SettingsError):
    """A table cannot be read, or its scores have no place to go."""


def is_parquet(path: Path) -> bool:
    """True for `.parquet` and `.pq`."""
    return path.suffix.lower() in (".parquet", ".pq")


def read_series(path: Path, texts: Sequence[str], separator: str) -> pd.DataFrame:
    """The table of a file; the columns named in `texts` stay as they are written.

    Raises:
        SeriesFileError: The file is absent, empty, no such table, no UTF-8, or too large.
    """
    import pandas as pd

    if not path.is_file():
        raise SeriesFileError(f"no file {path}. Name a CSV or Parquet file.")
    try:
        table = _read_parquet(path) if is_parquet(path) else _read_csv(path, texts, separator)
    except UnicodeDecodeError as error:
        raise SeriesFileError(
            f"{path} is no UTF-8 (byte {error.start} of a part: {error.reason}). Convert it first, e.g. with iconv."
        ) from error
    except pd.errors.EmptyDataError as error:
        raise SeriesFileError(f"{path} is empty. Give a table with a header and rows.") from error
    except (pd.errors.ParserError, EOFError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SeriesFileError(
            f"cannot read {path}: {reason}. Is it a table of this kind, with this separator ({separator!r})?"
        ) from error
    return table


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow.parquet as pq

    shape = pq.ParquetFile(path).metadata
    _refuse_too_large(path, shape.num_rows, shape.num_columns)
    return pq.read_table(path).to_pandas()


def _read_csv(path: Path, texts: Sequence[str], separator: str) -> pd.DataFrame:
    import pandas as pd

    held, rows = [], 0
    reader = pd.read_csv(
        path, sep=separator, dtype=dict.fromkeys(texts, "string"), encoding="utf-8-sig", chunksize=CHUNK_ROWS,
        low_memory=False, skipinitialspace=True, keep_default_na=True, compression="infer",
    )  # fmt: skip
    with reader:
        for chunk in reader:
            if not isinstance(chunk.index, pd.RangeIndex):
                raise ValueError("its rows have more cells than its header")
            rows += len(chunk)
            _refuse_too_large(path, rows, chunk.shape[1])
            held.append(chunk)
    return pd.concat(held, ignore_index=True)


def _refuse_too_large(path: Path, rows: int, columns: int) -> None:
    if rows * columns > MAX_CELLS:
        raise SeriesFileError(
            f"{path} has more than {MAX_CELLS:,} cells ({rows:,} rows or more of {columns} columns). Score it "
            "in parts, e.g. some entities at a time, or leave columns out of the file."
        )


def write_series(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV or Parquet, by suffix; a file that was there is replaced at once or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        if is_parquet(path):
            frame.to_parquet(partial, index=False)
        else:
            compression = {"method": "gzip", "mtime": 0} if path.suffix == ".gz" else None
            frame.to_csv(partial, index=False, quoting=csv.QUOTE_MINIMAL, compression=compression)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def refuse_bad_target(path: Path, option: str, *others: Path) -> None:
    """Before any work: the folder must be there, and the file none that is read or written besides.

    Raises:
        SeriesFileError: It is not so.
    """
    if not path.parent.is_dir() or path.is_dir():
        raise SeriesFileError(f"{option} {path}: no such folder, or a folder itself. Name a file to write.")
    if any(path.resolve() == other.resolve() for other in others):
        raise SeriesFileError(f"{option} {path} is also another file of this command. Name another one.")
