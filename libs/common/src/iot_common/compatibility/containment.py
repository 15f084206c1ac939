"""Does one schema accept everything another accepts? Proven, disproven by a record, or unknown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from iot_common.compatibility.budget import Budget, BudgetExceededError
from iot_common.compatibility.documents import VersionedSchema
from iot_common.compatibility.exact import NumberTooLargeError
from iot_common.compatibility.graph import Graph
from iot_common.compatibility.outcome import State
from iot_common.compatibility.probes import probes
from iot_common.compatibility.solver import Solver
from iot_common.engine.draft07.compiler import Formats
from iot_common.engine.formats import FORMATS
from iot_common.engine.pattern.errors import PatternTimeoutError

STEPS: Final = 400_000
SECONDS: Final = 6.0
"""For one pair, both directions. Real pairs take milliseconds; what takes longer is answered "unknown"."""
_PROBES: Final = 400
_WITHOUT_ANSWER: Final = (BudgetExceededError, PatternTimeoutError, RecursionError)


class Containment(NamedTuple):
    """The verdict on "all that `narrow` accepts, `wide` accepts".

    Attributes:
        holds: True is proven; False comes with `counter_example`; None is unknown, for `reason`.
        counter_example: a record that `narrow` accepts and `wide` refuses.
    """

    holds: bool | None
    counter_example: Any = None
    reason: str = ""


@dataclass
class _Pair:
    """Both schemas in one graph; the solver's answers serve both directions."""

    solver: Solver
    roots: dict[str, int]


class Comparison:
    """Decides containment both ways between two schemas, within one budget."""

    def __init__(
        self,
        old: VersionedSchema,
        new: VersionedSchema,
        *,
        formats: Formats = Formats.ASSERT,
        seconds: float = SECONDS,
    ) -> None:
        self._sides = {"old": old, "new": new}
        self._formats = formats
        self._budget = Budget(steps=STEPS, seconds=seconds)
        self._pair: _Pair | None = None
        try:
            self._pair = self._read()
        except (NumberTooLargeError, *_WITHOUT_ANSWER):
            self._pair = None

    def _read(self) -> _Pair:
        graph = Graph(
            self._budget, asserts_format=lambda name: self._formats is Formats.ASSERT and name in FORMATS
        )
        roots = {side: graph.add(each.compiled) for side, each in self._sides.items()}
        graph.classify()
        solver = Solver(graph, self._budget, conforms_to=_conforms_to)
        return _Pair(solver, roots)

    def backward(self) -> Containment:
        """NEW accepts what OLD accepts."""
        return self._contained("old", "new")

    def forward(self) -> Containment:
        """OLD accepts what NEW accepts."""
        return self._contained("new", "old")

    def _contained(self, narrow: str, wide: str) -> Containment:
        doubt = self._sides[narrow].doubt or self._sides[wide].doubt
        if doubt:
            return Containment(None, reason=doubt)
        verdict = (
            self._solved(narrow, wide) if self._pair is not None else Containment(None, reason=_TOO_LARGE)
        )
        if verdict.holds is None:
            probed = self._probed(narrow, wide)
            return verdict if probed is None else Containment(False, probed)
        return verdict

    def _solved(self, narrow: str, wide: str) -> Containment:
        assert self._pair is not None
        solver = self._pair.solver
        accepted = solver.literal(self._pair.roots[narrow], wanted=True)
        refused = solver.literal(self._pair.roots[wide], wanted=False)
        solver.budget = self._budget.share(steps=STEPS // 2)
        try:
            outcome = solver.solve([accepted, refused])
        except _WITHOUT_ANSWER:
            return Containment(None, reason=_TOO_LARGE)
        if outcome.state is State.EMPTY:
            return Containment(True)
        if outcome.state is State.INHABITED and self._tells_apart(outcome.witness, narrow, wide):
            return Containment(False, outcome.witness)
        return Containment(None, reason="neither a proof nor a counter-example was found")

    def _tells_apart(self, value: Any, narrow: str, wide: str) -> bool:
        try:
            return self._sides[narrow].compiled.is_valid(value) and not self._sides[wide].compiled.is_valid(
                value
            )
        except (PatternTimeoutError, RecursionError):
            return False

    def _probed(self, narrow: str, wide: str) -> Any:
        """A record found by trying; None if none was."""
        seeds = list(self._seeds(narrow, wide))
        budget = self._budget.share(steps=_PROBES)
        try:
            for probe in probes(seeds, [self._sides[side].schema for side in (narrow, wide)]):
                budget.spend()
                if self._tells_apart(probe, narrow, wide):
                    return probe
        except _WITHOUT_ANSWER:
            return None
        return None

    def _seeds(self, *sides: str) -> Iterable[Any]:
        if self._pair is None:
            return
        solver = self._pair.solver
        for side in sides:
            solver.budget = self._budget.share(steps=2_000)
            try:
                outcome = solver.solve([solver.literal(self._pair.roots[side], wanted=True)])
            except _WITHOUT_ANSWER:
                continue
            if outcome.state is State.INHABITED:
                yield outcome.witness


_TOO_LARGE: Final = "the schemas are too large or too entangled to decide in bounded time"


def _conforms_to(name: str, text: str) -> bool:
    return FORMATS[name](text)
