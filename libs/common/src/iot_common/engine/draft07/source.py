"""Python source as lines, and the constants that it names: no text of a schema ever becomes code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from iot_common.engine.draft07.places import Place
from iot_common.engine.exact_number import ExactNumber


class Namespace:
    """The globals of all functions of one schema."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"Exact": ExactNumber, "Missing": KeyError}
        self._constants: dict[Any, str] = {}

    def constant(self, value: Any) -> str:
        """A name for a value; equal texts share one."""
        if not isinstance(value, str):
            return self._bind(value)
        if value not in self._constants:
            self._constants[value] = self._bind(value)
        return self._constants[value]

    def _bind(self, value: Any) -> str:
        name = f"c{len(self.names)}"
        self.names[name] = value
        return name


class FunctionSource:
    """The lines of one function that returns False at the first thing amiss."""

    def __init__(self, name: str) -> None:
        self.lines = [f"def {name}(v):"]
        self.indent = 1
        self.size = 0
        self._variables = 0

    def line(self, text: str) -> None:
        """Add a line of code."""
        self.lines.append(" " * self.indent + text)
        self.size += 1

    def refuse(self, condition: str) -> None:
        """The value is invalid where a condition holds."""
        self.line(f"if {condition}: return False")

    def variable(self) -> str:
        """A fresh local name."""
        self._variables += 1
        return f"v{self._variables}"

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Lines under a head such as `if x:`; a block that stays empty leaves nothing behind."""
        self.line(head)
        before = len(self.lines)
        self.indent += 1
        yield
        self.indent -= 1
        if len(self.lines) == before:
            self.lines.pop()

    @contextmanager
    def set_aside(self, lines: list[str]) -> Iterator[None]:
        """Collect what is written, one level deeper, for a block that is only wanted where there is something."""
        kept, self.lines = self.lines, lines
        self.indent += 1
        yield
        self.indent -= 1
        self.lines = kept

    def text(self) -> str:
        """The source."""
        return "\n".join([*self.lines, " return True", ""])


class Writer(Protocol):
    """What writes sub-schemas within the code of a schema."""

    names: Namespace

    def asserts(self, place: Place) -> bool:
        """Whether a schema can refuse anything."""

    def child(self, code: FunctionSource, place: Place, variable: str, depth: int) -> None:
        """Write a sub-schema's checks of a variable."""

    def expression(self, place: Place, variable: str) -> str:
        """An expression that is true where a variable conforms to a sub-schema."""
