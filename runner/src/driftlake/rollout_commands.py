"""`driftlake rollout …` and `driftlake rollback`. Only signatures; what they do is imported late."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from driftlake import exit_codes

if TYPE_CHECKING:
    from driftlake.release.plan import Plan
    from driftlake.release.session import Session

EXPLAINED = (
    "Exit codes: 0 ok; 1 failed or stopped at a gate, the stage runs its old release again; 2 wrong usage, account, "
    "region or an unpublished release, nothing changed; 5 releases that do not fit the same tables, nothing changed."
)

app = typer.Typer(
    name="rollout",
    help="Bring releases to an environment: metrics, bronze, silver, gold, drift, each through its gate.",
    epilog=EXPLAINED,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Env = Annotated[str, typer.Option("--env", help="Environment, a folder of infra/live.", metavar="E")]
Stages = Annotated[
    list[str] | None, typer.Option("--stage", help="Only this one; may be repeated.", metavar="STAGE")
]
From = Annotated[
    str | None,
    typer.Option(
        "--from", help="What this environment pins, in place of what was built here.", metavar="ENV"
    ),
]
Commit = Annotated[bool, typer.Option("--commit", help="Commit each pin that was applied and passed.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.callback()
def rollout() -> None:
    """Hold the commands about rollouts."""


@app.command(epilog=EXPLAINED)
def plan(env: Env, stage: Stages = None, source: From = None, as_json: AsJson = False) -> None:
    """Show what would change, why, through which gates, and what stands against it. Changes nothing."""
    from driftlake.release.plan import lines_of
    from driftlake.release.session import Session

    made = _planned(Session.open(env), stage, source)
    typer.echo(json.dumps(made.as_json(), indent=2) if as_json else "\n".join(lines_of(made)))
    raise typer.Exit(exit_codes.REFUSED if made.conflicts else exit_codes.OK)


@app.command(epilog=EXPLAINED)
def apply(env: Env, stage: Stages = None, source: From = None, commit: Commit = False) -> None:
    """Pin, apply and prove one stage after the other.

    Each runs once as a canary; the next begins only if every batch balanced and nothing new was quarantined. Else the
    stage returns to its old release, and the rollout stops. One rollout at a time works on an environment.
    """
    from datetime import UTC, datetime

    from driftlake.release.plan import lines_of
    from driftlake.release.rollout import apply as apply_plan
    from driftlake.release.session import Session

    session = Session.open(env)
    with session.place("rollout", commit=commit) as place:
        made = _planned(session, stage, source)
        place.say("\n".join(lines_of(made)))
        apply_plan(place, made, f"canary-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    typer.echo(_ending([step.deployable.name for step in made.changes], env, commit))


@app.command(epilog=EXPLAINED)
def unlock(
    env: Env,
    lock: Annotated[str, typer.Option("--lock", help="Which one, as the refusal names it.", metavar="ID")],
) -> None:
    """Free the lock of a rollout whose process is gone."""
    from driftlake.release.lock import unlock as free
    from driftlake.release.session import Session

    holder = free(Session.open(env).bucket, lock)
    typer.echo(f"freed: {holder.what} of {holder.owner} since {holder.since}")


def rollback(
    stage: Annotated[str, typer.Argument(help="Which stage.", metavar="STAGE")],
    env: Env,
    version: Annotated[
        str,
        typer.Option(
            "--to",
            help="Release: beginning of the hash of its program or manifest, or of its commit.",
            metavar="VERSION",
        ),
    ],
    commit: Commit = False,
) -> None:
    """Return one stage to a published release; the others stay as they are.

    Refused where its tables' schema versions would not suit it, or those who read them.
    """
    from driftlake.release.deployables import chosen
    from driftlake.release.rollout import roll_back
    from driftlake.release.session import Session

    (deployable,) = chosen([stage])
    with Session.open(env).place(f"rollback of {stage}", commit=commit) as place:
        done = roll_back(place, deployable, version)
    typer.echo(
        f"{stage} in {env} runs {done.artifact_sha256[:12]} of commit {done.commit[:9]}. {_told(commit)}"
    )


def _planned(session: Session, stage: Sequence[str] | None, source: str | None) -> Plan:
    from driftlake.release.deployables import chosen
    from driftlake.release.rollout import plan_rollout

    order = chosen(stage or ())
    wanted = session.pinned_in(source, order) if source else session.built(order, all_of_them=bool(stage))
    return plan_rollout(session.environment, session.checkout, session.bucket, wanted, order)


def _ending(names: list[str], env: str, commit: bool) -> str:
    return f"rolled out to {env}: {', '.join(names)}. {_told(commit)}" if names else "nothing to do"


def _told(commit: bool) -> str:
    return (
        "The pin is committed: push it."
        if commit
        else "Commit the version.hcl that changed: it is what runs."
    )
