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
) -> int:
    """Run one stage as a process of its own; the exit code is 0, 1 (failed) or 2 (wrong usage or setting)."""
    try:
        settings = parse_settings(settings_class, argv, f"iot_{stage}")
        # After the arguments: `--help` answers under a Python that has no packages at all.
        from iot_common.io.session import build_session
        from iot_common.io.stream import StageContext, perform, utc_now

        run_id = settings.run_id or f"{utc_now():%Y%m%dT%H%M%SZ}"
        context = StageContext(
            spark=build_session(settings, f"driftlake-{stage}"),
            settings=settings,
            run=StageRun(run_id, stage, version),
            on_step=lambda text: print(f"{stage}: {text}", file=sys.stderr, flush=True),
        )
        for report in perform(context, work):
            for batch, gates in report.batches:
                summary = ", ".join(f"{gate.disposition} {gate.rows}" for gate in gates)
                print(f"{stage}.{report.query} batch {batch.batch_id}: {summary}", file=sys.stderr)
    except DriftlakeError as error:
        print(f"iot_{stage}: {error}", file=sys.stderr)
        return error.exit_code
    return 0
