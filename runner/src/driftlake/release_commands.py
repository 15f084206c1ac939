"""`driftlake release …`: build and publish what is deployed. Only signatures; what they do is imported late."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from driftlake import exit_codes

app = typer.Typer(
    name="release",
    help="Build and publish releases: one per stage, named by their content.",
    epilog=exit_codes.EXPLAINED,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Names = Annotated[list[str] | None, typer.Argument(help="Stages; all if none is named.", metavar="STAGE")]
Env = Annotated[str, typer.Option("--env", help="Environment, a folder of infra/live.", metavar="E")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.callback()
def release() -> None:
    """Hold the commands about releases."""


@app.command(epilog=exit_codes.EXPLAINED)
def build(stages: Names = None, as_json: AsJson = False) -> None:
    """Build releases from what is committed: PEX and manifest in dist/releases/STAGE/SHA256.

    The same source gives the same files.
    """
    from pathlib import Path

    from driftlake.release.build import Pants
    from driftlake.release.build import build as build_all
    from driftlake.release.checkout import Checkout
    from driftlake.release.deployables import chosen
    from driftlake.release.session import hashes_said, tell

    checkout = Checkout.around(Path.cwd())
    made = build_all(
        checkout,
        chosen(stages or ()),
        Pants(),
        lambda each: tell(f"{each.deployable.name}: {hashes_said(each.manifest.hashes)}"),
    )
    if as_json:
        typer.echo(json.dumps({each.deployable.name: each.manifest.hashes for each in made}, indent=2))


@app.command(epilog=exit_codes.EXPLAINED)
def publish(env: Env, stages: Names = None, as_json: AsJson = False) -> None:
    """Put built releases into the environment's bucket: what is there stays, what is missing is added.

    An interrupted publish is not seen as a release; the same command ends it.
    """
    from driftlake.release.build import read_built
    from driftlake.release.deployables import chosen
    from driftlake.release.publish import publish as put
    from driftlake.release.session import Session, tell

    session = Session.open(env)
    built = [read_built(session.checkout.root, each) for each in chosen(stages or ())]
    said = {}
    for each in built:
        done = put(session.bucket, each)
        how = (
            "an interrupted publish was ended" if done.continued else "published" if done.put else "was there"
        )
        tell(f"{done.name}: {done.hashes['artifact'][:12]} {how}")
        said[done.name] = {"pin": done.hashes, "put": list(done.put), "present": list(done.present)}
    if as_json:
        typer.echo(json.dumps(said, indent=2))


@app.command("ls", epilog=exit_codes.EXPLAINED)
def list_published(env: Env, stages: Names = None, as_json: AsJson = False) -> None:
    """List the published releases, and which of them is pinned."""
    from driftlake.release.deployables import chosen
    from driftlake.release.pins import read_pin
    from driftlake.release.publish import published_releases
    from driftlake.release.session import Session

    session = Session.open(env)
    found = [
        (each, release, read_pin(session.environment.unit(each), each) == each.pin_of(release.hashes))
        for each in chosen(stages or ())
        for release in published_releases(session.bucket, each)
    ]
    if as_json:
        rows = [
            {"name": each.name, "pin": release.hashes, "commit": release.commit, "pinned": pinned}
            for each, release, pinned in found
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    for each, release, pinned in found:
        typer.echo(
            f"{each.name:<9} {release.artifact_sha256[:12]}  manifest {release.sha256[:12]}  {release.commit[:9]}"
            f"{'  pinned' if pinned else ''}"
        )
