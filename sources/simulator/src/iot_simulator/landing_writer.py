"""Landing objects: compressed the same way each time, complete or not there at all, dated by arrival."""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from iot_simulator.config import OBJECT_SUFFIXES
from iot_simulator.errors import LandingError, SettingError

# Level 5 took a third less time than the default 6 on these records for 2 % more bytes.
_GZIP_LEVEL = 5
_ZSTD_LEVEL = 3


@dataclass
class LandingTotals:
    """What has been written so far."""

    objects: int = 0
    lines: int = 0
    object_bytes: int = 0
    line_bytes: int = 0


class LandingWriter:
    """Writes objects `<landing>/<gateway>/<YYYY-MM-DD>/<HHMM>-<sequence><suffix>`.

    An object appears under its name only when complete, and its modification time is the arrival of its
    last line: the pipeline takes that for the ingestion time. Names are never reused: in a folder that
    already holds objects the sequence goes on.

    Attributes:
        totals: Counts of what was written.
    """

    def __init__(self, landing: Path, compression: str = "gz", *, append: bool = False) -> None:
        """Make the folder, or go on in one.

        Raises:
            LandingError: The folder cannot be made, or holds objects already and `append` is off.
            SettingError: The compression is unknown.
        """
        if compression not in OBJECT_SUFFIXES:
            raise SettingError("compression", compression, f"choose one of {', '.join(OBJECT_SUFFIXES)}")
        self.landing = landing
        self.compression = compression
        self.totals = LandingTotals()
        self._next_sequence: dict[Path, int] = {}
        try:
            landing.mkdir(parents=True, exist_ok=True)
            occupied = any(path.is_file() for path in landing.rglob("[!._]*"))
        except OSError as error:
            raise LandingError(str(landing), str(error), "Name a folder that can be written to.") from error
        if occupied and not append:
            raise LandingError(
                str(landing),
                "it holds landing objects already",
                "Name an empty folder, or say that objects may be added to it.",
            )

    def write(self, gateway: str, opened_ms: int, arrived_ms: int, lines: Sequence[bytes]) -> Path:
        """Write one object of one line or more.

        Args:
            gateway: Folder of the object.
            opened_ms: Time that names it (start of what it collects), milliseconds since 1970.
            arrived_ms: Arrival of its last line; rounded up to a whole second.
            lines: Without line feeds.

        Returns:
            The object's path.

        Raises:
            LandingError: The disk refused it; nothing partial is left under a name the pipeline reads.
        """
        content = b"\n".join(lines) + b"\n"
        packed = self._packed(content)
        opened = datetime.fromtimestamp(opened_ms / 1000, UTC)
        path = self._free_path(self.landing / gateway / f"{opened:%Y-%m-%d}", f"{opened:%H%M}")
        _write_whole(path, packed, -(-arrived_ms // 1000))
        self.totals.objects += 1
        self.totals.lines += len(lines)
        self.totals.object_bytes += len(packed)
        self.totals.line_bytes += len(content)
        return path

    def _packed(self, content: bytes) -> bytes:
        if self.compression == "gz":
            # No time in the header: equal lines make equal objects.
            return gzip.compress(content, _GZIP_LEVEL, mtime=0)
        if self.compression == "zst":
            import zstandard

            return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(content)
        return content

    def _free_path(self, folder: Path, stem: str) -> Path:
        sequence = self._next_sequence.get(folder / stem, 0)
        suffix = OBJECT_SUFFIXES[self.compression]
        while (folder / f"{stem}-{sequence:04d}{suffix}").exists():
            sequence += 1
        self._next_sequence[folder / stem] = sequence + 1
        return folder / f"{stem}-{sequence:04d}{suffix}"


def _write_whole(path: Path, content: bytes, modified_s: int) -> None:
    # Spark's file sources and ours pass over names that begin with a dot.
    unfinished = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(content)
        os.utime(unfinished, (modified_s, modified_s))
        unfinished.rename(path)
    except OSError as error:
        remedy = "Free space or permissions there, then simulate into an empty folder again."
        raise LandingError(str(path), str(error), remedy) from error
    finally:
        unfinished.unlink(missing_ok=True)
