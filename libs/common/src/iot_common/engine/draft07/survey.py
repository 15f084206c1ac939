"""What must be known of a schema before code is written for it: circles, and where work would multiply.

A schema of n lines may ask the same question 2^n times (`allOf` of two references to an `allOf` of two references
and so on; a recursive `oneOf` on a deep value). Such schemas answer each question once per value and remember it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from iot_common.engine.draft07.graph import Graph, strong_components
from iot_common.engine.draft07.places import CIRCLE, Atlas, Edge, Place, PlaceKey
from iot_common.engine.errors import ContractError

REPEATS_LIMIT: Final = 32
"""Times one schema may be asked about one value before its answers are remembered; remembering costs little less
than a plain check."""


def survey(root: Place, atlas: Atlas) -> tuple[dict[PlaceKey, Place], frozenset[PlaceKey]]:
    """All places that a verdict may depend on, and those whose answers are worth remembering.

    Raises:
        ContractError: a reference leads nowhere, or a circle of references never looks deeper into the value.
    """
    root = atlas.settle(root)
    places: dict[PlaceKey, Place] = {root.key: root}
    graph: Graph = {}
    pending = [root]
    while pending:
        place = pending.pop()
        edges = list(atlas.edges(place))
        graph[place.key] = edges
        for edge in edges:
            if edge.place.key not in places:
                places[edge.place.key] = edge.place
                pending.append(edge.place)
    for circle in strong_components(
        {key: [e for e in edges if e.step is None] for key, edges in graph.items()}
    ):
        if _is_circle(circle, graph):
            where = min((places[key].pointer for key in circle), key=len)
            raise ContractError(atlas.name, where, CIRCLE)
    return places, _worth_remembering(graph)


def _is_circle(component: list[PlaceKey], graph: Graph) -> bool:
    if len(component) > 1:
        return True
    return any(edge.step is None and edge.place.key == component[0] for edge in graph[component[0]])


def _worth_remembering(graph: Graph) -> frozenset[PlaceKey]:
    """Walks from the root outwards with the most times that each place can be asked about one value."""
    components = strong_components(graph)
    component_of = {key: number for number, component in enumerate(components) for key in component}
    asked_by: dict[PlaceKey, list[tuple[PlaceKey, Edge]]] = {key: [] for key in graph}
    for key, edges in graph.items():
        for edge in edges:
            asked_by[edge.place.key].append((key, edge))
    times: dict[PlaceKey, int] = {}
    remembered: set[PlaceKey] = set()
    for number in reversed(range(len(components))):
        outer: dict[PlaceKey, list[tuple[int, Edge]]] = {}
        inner: dict[PlaceKey, list[tuple[int, Edge]]] = {}
        for key in components[number]:
            inside = [component_of[asker] == number for asker, _ in asked_by[key]]
            inner[key] = [(1, edge) for (_, edge), own in zip(asked_by[key], inside, strict=True) if own]
            outer[key] = [
                (times[asker], edge)
                for (asker, edge), own in zip(asked_by[key], inside, strict=True)
                if not own
            ]
        # On its way round a circle, a question from outside reaches every place of it.
        total = sum(map(_most_per_value, outer.values()))
        for key in components[number]:
            if _most_per_value(inner[key]) > 1 or total > REPEATS_LIMIT:
                remembered.add(key)
            times[key] = 1 if key in remembered else max(total, 1)
    return frozenset(remembered)


def _most_per_value(asked: Iterable[tuple[int, Edge]]) -> int:
    """Questions about a whole value add up; those about parts only where the parts may be the same."""
    whole, any_part = 0, Counter[str]()
    parts: Counter[tuple[str, object]] = Counter()
    for times, edge in asked:
        if edge.step is None:
            whole += times
        elif edge.step[1] is None:
            any_part[edge.step[0]] += times
        else:
            parts[edge.step] += times
    most = dict(any_part)
    for (kind, _), count in parts.items():
        most[kind] = max(most.get(kind, 0), count + any_part[kind])
    return whole + max(most.values(), default=0)
