"""Mapping files: how a row of a table becomes a record of the contract.

A mapping is TOML; `mappings/intel_lab.toml` is the documented example. Every unknown key is an error.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

from iot_simulator.errors import MappingError

# Exactly one of these says where a field's value comes from.
_ORIGINS = ("constant", "template", "column", "lookup", "timestamp")
_FIELD_KEYS = {"path", "when", "type", "scale", "offset", "clip", *_ORIGINS}
_SOURCE_KEYS = {"delimiter", "header", "columns", "missing", "encoding", "gateway"}
_TIME_KEYS = {"columns", "format", "shift_years"}
_FORMS: Mapping[str, tuple[Any, str]] = {
    "delimiter": (str, 'one character, or "whitespace"'),
    "header": (bool, "true or false"),
    "columns": (list, "a list of column names"),
    "missing": (list, "a list of texts"),
    "encoding": (str, "the name of an encoding"),
    "gateway": (str, "the name of a folder"),
    "format": (str, "a text"),
    "shift_years": (int, "a whole number"),
    "path": (str, "a dotted path"),
    "when": (str, "the name of a column"),
    "template": (str, "a text with {column}"),
    "column": (str, "the name of a column"),
    "lookup": (dict, "{ column, values }"),
    "scale": (int | Decimal, "a number"),
    "offset": (int | Decimal, "a number"),
    "clip": (list, "two numbers, the lower first"),
}
TIME_FORMATS = ("rfc3339", "epoch_seconds", "epoch_milliseconds")


@dataclass(frozen=True)
class FieldRule:
    """How one field of the record is made.

    Attributes:
        path: Dotted path in the record.
        origin: `constant`, `template`, `column`, `lookup` or `timestamp`.
        value: The constant, the template's text, the column's name, or the lookup's table.
        columns: Columns it reads; if one has no value, the field is left out.
        is_number: A column's value is written as a number, not as text.
        scale: A number is multiplied by it,
        offset: then this is added,
        clip: then it is held within these limits.
    """

    path: str
    origin: str
    value: Any
    columns: tuple[str, ...] = ()
    is_number: bool = False
    scale: Decimal | None = None
    offset: Decimal | None = None
    clip: tuple[Decimal, Decimal] | None = None


@dataclass(frozen=True)
class ReplayMapping:
    """A checked mapping.

    Attributes:
        source: Its file, for messages.
        delimiter: One character, or None for runs of spaces and tabs.
        header: Whether the first line names the columns.
        columns: Their names in order; with a header, only what must be there.
        missing: Texts that mean no value; the empty text always does.
        encoding: Of the input.
        gateway: Folder of the landing objects.
        time_columns: Joined by a space they give the time.
        time_format: One of TIME_FORMATS.
        shift_years: Whole years added to each time.
        fields: In the order in which the record has them.
    """

    source: str
    delimiter: str | None
    header: bool
    columns: tuple[str, ...]
    time_columns: tuple[str, ...]
    time_format: str
    shift_years: int
    fields: tuple[FieldRule, ...]
    missing: frozenset[str] = field(default_factory=frozenset)
    encoding: str = "utf-8"
    gateway: str = "replay"


def bundled_mappings() -> list[str]:
    """Names of the mappings that come with the package."""
    files = (entry.name for entry in (resources.files("iot_simulator") / "mappings").iterdir())
    return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml"))


def load_mapping(name_or_path: str | Path) -> ReplayMapping:
    """Read a mapping: a bundled name ("intel_lab"), or the path of a TOML file.

    Raises:
        MappingError: It does not exist, is no TOML, or says something unknown or impossible.
    """
    source = str(name_or_path)
    if source in bundled_mappings():
        text = (resources.files("iot_simulator") / "mappings" / f"{source}.toml").read_text("utf-8")
        return parse_mapping(text, source)
    try:
        text = Path(source).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        remedy = f"Name a TOML file, or one of the bundled mappings: {', '.join(bundled_mappings())}."
        raise MappingError(source, "file", f"it cannot be read ({error})", remedy) from error
    return parse_mapping(text, source)


def parse_mapping(text: str, source: str) -> ReplayMapping:
    """Check the text of a mapping; `source` names it in errors.

    Raises:
        MappingError: See load_mapping.
    """
    try:
        # Numbers stay decimal, so that scaling adds no digits of binary fractions.
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(source, "file", f"it is no TOML ({error})", "Mend the line.") from error
    _refuse_unknown(source, "top level", document, {"name", "description", "source", "timestamp", "field"})
    for table, form in (("source", dict), ("timestamp", dict), ("field", list)):
        if not document.get(table) or not isinstance(document[table], form):
            remedy = f"Add {'[[field]] tables' if form is list else f'a [{table}] table'}."
            raise MappingError(source, "top level", f"'{table}' is missing", remedy)
    origin, when = document["source"], document["timestamp"]
    _refuse_unknown(source, "[source]", origin, _SOURCE_KEYS)
    _refuse_unknown(source, "[timestamp]", when, _TIME_KEYS)
    _check_forms(source, "[source]", origin)
    _check_forms(source, "[timestamp]", when)
    mapping = ReplayMapping(
        source=source,
        delimiter=_delimiter(source, origin.get("delimiter", ",")),
        header=origin.get("header", True),
        columns=tuple(origin.get("columns", ())),
        time_columns=tuple(when.get("columns", ())),
        time_format=when.get("format", "rfc3339"),
        shift_years=when.get("shift_years", 0),
        fields=tuple(_rule(source, number, entry) for number, entry in enumerate(document["field"], 1)),
        missing=frozenset(origin.get("missing", ())),
        encoding=origin.get("encoding", "utf-8"),
        gateway=origin.get("gateway", "replay"),
    )
    _check_together(mapping)
    return mapping


def _refuse_unknown(source: str, place: str, found: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(found) - known)
    if unknown:
        raise MappingError(
            source, place, f"unknown key '{unknown[0]}'", f"Known: {', '.join(sorted(known))}."
        )


def _check_forms(source: str, place: str, table: Mapping[str, Any]) -> None:
    """Refuse values of another type than their key asks for."""
    for key, value in table.items():
        form, description = _FORMS.get(key, (object, ""))
        is_list_of_other = (
            isinstance(value, list) and key != "clip" and not all(isinstance(v, str) for v in value)
        )
        if not isinstance(value, form) or is_list_of_other:
            raise MappingError(source, place, f"{key} is {value!r}", f"Give {description}.")


def _delimiter(source: str, given: str) -> str | None:
    if given == "whitespace":
        return None
    if len(given) != 1:
        remedy = 'Give one character, or "whitespace".'
        raise MappingError(source, "[source]", f"delimiter is {given!r}", remedy)
    return given


def _rule(source: str, number: int, entry: Mapping[str, Any]) -> FieldRule:
    place = f"field '{entry.get('path', f'number {number}')}'"
    _refuse_unknown(source, place, entry, _FIELD_KEYS)
    _check_forms(source, place, entry)
    origins = [origin for origin in _ORIGINS if origin in entry]
    if "path" not in entry or len(origins) != 1:
        remedy = f"Give it a path and exactly one of {', '.join(_ORIGINS)}."
        raise MappingError(source, place, f"it has {' and '.join(origins) or 'no origin'}", remedy)
    kind = entry.get("type", "text")
    if kind not in ("text", "number"):
        raise MappingError(source, place, f"type is {kind!r}", "Choose text or number.")
    value, columns = _origin(source, place, origins[0], entry[origins[0]])
    return FieldRule(
        path=entry["path"],
        origin=origins[0],
        value=value,
        columns=(*columns, *([entry["when"]] if "when" in entry else [])),
        is_number=kind == "number",
        scale=Decimal(entry["scale"]) if "scale" in entry else None,
        offset=Decimal(entry["offset"]) if "offset" in entry else None,
        clip=_clip(source, place, entry["clip"]) if "clip" in entry else None,
    )


def _clip(source: str, place: str, limits: list[Any]) -> tuple[Decimal, Decimal]:
    if len(limits) != 2 or not all(isinstance(limit, int | Decimal) for limit in limits):
        raise MappingError(source, place, f"clip is {limits!r}", "Give two numbers, the lower first.")
    return Decimal(limits[0]), Decimal(limits[1])


def _origin(source: str, place: str, origin: str, value: Any) -> tuple[Any, tuple[str, ...]]:
    """The value of a rule, and the columns that it reads."""
    if origin == "column":
        return value, (value,)
    if origin == "template":
        try:
            names = [name for _, name, _, _ in string.Formatter().parse(value) if name is not None]
        except ValueError:
            names = [""]
        if not all(name.isidentifier() for name in names):
            raise MappingError(source, place, f"template is {value!r}", "Write each column as {column}.")
        return value, tuple(names)
    if origin == "lookup":
        _refuse_unknown(source, f"{place}, lookup", value, {"column", "values"})
        if set(value) != {"column", "values"}:
            remedy = 'Write lookup = { column = "mote", values = { "1" = 1.5 } }.'
            raise MappingError(source, place, "its lookup is incomplete", remedy)
        return dict(value["values"]), (value["column"],)
    return value, ()


def _check_together(mapping: ReplayMapping) -> None:
    source = mapping.source
    paths = [rule.path for rule in mapping.fields]
    for path in paths:
        if paths.count(path) > 1 or any(other.startswith(f"{path}.") for other in paths):
            remedy = "Give each field a path of its own, none inside another."
            raise MappingError(source, f"field '{path}'", "its path is taken", remedy)
    if mapping.time_format not in TIME_FORMATS or not mapping.time_columns:
        remedy = f"Name columns, and a format among {', '.join(TIME_FORMATS)}."
        raise MappingError(source, "[timestamp]", "columns or format cannot be used", remedy)
    if not mapping.header and not mapping.columns:
        raise MappingError(source, "[source]", "no header and no columns", "Name the columns in order.")
    if not mapping.columns:
        return
    used = {column for rule in mapping.fields for column in rule.columns} | set(mapping.time_columns)
    unknown = sorted(used - set(mapping.columns))
    if unknown:
        known = f"Columns are {', '.join(mapping.columns)}."
        raise MappingError(source, "[source]", f"column '{unknown[0]}' is used and not named", known)
