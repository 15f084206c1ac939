"""Compiles the functions of one schema, on demand, into one namespace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from iot_common.engine.draft07.asserted_formats import FormatCheck
from iot_common.engine.draft07.places import Atlas, Place, PlaceKey, is_foreign
from iot_common.engine.draft07.source import Namespace
from iot_common.engine.draft07.survey import survey
from iot_common.engine.draft07.writer import SchemaWriter

Check = Callable[[Any], bool]


class HandedOver(NamedTuple):
    """A sub-schema, by its JSON pointer, that the reference judges instead of compiled code, and why."""

    pointer: str
    reason: str


class Generator:
    """Functions by place.

    `judge_elsewhere` gives the check of a place that no code is written for; `require_reached` refuses places that
    are no valid draft-07, before anything is made of them.
    """

    def __init__(
        self,
        atlas: Atlas,
        formats: Mapping[str, FormatCheck],
        judge_elsewhere: Callable[[Place], Check],
        require_reached: Callable[[Mapping[PlaceKey, Place]], None],
    ) -> None:
        self.handed_over: list[HandedOver] = []
        self.sources: list[str] = []
        self._atlas = atlas
        self._memos: list[dict[int, bool]] = []
        self._names = Namespace()
        self._writer = SchemaWriter(atlas, formats, self._names, self._request)
        self._judge_elsewhere = judge_elsewhere
        self._require_reached = require_reached
        self._functions: dict[PlaceKey, str] = {}
        self._places: list[Place] = []
        self._pending: list[tuple[Place, str]] = []
        self._surveyed: dict[PlaceKey, Place] = {}

    @property
    def places(self) -> Mapping[PlaceKey, Place]:
        """Every place that a function compiled so far may depend on."""
        return self._surveyed

    def check_of(self, place: Place) -> Check:
        """The compiled check of a place.

        Raises:
            ContractError: a reference below it leads nowhere, or round in a circle.
        """
        settled = self._atlas.settle(place)
        if settled.key not in self._surveyed:
            places, remembered = survey(settled, self._atlas)
            self._require_reached(places)
            self._surveyed.update(places)
            self._writer.remembered.update(remembered)
        name = self._request(settled)
        self._compile_pending()
        check: Check = self._names.names[name]
        return check

    def forget(self) -> None:
        """Drop the answers remembered for one value: after it, identities mean other values."""
        for memo in self._memos:
            memo.clear()

    def _request(self, place: Place) -> str:
        """The name of a place's function, which is written later if it is new."""
        name = self._functions.get(place.key)
        if name is None:
            name = self._functions[place.key] = f"f{len(self._functions)}"
            # The key holds the schema's identity, so the schema must live as long.
            self._places.append(place)
            self._pending.append((place, name))
        return name

    def _compile_pending(self) -> None:
        parts: list[str] = []
        while self._pending:
            place, name = self._pending.pop()
            if is_foreign(place):
                self._hand_over(place, name, f"written for {place.schema['$schema']}")
            elif place.key in self._writer.remembered:
                parts.append(self._writer.function(place, f"{name}_once"))
                parts.append(self._remembering(name))
            else:
                parts.append(self._writer.function(place, name))
        source = "\n".join(parts)
        self.sources.append(source)
        exec(compile(source, "<draft-07 schema>", "exec"), self._names.names)

    def _remembering(self, name: str) -> str:
        """Answers once per value; values live as long as the one judged, so that identities do not repeat."""
        memo: dict[int, bool] = {}
        self._memos.append(memo)
        known = self._names.constant(memo)
        return "\n".join(
            [
                f"def {name}(v):",
                f" answer = {known}.get(id(v))",
                f" if answer is None: answer = {known}[id(v)] = {name}_once(v)",
                " return answer",
                "",
            ]
        )

    def _hand_over(self, place: Place, name: str, reason: str) -> None:
        self.handed_over.append(HandedOver(place.pointer, reason))
        self._names.names[name] = self._judge_elsewhere(place)
