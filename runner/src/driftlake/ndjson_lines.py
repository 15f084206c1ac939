"""The lines of an NDJSON file, one at a time and with flat memory: plain, gzip or zstd, or standard input."""

from __future__ import annotations

import io
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, cast

from iot_common.errors import SettingsError

_CHUNK_BYTES: Final = 1 << 20
_ZSTD_PIECE_BYTES: Final = 4096
"""A block of four bytes may unpack to 128 KiB: this much never to more than 128 MiB."""
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


class TooLong(NamedTuple):
    """A line longer than the limit; its bytes were passed over."""

    byte_count: int


class UnreadableInputError(SettingsError):
    """The input cannot be read, or not to its end."""

    def __init__(self, name: str, reason: str, line: int) -> None:
        where = f" after line {line}" if line else ""
        super().__init__(
            f"cannot read {name}{where}: {reason}. Name a readable NDJSON, .gz or .zst file, or - ."
        )
        self.name = name
        self.reason = reason
        self.line = line


def read_lines(source: str, limit_bytes: int) -> Iterator[bytes | TooLong]:
    """The lines without their line feeds. What follows the last one is a line too, if it is not empty.

    Args:
        source: a path, or `-` for standard input. Compression is known by the first bytes, not by the name.
        limit_bytes: longest line that is kept.

    Raises:
        UnreadableInputError: there is no such file, no permission, or a compressed stream that is damaged.
    """
    from isal.igzip_lib import IsalError
    from zstandard import ZstdError

    count = 0
    try:
        with _raw(source) as raw:
            for line in _split(_chunks(raw, source), limit_bytes):
                count += 1
                yield line
    except (OSError, EOFError, ZstdError, IsalError, zlib.error) as error:  # type: ignore[misc]  # a class, not an instance
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UnreadableInputError(source, reason, count) from error


@contextmanager
def _raw(source: str) -> Iterator[IO[bytes]]:
    if source == "-":
        yield sys.stdin.buffer
        return
    with Path(source).open("rb") as file:
        yield file


def _chunks(raw: IO[bytes], source: str) -> Iterator[bytes]:
    """The unpacked bytes in pieces of bounded size."""
    from isal import igzip

    first = raw.read(len(_ZSTD))
    whole = cast(IO[bytes], io.BufferedReader(_Rejoined(first, raw), _CHUNK_BYTES))
    if first.startswith(_GZIP):
        whole = cast(IO[bytes], igzip.IGzipFile(fileobj=whole))
    elif first == _ZSTD:
        yield from _unpacked_zstd(whole)
        return
    elif first and source.endswith((".gz", ".zst")):
        raise OSError(f"its name says {source.rpartition('.')[2]}, its first bytes do not")
    while chunk := whole.read(_CHUNK_BYTES):
        yield chunk


class _Rejoined(io.RawIOBase):
    """A stream with the bytes that were read from it put back."""

    def __init__(self, first: bytes, rest: IO[bytes]) -> None:
        self._first = first
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._first or self._rest.read(len(buffer))
        self._first = b""
        buffer[: len(piece)] = piece
        return len(piece)


def _unpacked_zstd(packed: IO[bytes]) -> Iterator[bytes]:
    """Frame after frame; the stream reader of the library takes a file that was cut short for a whole one."""
    from zstandard import ZstdDecompressor

    unpacking, whole = ZstdDecompressor().decompressobj(), True
    while piece := packed.read(_ZSTD_PIECE_BYTES):
        while piece:
            if unpacking.eof:
                unpacking = ZstdDecompressor().decompressobj()
            yield unpacking.decompress(piece)
            whole, piece = unpacking.eof, unpacking.unused_data
    if not whole:
        raise EOFError("the compressed file is cut short")


def _split(chunks: Iterable[bytes], limit_bytes: int) -> Iterator[bytes | TooLong]:
    rest, passed_over = b"", 0
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        if others:
            yield TooLong(passed_over + len(first)) if passed_over else _bounded(rest + first, limit_bytes)
            for line in others[:-1]:
                yield _bounded(line, limit_bytes)
            rest, passed_over = others[-1], 0
        elif passed_over:
            passed_over += len(first)
        else:
            rest += first
        if len(rest) > limit_bytes:
            rest, passed_over = b"", len(rest)
    if passed_over:
        yield TooLong(passed_over)
    elif rest:
        yield _bounded(rest, limit_bytes)


def _bounded(line: bytes, limit_bytes: int) -> bytes | TooLong:
    return line if len(line) <= limit_bytes else TooLong(len(line))
