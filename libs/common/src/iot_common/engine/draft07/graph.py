"""Which schema asks which, as a graph."""

from __future__ import annotations

from collections.abc import Iterator

from iot_common.engine.draft07.places import Edge, PlaceKey

Graph = dict[PlaceKey, list[Edge]]


def strong_components(graph: Graph) -> list[list[PlaceKey]]:
    """Sets of places that reach each other, each set before those that lead to it (Tarjan 1972); no recursion."""
    search = _Search(graph)
    for key in graph:
        if key not in search.order:
            search.run(key)
    return search.found


class _Search:
    def __init__(self, graph: Graph) -> None:
        self.order: dict[PlaceKey, int] = {}
        self.found: list[list[PlaceKey]] = []
        self._graph = graph
        self._low: dict[PlaceKey, int] = {}
        self._open: dict[PlaceKey, None] = {}
        self._path: list[tuple[PlaceKey, Iterator[Edge]]] = []

    def run(self, start: PlaceKey) -> None:
        """Find all components that a place reaches."""
        self._enter(start)
        while self._path:
            key, edges = self._path[-1]
            edge = next(edges, None)
            if edge is None:
                self._path.pop()
                self._leave(key)
            elif edge.place.key not in self.order:
                self._enter(edge.place.key)
            elif edge.place.key in self._open:
                self._low[key] = min(self._low[key], self.order[edge.place.key])

    def _enter(self, key: PlaceKey) -> None:
        self.order[key] = self._low[key] = len(self.order)
        self._open[key] = None
        self._path.append((key, iter(self._graph[key])))

    def _leave(self, key: PlaceKey) -> None:
        if self._path:
            parent = self._path[-1][0]
            self._low[parent] = min(self._low[parent], self._low[key])
        if self._low[key] == self.order[key]:
            component: list[PlaceKey] = []
            while not component or component[-1] != key:
                component.append(self._open.popitem()[0])
            self.found.append(component)
