"""The command line of a stage: settings, session, run, exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from iot_common.errors import DriftlakeError
from iot_common.metrics import StageRun
from iot_common.settings import SettingsType, parse_settings

if TYPE_CHECKING:
    from iot_common.io.stream import StageWork


def run_stage(
    stage: str,
    version: str,
    settings_class: type[SettingsType],
    work: StageWork[SettingsType],
    argv: Sequence[str] | None,
    *,
    takes: str = "",
    gives: str = "",
) -> int:
    """Run one stage as a process of its own; the exit code is 0, 1 (failed) or 2 (wrong usage or setting).

    On AWS it leaves a token of the run, which whoever started it reads.

    Args:
        stage: Its name.
        version: Its version.
        settings_class: What its arguments fill.
        work: Its `run` function.
        argv: The arguments; None: those of the process.
        takes: Table that the stage streams from, for the token; empty for none.
        gives: Table that the next stages stream from, for the token; empty for none.
    """
    try:
        settings = parse_settings(settings_class, argv, f"iot_{stage}")
        # After the arguments: `--help` answers under a Python that has no packages at all.
        from iot_common.io.run_tokens import leaving_token
        from iot_common.io.session import build_session
        from iot_common.io.stream import StageContext, perform, utc_now

        run_id = settings.run_id or f"{utc_now():%Y%m%dT%H%M%SZ}"
        context = StageContext(
            spark=build_session(settings, f"driftlake-{stage}"),
            settings=settings,
            run=StageRun(run_id, stage, version),
            on_step=lambda text: print(f"{stage}: {text}", file=sys.stderr, flush=True),
        )
        # What does one thing alone has not read on: its token would say so.
        leaves_token = settings.catalog == "glue" and settings.is_whole_run
        whole = leaving_token(work, takes, gives) if leaves_token else work
        for report in perform(context, whole):
            for batch, gates in report.batches:
                summary = ", ".join(f"{gate.disposition} {gate.rows}" for gate in gates)
                print(f"{stage}.{report.query} batch {batch.batch_id}: {summary}", file=sys.stderr)
    except DriftlakeError as error:
        print(f"iot_{stage}: {error}", file=sys.stderr)
        return error.exit_code
    return 0
