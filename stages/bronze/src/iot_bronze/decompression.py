"""Bytes of a landing object, decompressed a piece at a time: a bomb costs time, never memory."""

from __future__ import annotations

import io
from collections.abc import Iterator

import zstandard
from isal import isal_zlib

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

PIECE_BYTES = 1 << 20
"""Most that one step yields of plain or gzip content."""

ZSTD_INPUT_BYTES = 1 << 10
"""zstd has no output limit per step, and four bytes of it can stand for 128 KiB: feed it little at a time."""


class BrokenObjectError(Exception):
    """The content ended early (`TRUNCATED`) or is corrupt (`UNDECODABLE`).

    A corrupt length looks like an early end: the two cannot always be told apart.
    """

    def __init__(self, defect: str) -> None:
        super().__init__(defect)
        self.defect = defect


def plain_pieces(content: bytes) -> Iterator[bytes]:
    """Decompressed content in pieces. The format is told by magic number, not by name.

    Raises:
        BrokenObjectError: After the last piece that could be decoded.
    """
    if content.startswith(GZIP_MAGIC):
        yield from _gzip_pieces(content)
    elif content.startswith(ZSTD_MAGIC):
        yield from _zstd_pieces(content)
    else:
        for start in range(0, len(content), PIECE_BYTES):
            yield content[start : start + PIECE_BYTES]


def _gzip_pieces(content: bytes) -> Iterator[bytes]:
    rest = content
    while rest:
        if not rest.startswith(GZIP_MAGIC):
            if rest.strip(b"\0"):  # tape-style zero padding is no content; anything else is
                raise BrokenObjectError("UNDECODABLE")
            return
        decompressor = isal_zlib.decompressobj(wbits=31)
        while not decompressor.eof:
            try:
                piece = decompressor.decompress(rest, PIECE_BYTES)
            except isal_zlib.IsalError as error:  # type: ignore[misc]  # its stubs declare a value, not a class  # type: ignore[misc]  # its stub gives an instance for the class
                raise BrokenObjectError("UNDECODABLE") from error
            if piece:
                yield piece
            rest = decompressor.unconsumed_tail
            if not rest and not piece and not decompressor.eof:
                raise BrokenObjectError("TRUNCATED")
        rest = decompressor.unused_data


def _zstd_pieces(content: bytes) -> Iterator[bytes]:
    source = io.BytesIO(content)
    pending = source.read(ZSTD_INPUT_BYTES)
    while pending:
        decompressor = zstandard.ZstdDecompressor().decompressobj()
        while not decompressor.eof:
            if not pending:
                raise BrokenObjectError("TRUNCATED")
            try:
                piece = decompressor.decompress(pending)
            except zstandard.ZstdError as error:
                raise BrokenObjectError("UNDECODABLE") from error
            if piece:
                yield piece
            pending = b"" if decompressor.eof else source.read(ZSTD_INPUT_BYTES)
        pending = decompressor.unused_data or source.read(ZSTD_INPUT_BYTES)
