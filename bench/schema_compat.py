"""Contract diff over published pairs of schema versions: agreement, what stays unknown, wrong "compatible", time.

    make bench-compat                 # rewrites the measured part of docs/compatibility.md
    python bench/schema_compat.py --show FILE.jsonl ...   # only prints, every disagreement in full

A pair is one JSON line with `id`, `old`, `new` and what its collection says of it: `expected.change_kinds` and `paths`
(sentry), `declared_change` (iglu), `expected.backward` (rayokota), `derived_delta` (akenza).
"""

from __future__ import annotations

import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from iot_common.compatibility.bump import Bump
from iot_common.compatibility.changes import ABSENT, Change, ChangeCode
from iot_common.compatibility.diff import SchemaDiff, compare
from iot_common.compatibility.documents import VersionedSchema, versioned_schema
from iot_common.compatibility.probes import probes
from iot_common.engine.draft07.compiler import read_schema
from iot_common.engine.errors import ContractError
from iot_common.testing.draft07_cases import mutated_value, value_for
from iot_common.testing.evaluation_data import evaluation_data

ATTACKS = 300
"""Values tried against every "true" verdict."""
RENAME = "rename_candidate"
"""A guess, on both sides: counted apart from the facts."""
MARK = "<!-- Below this line everything is written by `make bench-compat`. -->"
PAGE = Path("docs/compatibility.md")


@dataclass
class Tally:
    """What one collection came to."""

    pairs: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    judged: int = 0
    agreed: int = 0
    disagreements: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    renames: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    attacks: int = 0
    seconds: list[float] = field(default_factory=list)


def main(arguments: list[str]) -> int:
    """Measure, print, and write the page unless `--show` is given."""
    folder = evaluation_data("schema_compat")
    files = [Path(each) for each in arguments if each != "--show"] or sorted(
        (folder or Path()).glob("*.jsonl")
    )
    if not files:
        print("no pairs: set DRIFTLAKE_DATA to the folder of the evaluation data", file=sys.stderr)
        return 2
    tallies = {file.stem: measured(file) for file in files}
    text = "\n".join(report(tallies))
    print(text)
    if "--show" in arguments:
        print("\n".join(each for tally in tallies.values() for each in (*tally.disagreements, *tally.wrong)))
    else:
        written, _, _ = PAGE.read_text("utf-8").partition(MARK)
        PAGE.write_text(f"{written.rstrip()}\n\n{MARK}\n\n{text}\n", "utf-8")
    return 1 if any(tally.wrong for tally in tallies.values()) else 0


def measured(file: Path) -> Tally:
    """All pairs of one file."""
    tally = Tally()
    random = Random(file.stem)
    with file.open("rb") as lines:
        for line in lines:
            pair = read_schema(line, name=file.name)
            tally.pairs += 1
            try:
                judge(pair, tally, random)
            except ContractError as error:
                tally.refused.append(f"{pair['id']}: {error.reason}")
    return tally


def judge(pair: dict[str, Any], tally: Tally, random: Random) -> None:
    """Compares, attacks and scores one pair."""
    started = time.perf_counter()
    old, new = versioned_schema(pair["old"], name="old"), versioned_schema(pair["new"], name="new")
    diff = compare(old, new)
    tally.seconds.append(time.perf_counter() - started)
    for verdict, narrow, wide in ((diff.backward, old, new), (diff.forward, new, old)):
        tally.verdicts[{True: "true", False: "false", None: "unknown"}[verdict.holds]] += 1
        if verdict.holds:
            attack(pair["id"], narrow, wide, tally, random)
        elif verdict.holds is False:
            proven = narrow.compiled.is_valid(verdict.counter_example)
            if not proven or wide.compiled.is_valid(verdict.counter_example):
                tally.wrong.append(f"{pair['id']}: the counter-example proves nothing")
    expected, found = opinions(pair, diff)
    count_renames(pair, diff, tally)
    if expected is not None:
        tally.judged += 1
        tally.agreed += expected == found
        if expected != found:
            tally.kinds.update(kinds_of(expected, found, pair, diff))
            tally.disagreements.append(
                f"{pair['id']}: they say {told(expected)}, we {told(found)}{why(pair, diff)}"
            )


