"""`driftlake rollout plan`: what would change, why, what each stage must pass, and what stands against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from driftlake.release.checkout import Checkout, Commit
from driftlake.release.deployables import Deployable
from driftlake.release.manifest import Manifest
from driftlake.release.overlap import conflicts

GATES = {
    "canary": "a canary run of its Glue job: every batch balances, nothing new is quarantined",
    "none": "none",
}


@dataclass(frozen=True)
class Step:
    """One thing that is released, in one environment.

    Attributes:
        pinned: What runs; None if nothing is pinned yet.
        wanted: What would run; None if nothing is offered.
        differences: What is not the same; empty if nothing would change.
        commits: The commits that made the difference, newest first; None if the pinned one is not in this clone.
        missing: Keys of the wanted release that the environment's bucket lacks.
        conflicts: Why it would not work beside what runs then.
    """

    deployable: Deployable
    pinned: Manifest | None
    wanted: Manifest | None
    differences: Sequence[str]
    commits: Sequence[Commit] | None
    missing: Sequence[str]
    conflicts: Sequence[str]

    @property
    def changes(self) -> bool:
        """True if an apply would do something."""
        return bool(self.differences)

    def as_json(self) -> dict[str, Any]:
        """As the command's `--json` says it."""
        return {
            "name": self.deployable.name,
            "action": self.action,
            "pinned": self.pinned.hashes if self.pinned else None,
            "wanted": self.wanted.hashes if self.wanted else None,
            "differences": list(self.differences),
            "commits": None
            if self.commits is None
            else [{"sha": c.sha, "subject": c.subject} for c in self.commits],
            "gate": self.deployable.gate,
            "missing": list(self.missing),
            "conflicts": list(self.conflicts),
        }

    @property
    def action(self) -> str:
        """`refuse`, `publish` (that first), `deploy` (nothing ran before), `change`, `keep` or `skip` (not built)."""
        if self.conflicts:
            return "refuse"
        if self.changes:
            return "publish" if self.missing else "change" if self.pinned else "deploy"
        return "skip" if self.wanted is None else "keep"


@dataclass(frozen=True)
class Plan:
    """Steps in the order of a rollout."""

    environment: str
    steps: Sequence[Step]

    @property
    def changes(self) -> list[Step]:
        """What an apply would do."""
        return [step for step in self.steps if step.changes]

    @property
    def conflicts(self) -> list[str]:
        """All that stands against it."""
        return [each for step in self.steps for each in step.conflicts]

    def as_json(self) -> dict[str, Any]:
        """As the command's `--json` says it."""
        return {
            "environment": self.environment,
            "refused": bool(self.conflicts),
            "changed": [step.deployable.name for step in self.changes],
            "steps": [step.as_json() for step in self.steps],
        }


def make_plan(
    environment: str,
    order: Sequence[Deployable],
    pinned: Mapping[str, Manifest],
    wanted: Mapping[str, Manifest],
    *,
    checkout: Checkout,
    missing: Callable[[Deployable, Manifest], Sequence[str]],
) -> Plan:
    """Compare what is wanted with what is pinned.

    Each step is checked against what runs at its turn: those before it in their new release, those after it in their
    old one. A step that is refused counts as not done for those after it.
    """
    running = dict(pinned)
    steps = []
    for deployable in order:
        step = _step(deployable, running, wanted.get(deployable.name), checkout, missing)
        if step.changes and step.wanted and not step.conflicts:
            running[deployable.name] = step.wanted
        steps.append(step)
    return Plan(environment, steps)


def _step(
    deployable: Deployable,
    running: Mapping[str, Manifest],
    wanted: Manifest | None,
    checkout: Checkout,
    missing: Callable[[Deployable, Manifest], Sequence[str]],
) -> Step:
    pinned = running.get(deployable.name)
    if wanted is None:
        return Step(deployable, pinned, None, (), (), (), ())
    differences = wanted.differs_from(pinned) if pinned else ["everything"]
    if not differences:
        return Step(deployable, pinned, wanted, (), (), (), ())
    commits = (
        checkout.commits_between(pinned.commit, wanted.commit, {*pinned.sources, *wanted.sources})
        if pinned
        else ()
    )
    beside = {**running, deployable.name: wanted}
    found = conflicts(beside, deployable.name, pinned)
    return Step(deployable, pinned, wanted, differences, commits, missing(deployable, wanted), found)


def lines_of(plan: Plan) -> list[str]:
    """The plan as people read it."""
    said = [f"rollout to {plan.environment}, in this order:"]
    for step in plan.steps:
        said += _lines(step)
    if plan.conflicts:
        said.append("refused: see above; nothing would be changed")
    elif not plan.changes:
        said.append("nothing to do: the pinned releases are those that are wanted")
    return said


def _lines(step: Step) -> list[str]:
    name = f"{step.deployable.name:<9}"
    if not step.changes:
        here = step.pinned.artifact_sha256[:12] if step.pinned else "no release pinned"
        return [f"  {name} {here:<12} " + ("stays" if step.wanted else "stays: nothing else was built here")]
    old = step.pinned.artifact_sha256[:12] if step.pinned else "nothing"
    new = step.wanted.artifact_sha256[:12] if step.wanted else ""
    said = [f"  {name} {old:<12} -> {new}  changed: {', '.join(step.differences)}"]
    said += [f"             why:  {each.sha[:9]} {each.subject}" for each in step.commits or ()]
    if step.commits is None:
        said.append("             why:  unknown, the pinned release's commit is not in this clone")
    said.append(f"             gate: {GATES[step.deployable.gate]}")
    said += [f"             not published: {key}" for key in step.missing]
    return said + [f"             refused: {each}" for each in step.conflicts]
