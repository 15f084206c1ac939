"""The words that goals and branches are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from iot_common.compatibility.outcome import Outcome

KEYWORD_TYPE: Final = {
    "minimum": "number", "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number",
    "multipleOf": "number", "minLength": "string", "maxLength": "string", "pattern": "string", "format": "string",
    "items": "array", "contains": "array", "minItems": "array", "maxItems": "array", "uniqueItems": "array",
    "members": "object", "required": "object", "propertyNames": "object", "minProperties": "object",
    "maxProperties": "object", "dependencies": "object",
}  # fmt: skip
"""Keywords that look at values of one type only, and accept all others."""
JSON_TYPES: Final = ("object", "string", "number", "array", "boolean", "null")


class Literal(NamedTuple):
    """A class of sub-schemas that a value must (or must not) satisfy."""

    schema_class: int
    wanted: bool


Goal = frozenset[Literal]


class Atom(NamedTuple):
    """A keyword that holds, or does not."""

    keyword: str
    argument: Any
    holds: bool


Requirement = Literal | Atom
Alternative = tuple[Requirement, ...]


@dataclass
class Branch:
    """Constraints that all hold for one value of one type.

    Attributes:
        choices: still to be made: one alternative of each must hold.
        integral: an integer is wanted; `fractional`: anything but one.
        witness: a value that meets the goal, where one was found before all choices were made.
    """

    json_type: str
    literals: set[Literal] = field(default_factory=set)
    atoms: list[Atom] = field(default_factory=list)
    choices: list[list[Alternative]] = field(default_factory=list)
    integral: bool = False
    fractional: bool = False
    witness: Outcome | None = None

    def copy(self) -> Branch:
        """A branch that can grow apart."""
        return Branch(
            self.json_type,
            set(self.literals),
            list(self.atoms),
            list(self.choices),
            self.integral,
            self.fractional,
        )


class Looks(Protocol):
    """What the solver can say while choices are still open."""

    def at(self, branch: Branch) -> Outcome:
        """The outcome of the branch without its open choices: EMPTY is final."""

    def is_witness(self, value: Any) -> bool:
        """True if a value meets the whole goal, choices included."""

    def exclude_each_other(self, pair: tuple[Literal, Literal], json_type: str) -> bool:
        """True where it is proven that no value of the type meets both."""
