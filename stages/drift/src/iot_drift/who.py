"""Who drifted: the smallest rule that tells the drifted devices from the healthy ones, or none. Pure.

A rule is only claimed if it separates (precision and recall), and if devices drawn at random would hardly have given
such a one: with enough devices, some range of ids always holds the few that drifted.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import exp, lgamma
from typing import Any

SEPARATES = 0.9
"""Precision and recall that a claimed rule has at least."""

BY_CHANCE = 0.01
"""Probability that as many devices drawn at random would show a rule as good, over all rules tried."""

ENDS_TRIED = 48
"""Most ends of a range that are tried on either side."""

_NUMBERED = re.compile(r"(.*?)([0-9]{1,15})")


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What may tell a device from others; what is not known is None.

    Attributes:
        device_id: Its id.
        version: Contract version it claims.
        latitude: Where it stands, in degrees; `longitude` likewise.
        first_seen: Its first window or record.
    """

    device_id: str
    version: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    first_seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule over devices; `precision` of those that it covers have drifted, and it covers `recall` of the drifted."""

    attribute: str
    op: str
    value: Any
    rule: str
    precision: float
    recall: float

    def as_evidence(self) -> dict[str, Any]:
        """As JSON can say it."""
        said = asdict(self)
        return said | {name: round(said[name], 4) for name in ("precision", "recall")}


@dataclass(frozen=True, slots=True)
class _Candidate:
    attribute: str
    op: str
    value: Any
    words: str
    size: int
    """How many devices the rule covers."""
    hits: int
    """How many of those have drifted."""
    tried: int
    """How many rules of its attribute there are to choose from."""


ATTRIBUTES = ("version", "place", "first_seen", "id_prefix", "id_range", "latitude", "longitude")
"""In the order in which equally good rules are preferred."""


def who_drifted(
    drifted: Collection[str], devices: Iterable[DeviceFacts], without: Collection[str] = ()
) -> Rule | None:
    """The best rule that separates the drifted devices from all others; None if none does.

    Args:
        drifted: Ids of the drifted devices.
        devices: All devices, the drifted among them; those without facts count as healthy ones do.
        without: Attributes that say nothing new: the version of devices found by their version.

    Returns:
        `device_id = X` for one device, `every device` where no healthy one is left, else the rule with the best
        harmonic mean of precision and recall; the simpler attribute where two are equally good.
    """
    facts = {each.device_id: each for each in devices}
    ill = frozenset(drifted)
    every = frozenset(facts) | ill
    if not ill:
        return None
    if len(ill) == 1 and len(every) > 1:
        (only,) = ill
        return Rule("device_id", "=", only, f"only {only}", 1.0, 1.0)
    if ill == every:
        return Rule("fleet", "=", "all", "every device", 1.0, 1.0) if len(ill) > 1 else None
    wanted = [attribute for attribute in ATTRIBUTES if attribute not in without]
    found = [
        (rule, ATTRIBUTES.index(rule.attribute))
        for attribute in wanted
        for candidate in _CANDIDATES[attribute](facts, ill)
        if (rule := _judged(candidate, ill, every, len(wanted))) is not None
    ]
    return min(found, key=lambda each: (-_f1(each[0]), each[1], str(each[0].value)))[0] if found else None


def _f1(rule: Rule) -> float:
    return round(2 * rule.precision * rule.recall / (rule.precision + rule.recall), 6)


def _judged(
    candidate: _Candidate, ill: frozenset[str], every: frozenset[str], attributes: int
) -> Rule | None:
    if not candidate.hits:
        return None
    precision, recall = candidate.hits / candidate.size, candidate.hits / len(ill)
    if min(precision, recall) < SEPARATES:
        return None
    chance = hypergeometric_tail(candidate.hits, len(every), len(ill), candidate.size)
    if chance * candidate.tried * attributes > BY_CHANCE:
        return None
    return Rule(candidate.attribute, candidate.op, candidate.value, candidate.words, precision, recall)


def hypergeometric_tail(hits: int, population: int, marked: int, drawn: int) -> float:
    """Probability of at least `hits` marked ones among `drawn` of a population, drawn without looking."""

    def log_choose(n: int, k: int) -> float:
        return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)

    most = min(marked, drawn)
    terms = (
        log_choose(marked, k) + log_choose(population - marked, drawn - k) - log_choose(population, drawn)
        for k in range(max(hits, drawn + marked - population), most + 1)
    )
    return min(1.0, sum(exp(term) for term in terms))


def _equal(
    attribute: str,
    words: str,
    facts: Mapping[str, DeviceFacts],
    ill: frozenset[str],
    value_of: Callable[[DeviceFacts], Any],
) -> Iterator[_Candidate]:
    groups: dict[Any, set[str]] = {}
    for each in facts.values():
        if (value := value_of(each)) is not None:
            groups.setdefault(value, set()).add(each.device_id)
    for value, members in groups.items():
        if hits := len(members & ill):
            yield _Candidate(attribute, "=", value, words.format(value), len(members), hits, len(groups))


def _versions(facts: Mapping[str, DeviceFacts], ill: frozenset[str]) -> Iterator[_Candidate]:
    return _equal("version", "devices of contract version {}", facts, ill, lambda each: each.version)


def _cell(each: DeviceFacts) -> str | None:
    if each.latitude is None or each.longitude is None:
        return None
    # + 0.0: no "-0.0" beside "0.0".
    return f"{round(each.latitude, 1) + 0.0:.1f}, {round(each.longitude, 1) + 0.0:.1f}"


def _places(facts: Mapping[str, DeviceFacts], ill: frozenset[str]) -> Iterator[_Candidate]:
    return _equal("place", "devices within 0.1° of {}", facts, ill, _cell)


def _prefixes(facts: Mapping[str, DeviceFacts], ill: frozenset[str]) -> Iterator[_Candidate]:
    """Common beginnings that end before a number or at a separator: `sensor_1` is no name of sensor_12."""

    def prefixes(device: str) -> set[str]:
        return {device[: found.start()] for found in re.finditer(r"[0-9]+", device) if found.start()}

    members: dict[str, set[str]] = {}
    for device in facts:
        for prefix in prefixes(device):
            members.setdefault(prefix, set()).add(device)
    for prefix, covered in members.items():
        if (hits := len(covered & ill)) and len(covered) < len(facts):
            words = f"devices whose id begins with {prefix}"
            yield _Candidate("id_prefix", "starts_with", prefix, words, len(covered), hits, len(members))


def _id_ranges(facts: Mapping[str, DeviceFacts], ill: frozenset[str]) -> Iterator[_Candidate]:
    numbered: dict[str, list[tuple[int, str]]] = {}
    for device in facts:
        if found := _NUMBERED.fullmatch(device):
            numbered.setdefault(found[1], []).append((int(found[2]), device))
    for prefix, members in numbered.items():
        for low, high, size, hits in _ranges(members, ill):
            words = f"devices {prefix}{low} to {prefix}{high}"
            value = {"prefix": prefix, "from": low, "to": high}
            yield _Candidate("id_range", "between", value, words, size, hits, len(members) ** 2 // 2 + 1)


def _ranges(members: Sequence[tuple[Any, str]], ill: frozenset[str]) -> Iterator[tuple[Any, Any, int, int]]:
    """Ranges that begin and end at a drifted device, and lose few of them: ends, devices and drifted ones within.

    Both ends belong to the range, with all that share their value. Counted by places in the sorted values: thousands
    of ranges over tens of thousands of devices are tried.
    """
    values = sorted(value for value, _ in members)
    marked = sorted(value for value, device in members if device in ill)
    # What is cut off at the ends is lost for the recall.
    spare = min(int(len(marked) * (1 - SEPARATES)) + 1, ENDS_TRIED)
    for low in marked[:spare]:
        for high in marked[-spare:]:
            if low <= high:
                yield low, high, _count(values, low, high), _count(marked, low, high)


def _count(values: Sequence[Any], low: Any, high: Any) -> int:
    """How many of the sorted values lie in the closed interval."""
    return bisect_right(values, high) - bisect_left(values, low)


def _coordinates(
    attribute: str,
) -> Callable[[Mapping[str, DeviceFacts], frozenset[str]], Iterator[_Candidate]]:
    def candidates(facts: Mapping[str, DeviceFacts], ill: frozenset[str]) -> Iterator[_Candidate]:
        known = [
            (value, each.device_id)
            for each in facts.values()
            if (value := getattr(each, attribute)) is not None
        ]
        values = sorted(value for value, _ in known)
        for low, high, size, hits in _ranges(known, ill):
            words, value = _interval_words(attribute, low, high, values)
            yield _Candidate(attribute, "between", value, words, size, hits, len(known) ** 2 // 2 + 1)

    return candidates


def _interval_words(attribute: str, low: float, high: float, values: Sequence[float]) -> tuple[str, Any]:
    below, above = bisect_left(values, low) == 0, bisect_right(values, high) == len(values)
    bounds = {"from": None if below else round(low, 4), "to": None if above else round(high, 4)}
    if below and not above:
        return f"devices up to {attribute} {high:.4g}", bounds
    if above and not below:
        return f"devices from {attribute} {low:.4g} on", bounds
    return f"devices between {attribute} {low:.4g} and {high:.4g}", bounds


def _newcomers(facts: Mapping[str, DeviceFacts], ill: frozenset[str]) -> Iterator[_Candidate]:
    known = [(each.first_seen, each.device_id) for each in facts.values() if each.first_seen is not None]
    moments = sorted(moment for moment, _ in known)
    marked = sorted(moment for moment, device in known if device in ill)
    spare = min(int(len(ill) * (1 - SEPARATES)) + 1, ENDS_TRIED)
    for moment in sorted(set(marked))[:spare]:
        size, hits = (_count(each, moment, moments[-1]) for each in (moments, marked))
        if size < len(facts):
            words = f"devices first seen since {moment:%Y-%m-%d %H:%M}"
            yield _Candidate("first_seen", ">=", moment.isoformat(), words, size, hits, len(known) + 1)


_CANDIDATES: Mapping[str, Callable[[Mapping[str, DeviceFacts], frozenset[str]], Iterable[_Candidate]]] = {
    "version": _versions,
    "place": _places,
    "first_seen": _newcomers,
    "id_prefix": _prefixes,
    "id_range": _id_ranges,
    "latitude": _coordinates("latitude"),
    "longitude": _coordinates("longitude"),
}
