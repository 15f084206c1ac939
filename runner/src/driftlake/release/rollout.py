"""`driftlake rollout apply` and `driftlake rollback`: pin, apply, canary, gate, one stage after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from driftlake.release.artifacts import ArtifactBucket
from driftlake.release.checkout import Checkout
from driftlake.release.deployables import Deployable, deployables
from driftlake.release.environment import Environment
from driftlake.release.errors import GateFailedError, RefusedError, RolloutStoppedError
from driftlake.release.gate import Query, Verdict, pass_gate
from driftlake.release.manifest import Manifest
from driftlake.release.overlap import conflicts
from driftlake.release.pins import FILE, read_pin, replace_text, write_pin
from driftlake.release.plan import Plan, Step, make_plan
from driftlake.release.publish import check_published, find_published, missing_parts, published_manifest
from driftlake.release.terragrunt import Units

FIRST = "metrics"
"""The gates of all others read what it counts."""


@dataclass(frozen=True)
class Place:
    """All that a rollout works with; tests put stand-ins for `units`, `run_job` and `query`.

    Attributes:
        run_job: Runs a Glue job, by its name, under a run id, to its end.
        query: SQL over the environment's tables.
        say: Tells what is done.
        make_views: Makes the views over a stage's tables, by its name.
        commit: Whether a pin that passed its gate is committed.
    """

    environment: Environment
    checkout: Checkout
    bucket: ArtifactBucket
    units: Units
    run_job: Callable[[str, str], None]
    query: Query
    say: Callable[[str], None]
    make_views: Callable[[str], object]
    commit: bool = False


def pinned_manifests(environment: Environment, bucket: ArtifactBucket) -> dict[str, Manifest]:
    """Name -> manifest of what an environment pins; what pins nothing is left out.

    Raises:
        PinError: If a version.hcl cannot be read.
        NotPublishedError: If a pinned manifest is not in the bucket.
    """
    pins = ((each, read_pin(environment.unit(each), each)) for each in deployables())
    return {each.name: published_manifest(bucket, each, pin) for each, pin in pins if pin is not None}


def plan_rollout(
    environment: Environment, checkout: Checkout, bucket: ArtifactBucket,
    wanted: Mapping[str, Manifest], order: Sequence[Deployable],
) -> Plan:  # fmt: skip
    """Compare releases with the environment's pins."""
    return make_plan(
        environment.name,
        order,
        pinned_manifests(environment, bucket),
        wanted,
        checkout=checkout,
        missing=lambda deployable, manifest: missing_parts(bucket, deployable, manifest.hashes),
    )


def apply(place: Place, plan: Plan, run_id: str) -> None:
    """Do what a plan says, stage by stage; each must pass its gate before the next begins.

    Raises:
        RefusedError: If releases do not fit; nothing was changed then.
        NotPublishedError, HashMismatchError: If a release is not whole in the bucket; nothing was changed then.
        RolloutStoppedError: If a stage cannot be applied or does not pass; it runs its old release again then.
    """
    if plan.conflicts:
        raise RefusedError(f"rollout to {plan.environment}", plan.conflicts)
    for step in plan.changes:
        check_published(place.bucket, step.deployable, _wanted(step).hashes)
    for step in plan.changes:
        _roll_out(place, step, run_id)


def _wanted(step: Step) -> Manifest:
    assert step.wanted is not None
    return step.wanted


def _roll_out(place: Place, step: Step, run_id: str) -> None:
    deployable, manifest = step.deployable, _wanted(step)
    place.say(f"{deployable.name}: {manifest.artifact_sha256[:12]} is pinned and applied")
    path = place.environment.unit(deployable) / FILE
    before = path.read_text("utf-8")
    write_pin(path.parent, deployable, manifest.hashes)
    try:
        place.units.apply(path.parent)
        verdict = _gate(place, deployable, run_id)
        if not verdict.passed:
            raise GateFailedError(verdict.seen)
    except BaseException as error:  # an interruption too: what has not passed its gate does not stay
        now = _put_back(place, step, path, before)
        reason = str(error) or "it was interrupted."
        raise RolloutStoppedError(deployable.name, place.environment.name, reason, now) from error
    place.say(f"{deployable.name}: gate passed: {verdict.seen}")
    if place.commit:
        _commit(place, path, f"{deployable.name} {manifest.artifact_sha256[:12]} in {place.environment.name}")
    # Last: the canary has made the tables, and a view that fails takes no release back.
    place.make_views(deployable.name)


def _gate(place: Place, deployable: Deployable, run_id: str) -> Verdict:
    metrics = next(each for each in deployables() if each.name == FIRST)
    return pass_gate(
        place.environment, deployable, metrics, f"{run_id}-{deployable.name}", place.run_job, place.query
    )


def _put_back(place: Place, step: Step, path: Path, before: str) -> str:
    """Return a unit to what it ran; says what runs now."""
    if step.pinned is None:
        return (
            f"It had no release before, so there is none to return to: {path} keeps the pin of what was tried. Do not "
            "start the job; roll out a release that passes."
        )
    replace_text(path, before)
    name, old = step.deployable.name, step.pinned.artifact_sha256[:12]
    place.say(f"{name}: back to {old}")
    try:
        place.units.apply(path.parent)
    except BaseException as error:
        return (
            f"{path} pins {old} again, but that could not be applied ({error}): AWS may still run the release that was "
            f"tried. Mend the cause, then run `terragrunt apply` in {path.parent}."
        )
    return f"{name} runs {old} again; the stages before it keep their new release, those after it were not touched."


def _commit(place: Place, path: Path, message: str) -> None:
    relative = path.relative_to(place.checkout.root).as_posix()
    if place.checkout.git("status", "--porcelain", "--", relative):
        place.checkout.commit_files([relative], message)


def roll_back(place: Place, deployable: Deployable, version: str) -> Manifest:
    """Return one unit to a published release, at once and without a gate: something is wrong now.

    Raises:
        VersionNotFoundError: If no release, or more than one, is meant.
        RefusedError: If it does not fit to what runs beside it; nothing was changed then.
        RolloutStoppedError: If it cannot be applied; the pin is put back then.
    """
    wanted = find_published(place.bucket, deployable, version)
    pinned = pinned_manifests(place.environment, place.bucket)
    before = pinned.get(deployable.name)
    found = conflicts({**pinned, deployable.name: wanted}, deployable.name, before)
    if found:
        raise RefusedError(f"rollback of {deployable.name} in {place.environment.name}", found)
    check_published(place.bucket, deployable, wanted.hashes)
    unit = place.environment.unit(deployable)
    text = (unit / FILE).read_text("utf-8")
    write_pin(unit, deployable, wanted.hashes)
    try:
        place.units.apply(unit)
    except BaseException as error:
        replace_text(unit / FILE, text)
        raise RolloutStoppedError(
            deployable.name, place.environment.name, str(error) or "it was interrupted.",
            f"{unit / FILE} pins what it did before. Mend the cause and run the same command again.",
        ) from error  # fmt: skip
    if place.commit:
        message = f"{deployable.name} back to {wanted.artifact_sha256[:12]} in {place.environment.name}"
        _commit(place, unit / FILE, message)
    return wanted
