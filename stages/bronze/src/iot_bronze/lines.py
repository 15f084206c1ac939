"""Lines of a landing object: exact bytes, numbered from 1, with what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from iot_bronze.decompression import BrokenObjectError, plain_pieces


class Sink(Protocol):
    """Where the bytes of an oversize line go."""

    def write(self, piece: bytes, /) -> object:
        """Take the next bytes."""

    def close(self) -> None:
        """All bytes were written."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        number: From 1; the newline ends a line, and a last line needs none.
        payload: Its bytes without the newline (a carriage return stays); None if oversize.
        payload_bytes: Its size.
        defect: `TRUNCATED` or `UNDECODABLE` for the last line of a broken object, `OVERSIZE`, else None.
    """

    number: int
    payload: bytes | None
    payload_bytes: int
    defect: str | None = None


class _OpenLine:
    """A line being read; past the limit its bytes go to a sink, so that memory stays bounded."""

    def __init__(self, number: int, limit: int, open_sink: Callable[[int], Sink]) -> None:
        self.number = number
        self.limit = limit
        self.open_sink = open_sink
        self.parts: list[bytes] = []
        self.size = 0
        self.sink: Sink | None = None

    def extend(self, part: bytes) -> None:
        self.size += len(part)
        if self.sink is None and self.size > self.limit:
            self.sink = self.open_sink(self.number)
            for earlier in self.parts:
                self.sink.write(earlier)
            self.parts = []
        if self.sink is not None:
            self.sink.write(part)
        else:
            self.parts.append(part)

    def close(self, defect: str | None = None) -> Line:
        if self.sink is None:
            return Line(self.number, b"".join(self.parts), self.size, defect)
        self.sink.close()
        return Line(self.number, None, self.size, defect or "OVERSIZE")


def split_object(content: bytes, max_line_bytes: int, open_sink: Callable[[int], Sink]) -> Iterator[Line]:
    """The lines of one object.

    Grain: one `Line` per newline-ended run of bytes, and one for a last run without newline. An object that ends early
    or is corrupt ends with a line that has its defect, and the bytes that could be decoded of that line (perhaps none).

    Args:
        content: The object as delivered; gzip and zstd are told by their magic numbers.
        max_line_bytes: Longest payload kept in a `Line`.
        open_sink: Called with the line number of each longer line; takes its bytes.
    """
    line = _OpenLine(1, max_line_bytes, open_sink)
    stopped: BrokenObjectError | None = None
    pieces = plain_pieces(content)
    while True:
        try:
            piece = next(pieces)
        except StopIteration:
            break
        except BrokenObjectError as stop:
            stopped = stop
            break
        *ended, last = piece.split(b"\n")
        for part in ended:
            line.extend(part)
            yield line.close()
            line = _OpenLine(line.number + 1, max_line_bytes, open_sink)
        if last:
            line.extend(last)
    if stopped is not None:
        yield line.close(stopped.defect)
    elif line.size:
        yield line.close()


def count_lines(content: bytes) -> int:
    """Lines of an object, counted apart from `split_object`: what bronze's rows are checked against.

    Newlines, and one for what stands after the last of them or for the break of a broken object.
    """
    newlines, has_last = 0, False
    try:
        for piece in plain_pieces(content):
            newlines += piece.count(b"\n")
            has_last = not piece.endswith(b"\n")
    except BrokenObjectError:
        has_last = True
    return newlines + has_last