def attack(name: str, narrow: VersionedSchema, wide: VersionedSchema, tally: Tally, random: Random) -> None:
    """Values grown from both schemas and mutated: one that `narrow` alone accepts would refute a "true"."""
    for count, value in enumerate(values_for(narrow, wide, random)):
        if count >= ATTACKS:
            break
        tally.attacks += 1
        if narrow.compiled.is_valid(value) and not wide.compiled.is_valid(value):
            tally.wrong.append(f"{name}: {json.dumps(value)} contradicts a proof")
            return


def values_for(narrow: VersionedSchema, wide: VersionedSchema, random: Random) -> Iterator[Any]:
    """About a third each: grown from the schemas, mutated, and spelled by them."""
    seeds = []
    for _ in range(ATTACKS // 3):
        side = random.choice((narrow, wide))
        seeds.append(value_for(side.schema, random, lambda ref, side=side: side.compiled.resolve(ref, "")[0]))
        yield seeds[-1]
        yield mutated_value(seeds[-1], random)
    yield from probes(seeds[:3], [narrow.schema, wide.schema])


def opinions(pair: dict[str, Any], diff: SchemaDiff) -> tuple[Any, Any]:
    """What the collection says and what we say, in its words; (None, None) where it says nothing."""
    expected = pair.get("expected") or {}
    if "change_kinds" in expected:
        theirs = set(zip(expected["change_kinds"], expected["paths"], strict=True))
        return theirs, {each for change in diff.changes for each in sentry_words(change)}
    if "declared_change" in pair:
        is_addition = pair["declared_change"] == "ADDITION"
        return is_addition, diff.required.bump < Bump.MAJOR
    if expected.get("backward") is not None:
        return expected["backward"], diff.backward.holds
    if "derived_delta" in pair:
        theirs = {(each["kind"], each["path"]) for each in pair["derived_delta"] if each["kind"] != RENAME}
        return theirs, {each for change in diff.changes for each in akenza_words(change)}
    return None, None


def sentry_words(change: Change) -> Iterable[tuple[str, str]]:
    """Kinds and paths of sentry's json-schema-diff."""
    path = "".join(
        f".{part}"
        for part in change.path.replace("[]", ".?")
        .replace("[", ".")
        .replace("]", "")
        .replace("<", ".<")
        .split(".")
        if part
    )
    parent = path.rpartition(".")[0]
    state = "Add" if change.old is ABSENT else "Remove" if change.new is ABSENT else "Change"
    code = change.code
    if code in (ChangeCode.PROPERTY_ADDED, ChangeCode.PROPERTY_REMOVED):
        return [(f"Property{state}", parent)]
    if code in (ChangeCode.REQUIRED_ADDED, ChangeCode.REQUIRED_REMOVED):
        return [(f"Required{state}", parent)]
    if code in (ChangeCode.TYPE_WIDENED, ChangeCode.TYPE_NARROWED, ChangeCode.TYPE_CHANGED):
        kinds = {ChangeCode.TYPE_WIDENED: ("Add",), ChangeCode.TYPE_NARROWED: ("Remove",)}.get(
            code, ("Add", "Remove")
        )
        return [(f"Type{kind}", path) for kind in kinds]
    if code in (ChangeCode.ADDITIONAL_OPENED, ChangeCode.ADDITIONAL_CLOSED):
        return [
            (
                "TypeAdd" if code is ChangeCode.ADDITIONAL_OPENED else "TypeRemove",
                f"{path}.<additionalProperties>",
            )
        ]
    if code in (ChangeCode.BOUND_LOOSENED, ChangeCode.BOUND_TIGHTENED):
        name = (
            "Range"
            if change.keyword in ("minimum", "maximum")
            else change.keyword[0].upper() + change.keyword[1:]
        )
        return [(f"{name}{state}", path)]
    if change.keyword in ("const", "enum"):
        if code is ChangeCode.UNIT_CHANGED:
            return []
        kinds = ("Add", "Remove") if state == "Change" else (state,)
        return [(f"{change.keyword.capitalize()}{kind}", path) for kind in kinds]
    if change.keyword in ("pattern", "format"):
        return [(f"{change.keyword.capitalize()}{state}", path)]
    return [] if change.is_annotation else [(code.value, path)]


def akenza_words(change: Change) -> Iterable[tuple[str, str]]:
    """Kinds and paths of the deltas derived from akenza's history."""
    kinds = {
        ChangeCode.PROPERTY_ADDED: "field_added", ChangeCode.PROPERTY_REMOVED: "field_removed",
        ChangeCode.REQUIRED_ADDED: "required_added", ChangeCode.REQUIRED_REMOVED: "required_removed",
        ChangeCode.TYPE_WIDENED: "type_changed", ChangeCode.TYPE_NARROWED: "type_changed",
        ChangeCode.TYPE_CHANGED: "type_changed", ChangeCode.ENUM_ADDED: "enum_changed",
        ChangeCode.ENUM_REMOVED: "enum_changed", ChangeCode.ENUM_VALUE_ADDED: "enum_changed",
        ChangeCode.ENUM_VALUE_REMOVED: "enum_changed",
    }  # fmt: skip
    if change.code in kinds:
        return [(kinds[change.code], change.path)]
    if change.keyword in ("minimum", "maximum"):
        return [(f"{change.keyword}_changed", change.path)]
    if change.code is ChangeCode.UNIT_CHANGED and change.keyword == "unit":
        return [("unit_changed", change.path)]
    return []


def kinds_of(expected: Any, found: Any, pair: dict[str, Any], diff: SchemaDiff) -> Iterable[str]:
    """A disagreement by kind, so that many of one reason are one line."""
    if isinstance(expected, set):
        theirs, ours = {kind for kind, _ in expected - found}, {kind for kind, _ in found - expected}
        told_by = (f"only they say {', '.join(sorted(theirs))}", f"only we say {', '.join(sorted(ours))}")
        return ["; ".join(text for text, kinds in zip(told_by, (theirs, ours), strict=True) if kinds)]
    if "declared_change" in pair:
        return [
            f"declared {pair['declared_change']}, {diff.required.bump.name} by our rule: {diff.required.rule}"
        ]
    return [f"backward: they say {expected}, we say {found}"]


def count_renames(pair: dict[str, Any], diff: SchemaDiff, tally: Tally) -> None:
    """Renames that both suspect, or one side alone."""
    theirs = {each["path"] for each in pair.get("derived_delta", ()) if each["kind"] == RENAME}
    ours = {change.path for change in diff.changes if change.code is ChangeCode.RENAME_SUSPECT}
    tally.renames.update(both=len(theirs & ours), they=len(theirs - ours), we=len(ours - theirs))


def told(opinion: Any) -> str:
    """An opinion in one line."""
    return json.dumps(sorted(opinion)) if isinstance(opinion, set) else json.dumps(opinion)


def why(pair: dict[str, Any], diff: SchemaDiff) -> str:
    """The record behind a disagreement about compatibility."""
    if isinstance(opinions(pair, diff)[0], set) or diff.backward.holds is not False:
        return ""
    return f" ({diff.required.rule}; {json.dumps(diff.backward.counter_example)[:200]})"


def report(tallies: dict[str, Tally]) -> Iterator[str]:
    """The measured part of the page."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield "## Measured"
    yield ""
    yield (
        f"Commit {commit}, Python {platform.python_version()}, {platform.machine()}, {platform.system()}; "
        f"peak memory {peak:.0f} MB."
    )
    yield ""
    yield (
        '| collection | pairs | read | agreement | verdicts true / false / unknown | wrong "compatible" | values tried '
        "against proofs | ms per pair: median / 99 % / worst |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for name, tally in tallies.items():
        yield _row(name, tally)
    for name, tally in tallies.items():
        yield from _disagreements(name, tally)


def _disagreements(name: str, tally: Tally) -> Iterator[str]:
    has_renames = tally.renames["both"] + tally.renames["they"] > 0
    if not (tally.kinds or tally.refused or has_renames):
        return
    yield ""
    yield f"{name}:"
    yield ""
    yield from (f"- {count} × {kind}" for kind, count in tally.kinds.most_common())
    if tally.refused:
        yield f"- {len(tally.refused)} not read, since {tally.refused[0].partition(': ')[2]}"
    if has_renames:
        yield "- renames suspected by both {both}, by them alone {they}, by us alone {we}".format(
            **tally.renames
        )


def _row(name: str, tally: Tally) -> str:
    milliseconds = sorted(1_000 * each for each in tally.seconds) or [0.0]
    late = milliseconds[min(len(milliseconds) - 1, int(len(milliseconds) * 0.99))]
    cells = (
        name,
        tally.pairs,
        tally.pairs - len(tally.refused),
        f"{tally.agreed} of {tally.judged}" if tally.judged else "says nothing",
        " / ".join(str(tally.verdicts[each]) for each in ("true", "false", "unknown")),
        len(tally.wrong),
        f"{tally.attacks:,}",
        f"{statistics.median(milliseconds):.0f} / {late:.0f} / {milliseconds[-1]:.0f}",
    )
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
