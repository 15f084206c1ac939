"""The token a run leaves behind: what it read through, what it wrote, and which contracts were missing. Pure.

Step Functions' `startJobRun.sync` returns only the job run, so the job stores its results and the next state reads
them.
`iot_common.io.run_tokens` writes tokens, the flow's functions read them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from iot_common.batch import BatchIdentity
from iot_common.errors import RunTokenUnreadableError
from iot_common.metrics import Gate, StageRun

PREFIX = "ops/run_tokens"
"""Under the warehouse; a lifecycle rule deletes old tokens."""

WITHOUT_CONTRACT, UNREGISTERED = "records_without_contract", "unregistered_versions"
"""Keys in the detail of an ingress gate, where a stage met versions that no registered contract can judge."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunToken:
    """One run of one stage that ended well.

    Attributes:
        run_id: Name of the run, which whoever started it may have chosen.
        stage: Whose run.
        stage_version: Version of the stage.
        started_time: When it began, ISO 8601.
        ended_time: When it had written everything, ISO 8601.
        taken_snapshot_id: Newest snapshot of the table it streams from when it began: all of it has been read. Text, as
            JSON's readers round 64-bit numbers; empty where there is none.
        given_snapshot_id: Newest snapshot of the table it hands over, likewise.
        files_read: Landing objects or blocks it read.
        records_written: Records it kept.
        records_without_contract: Records it could judge by no registered contract.
        unregistered_versions: Versions that those claim, a few of them.
    """

    run_id: str
    stage: str
    stage_version: str
    started_time: str
    ended_time: str
    taken_snapshot_id: str = ""
    given_snapshot_id: str = ""
    files_read: int = 0
    records_written: int = 0
    records_without_contract: int = 0
    unregistered_versions: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of its object under the prefix of tokens."""
        return token_name(self.stage, self.run_id)

    def as_json(self) -> bytes:
        """Its object's content."""
        return json.dumps(asdict(self), ensure_ascii=False).encode()


def token_name(stage: str, run_id: str) -> str:
    """Name of a token's object under the prefix of tokens."""
    return f"{stage}/{run_id}.json"


def from_json(content: bytes, source: str) -> RunToken:
    """A token as it was written; what a newer release has added is passed over.

    Raises:
        RunTokenUnreadableError: If the content is no token.
    """
    known = {field.name for field in fields(RunToken)}
    try:
        told = {name: value for name, value in json.loads(content).items() if name in known}
        return RunToken(**told | {UNREGISTERED: tuple(told.get(UNREGISTERED, ()))})
    except (ValueError, TypeError, AttributeError) as error:
        raise RunTokenUnreadableError(source, str(error)) from error


def token_of(
    run: StageRun,
    batches: Sequence[tuple[BatchIdentity, Sequence[Gate]]],
    *,
    started: datetime,
    ended: datetime,
    taken_snapshot_id: str = "",
    given_snapshot_id: str = "",
) -> RunToken:
    """The token of a run, from the gates of its batches.

    Only batches that keep records count: a promotion reads again what was counted when it came.
    """
    gates = [
        gate for _, passed in batches if any(each.disposition == "kept" for each in passed) for gate in passed
    ]
    came = [gate for gate in gates if gate.disposition == "in"]
    details = [gate.detail for gate in came if gate.detail]
    return RunToken(
        run_id=run.run_id,
        stage=run.stage,
        stage_version=run.stage_version,
        started_time=started.isoformat(),
        ended_time=ended.isoformat(),
        taken_snapshot_id=taken_snapshot_id,
        given_snapshot_id=given_snapshot_id,
        files_read=sum(gate.files or 0 for gate in came),
        records_written=sum(gate.rows for gate in gates if gate.disposition == "kept"),
        records_without_contract=sum(int(detail.get(WITHOUT_CONTRACT, 0)) for detail in details),
        unregistered_versions=tuple(
            sorted({str(version) for detail in details for version in detail.get(UNREGISTERED, ())})
        ),
    )
