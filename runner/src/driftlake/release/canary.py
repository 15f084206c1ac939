"""A canary run: the Glue job of a stage is started once, beside its schedule, and awaited."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from driftlake.aws import AwsUnreachableError
from driftlake.release.errors import CanaryError

RUN_ID = "--setting-run-id"
"""The launcher hands it to the stage, whose metric rows then carry it: so the gate finds them."""

POLL_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 45 * 60.0
"""For the schedule's run to end, and again for the canary: a job's timeout is 12 minutes, repeated once."""

_WORKING = {"STARTING", "RUNNING", "STOPPING", "WAITING"}


@dataclass(frozen=True)
class GlueJobs:
    """Glue jobs; `client` is boto3's of Glue, `pause` waits so many seconds."""

    client: Any
    pause: Callable[[float], None] = time.sleep

    def run(self, job: str, run_id: str) -> None:
        """Run a job to its end.

        Raises:
            CanaryError: If it fails, or does not end.
            AwsUnreachableError: If Glue does not answer.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            state, reason = self._ended(job, self._started(job, run_id))
        except (BotoCoreError, ClientError) as error:
            raise AwsUnreachableError(f"run the Glue job {job}", str(error)) from error
        if state != "SUCCEEDED":
            raise CanaryError(
                job, f"it ended as {state}{f': {reason}' if reason else ''}. Its log group says why."
            )

    def _started(self, job: str, run_id: str) -> str:
        busy = self.client.exceptions.ConcurrentRunsExceededException
        waited = 0.0
        while True:
            try:
                return str(self.client.start_job_run(JobName=job, Arguments={RUN_ID: run_id})["JobRunId"])
            except busy as error:
                waited += POLL_SECONDS
                if waited > LONGEST_WAIT_SECONDS:
                    raise CanaryError(job, "its scheduled run does not end, so none was started.") from error
                self.pause(POLL_SECONDS)

    def _ended(self, job: str, run: str) -> tuple[str, str]:
        waited = 0.0
        while True:
            found = self.client.get_job_run(JobName=job, RunId=run)["JobRun"]
            if found["JobRunState"] not in _WORKING:
                return str(found["JobRunState"]), str(found.get("ErrorMessage", ""))
            waited += POLL_SECONDS
            if waited > LONGEST_WAIT_SECONDS:
                raise CanaryError(job, f"run {run} does not end.")
            self.pause(POLL_SECONDS)
