"""`version.hcl` of a unit: which release it runs, as hashes. Only the values are ever rewritten."""

from __future__ import annotations

import os
import re
from pathlib import Path

from driftlake.release.deployables import Deployable
from driftlake.release.errors import PinError

NOT_PUBLISHED = "not-published"
FILE = "version.hcl"

_LINE = re.compile(r'^(?P<head>\s*(?P<name>[a-z0-9_]+)\s*=\s*)"(?P<value>[^"]*)"[ \t]*$', flags=re.MULTILINE)


def read_pin(unit: Path, deployable: Deployable) -> dict[str, str] | None:
    """Part -> SHA-256 of what a unit pins; None if it pins nothing yet.

    Raises:
        PinError: If the file is missing, or pins a part and not the rest.
    """
    path = unit / FILE
    if not path.is_file():
        raise PinError(str(path), "there is no such file")
    values = {found["name"]: found["value"] for found in _LINE.finditer(path.read_text("utf-8"))}
    if set(values) != set(deployable.pins.values()):
        raise PinError(str(path), f"it pins {sorted(values)}, not {sorted(deployable.pins.values())}")
    hashes = {part: values[name] for part, name in deployable.pins.items()}
    if set(hashes.values()) == {NOT_PUBLISHED}:
        return None
    for part, value in hashes.items():
        if not re.fullmatch("[0-9a-f]{64}", value):
            raise PinError(str(path), f"{deployable.pins[part]} is {value!r}, no SHA-256 sum")
    return hashes


def write_pin(unit: Path, deployable: Deployable, hashes: dict[str, str]) -> None:
    """Replace the hashes in the file, and nothing else of it; it is never seen half-written."""
    path = unit / FILE
    values = {deployable.pins[part]: value for part, value in deployable.pin_of(hashes).items()}
    text = _LINE.sub(lambda found: f'{found["head"]}"{values[found["name"]]}"', path.read_text("utf-8"))
    replace_text(path, text)


def replace_text(path: Path, text: str) -> None:
    """Write a file under another name first, then give it its own."""
    hidden = path.with_name(f".{path.name}.part")
    hidden.write_text(text, "utf-8")
    os.replace(hidden, path)
