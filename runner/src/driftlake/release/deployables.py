"""What can be released, from `deployables.toml`: the one list of it."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from driftlake.release.errors import UnknownDeployableError

PARTS = ("artifact", "manifest", "launcher")


@dataclass(frozen=True)
class Deployable:
    """One thing with a release, a unit and a pin of its own; `deployables.toml` says what each entry means.

    Attributes:
        kind: `stage`, or the name of another table of that file.
        keys: Part -> its key in the artifacts bucket, with the hashes left to fill in.
        pins: Part -> name of its hash in version.hcl.
    """

    name: str
    kind: str
    unit: str
    target: str
    artifact: str
    contract: str | None
    launcher: str | None
    gate: str
    inputs: tuple[str, ...]
    keys: dict[str, str]
    pins: dict[str, str]

    def key(self, part: str, hashes: dict[str, str]) -> str:
        """Where a part of a release is published; `hashes` is part -> SHA-256."""
        return self.keys[part].format(**{f"{each}_sha256": hashes.get(each, "") for each in PARTS})

    def pin_of(self, hashes: dict[str, str]) -> dict[str, str]:
        """The hashes of a release that its unit pins."""
        return {part: sha256 for part, sha256 in hashes.items() if part in self.pins}

    @property
    def published_under(self) -> str:
        """Prefix of the keys of all its releases."""
        return self.keys["artifact"].partition("{artifact_sha256}")[0]


@cache
def deployables() -> tuple[Deployable, ...]:
    """All of them, in the order of a rollout."""
    read = tomllib.loads(files("driftlake.release").joinpath("deployables.toml").read_text("utf-8"))
    return tuple(_made(kind, name, read[kind]) for kind, names in read["order"].items() for name in names)


def _made(kind: str, name: str, said: dict[str, Any]) -> Deployable:
    def filled(text: str | None) -> str | None:
        return None if text is None else text.replace("{name}", name)

    return Deployable(
        name=name,
        kind=kind,
        unit=filled(said["unit"]) or "",
        target=filled(said["target"]) or "",
        artifact=filled(said["artifact"]) or "",
        contract=filled(said.get("contract")),
        launcher=filled(said.get("launcher")),
        gate=said["gate"],
        inputs=tuple(filled(path) or "" for path in said["inputs"]),
        keys={part: filled(key) or "" for part, key in said["keys"].items()},
        pins=dict(said["pins"]),
    )


def chosen(names: Sequence[str]) -> list[Deployable]:
    """Those that are named, all if none is, in the order of a rollout.

    Raises:
        UnknownDeployableError: If a name is unknown.
    """
    known = [each.name for each in deployables()]
    for name in names:
        if name not in known:
            raise UnknownDeployableError(name, known)
    return [each for each in deployables() if not names or each.name in names]
