"""The views over a stage's tables: SQL files of the stage, for Athena and for DuckDB alike.

A file `iot_<stage>/sql/views/<namespace>.<view>.sql` holds comments and one SELECT; its first line says what the view
shows. The SQL keeps to what both engines speak. `driftlake views apply` makes them in Athena, after a rollout.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from driftlake.aws import AwsUnreachableError
from iot_common.errors import DriftlakeError, SettingsError

STAGES = ("bronze", "silver", "gold", "drift", "metrics")
POLL_SECONDS = 0.5
PATIENCE_SECONDS = 60
"""Making a view reads no data; Athena may queue it behind queries that do."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class StageView:
    """A view of one stage.

    Attributes:
        stage: Whose tables it shows, and who makes it.
        name: `<namespace>.<view>`.
        description: What it shows.
        sql: One SELECT, without comments at its head.
    """

    stage: str
    name: str
    description: str
    sql: str


class ViewError(DriftlakeError):
    """Athena did not make a view; those before it are made."""

    def __init__(self, view: StageView, reason: str) -> None:
        super().__init__(
            f"cannot make the view {view.name}: {reason}. If a table of it does not exist yet, run the stages once; "
            "then run `driftlake views apply` again: views that are there are replaced."
        )
        self.view = view
        self.reason = reason


def stage_views(stages: Iterable[str] = STAGES) -> list[StageView]:
    """All views of the stages, in the order of their names.

    Raises:
        SettingsError: If there is no such stage.
    """
    found = [view for stage in stages for view in _views_of(stage)]
    return sorted(found, key=lambda view: view.name)


def _views_of(stage: str) -> Iterator[StageView]:
    if stage not in STAGES:
        raise SettingsError(f"no stage {stage!r}; there are {', '.join(STAGES)}")
    folder = files(f"iot_{stage}") / "sql" / "views"
    if not folder.is_dir():
        return
    for file in folder.iterdir():
        head, description, sql = parted(file.read_text("utf-8"))
        assert head, file.name
        yield StageView(stage, file.name.removesuffix(".sql"), description, sql)


def parted(text: str) -> tuple[str, str, str]:
    """Comments at the head of an SQL file, the first of them as a sentence, and the statement."""
    found = re.match(r"\s*((?:--[^\n]*\n)*)", text)
    head = found[1] if found else ""
    return head, head.partition("\n")[0].removeprefix("--").strip(), text[len(head) :].strip()


def views_named_in(sql: str) -> list[StageView]:
    """Views that a statement speaks of."""
    lowered = re.sub(r"[\"\s]", "", sql.lower())
    return [view for view in stage_views() if view.name in lowered]


def apply_views(workgroup: str, stages: Iterable[str], say: Say, athena: Any = None) -> list[str]:
    """Make or replace the views of some stages in Athena; their names.

    Args:
        workgroup: Athena's workgroup: `driftlake-<environment>-<account>`.
        stages: Whose views.
        say: Told of each view that is made.
        athena: Client; by default that of the credentials in force.

    Raises:
        ViewError: If Athena refuses one.
        AwsUnreachableError: If Athena does not answer.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    made = []
    try:
        client = boto3.Session().client("athena") if athena is None else athena
        for view in stage_views(stages):
            _make(client, workgroup, view)
            say(f"{view.name}: {view.description}")
            made.append(view.name)
    except (BotoCoreError, ClientError) as error:
        raise AwsUnreachableError(f"make views in Athena's workgroup {workgroup}", str(error)) from error
    return made


def _make(athena: Any, workgroup: str, view: StageView) -> None:
    statement = f"CREATE OR REPLACE VIEW {view.name} AS\n{view.sql}"
    started = athena.start_query_execution(QueryString=statement, WorkGroup=workgroup)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        ended = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])
        status = ended["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            return
        if status["State"] in ("FAILED", "CANCELLED"):
            raise ViewError(view, status.get("StateChangeReason", status["State"]))
        time.sleep(POLL_SECONDS)
    raise ViewError(view, f"Athena has not ended within {PATIENCE_SECONDS} seconds")
