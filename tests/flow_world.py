"""The flow's definitions, executed by moto's executor of state machines: real states, real functions, and moto's S3,
SQS, SNS and CloudWatch. Three things are stand-ins, named so: a Glue job's run, which moto cannot wait for (its `.sync`
has no callback endpoint) and would not run anyway; Lambda's call, which is a call of the same Python function; and the
start of an execution by another, whose parameters moto misspells.
"""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_glue import (
    StateTaskServiceGlue,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from iot_common.run_token import PREFIX, RunToken
from iot_functions import curation, dead_letters, handlers

MODULE = Path(__file__).resolve().parents[1] / "infra/modules/orchestration"
ACCOUNT, REGION, PREFIX_OF_NAMES = "123456789012", "us-east-1", "driftlake-test"
LAKE, WAREHOUSE = "lake", "s3://lake/warehouse"
NAMESPACE = PREFIX_OF_NAMES
NOON = datetime.now(UTC).replace(microsecond=0)
"""When a pass begins: now, as moto forgets messages by the clock on the wall."""
FORTNIGHT = {"MessageRetentionPeriod": str(14 * 24 * 60 * 60)}
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


class GlueJobFailedError(Exception):
    """A job's run that ended as FAILED."""


class GlueJobBusyError(Exception):
    """A job whose one run still works: Glue refuses a second."""


Job = Callable[["FlowWorld", Mapping[str, str]], None]


@dataclass
class FlowWorld:
    """Places of one environment in moto, its clock, and the Glue jobs that stand in.

    Attributes:
        jobs: Stage -> what its run does; it may raise GlueJobFailedError or GlueJobBusyError.
        runs: Stage and arguments of each run that was started.
        waits: Seconds for which a retry would have waited.
        now: The time of the functions; each call of one moves it on by a second.
    """

    topic_arn: str
    heard_url: str
    landing_url: str
    dead_letter_url: str
    jobs: dict[str, Job] = field(default_factory=dict)
    runs: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    now: datetime = NOON
    invalid_functions: dict[str, list[str]] = field(default_factory=dict)
    """Function -> errors that Lambda answers in place of its next calls."""

    def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    # --- what happened before a pass ---------------------------------------------------------------------------------

    def land(self, name: str, age: timedelta = timedelta(minutes=5)) -> None:
        """The message that S3 sends for a landed object, sent a while ago."""
        event = {"Records": [{"s3": {"bucket": {"name": "landing"}, "object": {"key": name}}}]}
        self.send(json.dumps(event), age)

    def send(self, body: str, age: timedelta = timedelta(minutes=5)) -> None:
        """A message in the queue of landed objects. Moto stamps it with its own clock."""
        sent = (self.now - age).timestamp()
        with mock.patch("moto.sqs.models.unix_time_millis", lambda *_: sent * 1000):
            boto3.client("sqs").send_message(QueueUrl=self.landing_url, MessageBody=body)

    def leave_token(self, stage: str, at: datetime, run_id: str = "", **told: Any) -> None:
        """A token as a run of a stage leaves it, with the time S3 says."""
        run_id = run_id or f"{at:%Y%m%dT%H%M%SZ}"
        token = RunToken(
            run_id=run_id,
            stage=stage,
            stage_version="1.0.0",
            started_time=at.isoformat(),
            ended_time=at.isoformat(),
            **told,
        )
        with mock.patch("moto.s3.models.utcnow", lambda: at.replace(tzinfo=None)):
            boto3.client("s3").put_object(
                Bucket=LAKE, Key=f"warehouse/{PREFIX}/{token.name}", Body=token.as_json()
            )

    def dead_letter(self, body: str, age: timedelta) -> None:
        """A message that was received too often, first sent a while ago."""
        sent = (self.now - age).timestamp()
        with mock.patch("moto.sqs.models.unix_time_millis", lambda *_: sent * 1000):
            boto3.client("sqs").send_message(QueueUrl=self.dead_letter_url, MessageBody=body)

    def spoil_token(self, stage: str) -> None:
        """Something else in the place of a stage's token."""
        s3 = boto3.client("s3")
        for each in s3.list_objects_v2(Bucket=LAKE, Prefix=f"warehouse/{PREFIX}/{stage}/")["Contents"]:
            s3.put_object(Bucket=LAKE, Key=each["Key"], Body=b"{}")

    # --- one execution -----------------------------------------------------------------------------------------------

    def execute(self, name: str = "flow", **variables: Any) -> Execution:
        """Create the state machine of the template, run it once, and wait for its end."""
        states = boto3.client("stepfunctions")
        arn = states.create_state_machine(
            name=f"{PREFIX_OF_NAMES}-{name}",
            definition=definition(name, self.topic_arn, **variables),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/{PREFIX_OF_NAMES}-{name}",
        )["stateMachineArn"]
        return self.ended(_start(arn))

    def start_another(self) -> Execution:
        """A tick while an execution works: another of the same state machine, to its end."""
        arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{PREFIX_OF_NAMES}-flow"
        return self.ended(_start(arn))

    @contextmanager
    def no_new_executions(self) -> Iterator[None]:
        """A time in which Step Functions takes no further execution."""

        def refused(*_: Any, **__: Any) -> None:
            answer: Any = {
                "Error": {"Code": "ExecutionLimitExceeded", "Message": "too many executions"},
                "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": "1"},
            }
            raise ClientError(answer, "StartExecution")

        with mock.patch.object(StateTaskServiceSfn, "_eval_service_task", refused):
            yield

    def ended(self, execution: str) -> Execution:
        """Wait for the end of an execution."""
        states = boto3.client("stepfunctions")
        deadline = time.monotonic() + 60
        while (told := states.describe_execution(executionArn=execution))["status"] not in ENDED:
            assert time.monotonic() < deadline, f"{execution} does not end: {told}"
            time.sleep(0.02)
        pages = states.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        entered = [
            each["stateEnteredEventDetails"]["name"] for each in pages if "stateEnteredEventDetails" in each
        ]
        return Execution(execution, told["status"], entered, json.loads(told.get("output") or "{}"))

    # --- what happened in it -----------------------------------------------------------------------------------------

    @property
    def stages_run(self) -> list[str]:
        return [stage for stage, _ in self.runs]

    def told(self) -> list[str]:
        """Messages of the alert topic."""
        heard = boto3.client("sqs").receive_message(QueueUrl=self.heard_url, MaxNumberOfMessages=10)
        return [json.loads(each["Body"])["Message"] for each in heard.get("Messages", ())]

    def notices(self) -> dict[str, dict[str, Any]]:
        """Notices by the name of their object."""
        s3 = boto3.client("s3")
        found = s3.list_objects_v2(Bucket=LAKE, Prefix="warehouse/ops/notices/").get("Contents", ())
        return {
            each["Key"].rpartition("/")[2]: json.loads(
                s3.get_object(Bucket=LAKE, Key=each["Key"])["Body"].read()
            )
            for each in found
        }

    def metric(self, name: str) -> list[float]:
        """Values that were published."""
        from moto.cloudwatch.models import cloudwatch_backends

        data = cloudwatch_backends[ACCOUNT][REGION].metric_data
        return [each.value for each in data if (each.namespace, each.name) == (NAMESPACE, name)]

    def executions(self) -> list[str]:
        """ARNs of all executions of the flow."""
        arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{PREFIX_OF_NAMES}-flow"
        found = boto3.client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
        return [each["executionArn"] for each in found]

    def messages_waiting(self) -> int:
        told = boto3.client("sqs").get_queue_attributes(QueueUrl=self.landing_url, AttributeNames=["All"])
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return sum(int(told["Attributes"][name]) for name in names)


def _start(arn: str) -> str:
    # Without a name moto gives the execution no ARN in its own context.
    started = boto3.client("stepfunctions").start_execution(
        stateMachineArn=arn, input="{}", name=uuid.uuid4().hex
    )
    return str(started["executionArn"])


@dataclass(frozen=True)
class Execution:
    """How an execution ended, and the states it entered, in order."""

    arn: str
    status: str
    states: list[str]
    output: dict[str, Any]


def definition(name: str, topic_arn: str, **variables: Any) -> str:
    """A definition as Terraform renders it: the template's `${name}` replaced, and nothing else."""
    functions = {each: FUNCTION_ARN + each for each in dir(handlers) if not each.startswith("_")}
    values: dict[str, Any] = {
        "name_prefix": PREFIX_OF_NAMES,
        "alert_topic_arn": topic_arn,
        "backlog_records": 10000,
        "backlog_after_seconds": 900,
        "passes_per_execution": 3,
        **{f"{each}_arn": arn for each, arn in functions.items()},
        **variables,
    }
    template = (MODULE / f"{name}.asl.json.tftpl").read_text("utf-8")
    return re.sub(r"(?<!\$)\$\{(\w+)\}", lambda found: str(values[found[1]]), template)


def a_stage(stage: str, **told: Any) -> Job:
    """A run of a stage that ends well and leaves this token."""

    def run(world: FlowWorld, arguments: Mapping[str, str]) -> None:
        world.leave_token(stage, world.clock(), arguments["--setting-run-id"], **told)

    return run


def failing(*errors: Exception, then: Job) -> Job:
    """A run that fails so many times, and then does its work."""
    left = list(errors)

    def run(world: FlowWorld, arguments: Mapping[str, str]) -> None:
        if left:
            raise left.pop(0)
        then(world, arguments)

    return run


def always_failing(error: Exception) -> Job:
    """A run that never ends well."""

    def run(world: FlowWorld, arguments: Mapping[str, str]) -> None:
        raise error

    return run


@contextmanager
def flow_world() -> Iterator[FlowWorld]:
    """Empty places, and a fleet whose stages each find a little to do."""
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "WAREHOUSE_URI": WAREHOUSE,
        "METRIC_NAMESPACE": NAMESPACE,
        "CADENCE_MINUTES": json.dumps({"flow": 15, "gold": 60, "metrics": 60}),
        "ARCHIVE_URI": f"s3://{LAKE}/dead_letters",
        "ARCHIVE_AFTER_DAYS": "10",
    }
    executing: Any = {"stepfunctions": {"execute_state_machine": True}}
    with mock.patch.dict(os.environ, environment), mock_aws(config=executing):
        handlers._client.cache_clear()
        sqs, sns = boto3.client("sqs"), boto3.client("sns")
        boto3.client("s3").create_bucket(Bucket=LAKE)
        landing, dead, heard = (
            sqs.create_queue(QueueName=name, Attributes=FORTNIGHT)["QueueUrl"]
            for name in ("landing", "dead-letters", "heard")
        )
        topic = sns.create_topic(Name="alerts")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:heard")
        world = FlowWorld(topic, heard, landing, dead)
        world.jobs = {
            "bronze": a_stage("bronze", given_snapshot_id="11", files_read=4, records_written=400),
            "silver": a_stage("silver", taken_snapshot_id="11", given_snapshot_id="21", records_written=390),
            "drift": a_stage("drift", taken_snapshot_id="21", records_written=12),
            "gold": a_stage("gold", taken_snapshot_id="21", records_written=7),
            "metrics": a_stage("metrics"),
        }
        os.environ |= {"LANDING_QUEUE_URL": landing, "DEAD_LETTER_QUEUE_URL": dead}
        with _stand_ins(world):
            yield world
        handlers._client.cache_clear()


@contextmanager
def _stand_ins(world: FlowWorld) -> Iterator[None]:
    def lambda_stand_in(parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        name = parameters["FunctionName"].removeprefix(FUNCTION_ARN)
        try:
            if world.invalid_functions.get(name):
                code = world.invalid_functions[name].pop(0)
                failure = {"errorType": f"Lambda.{code}", "errorMessage": "Lambda could not be called"}
                return {"FunctionError": "Unhandled", "Payload": failure, "StatusCode": 500}
            answer = getattr(handlers, name)(json.loads(parameters["Payload"]), None)
            # As Lambda does: what JSON cannot say would fail there.
            return {"Payload": json.loads(json.dumps(answer)), "StatusCode": 200}
        except Exception as error:
            failure = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return {"FunctionError": "Unhandled", "Payload": failure, "StatusCode": 200}

    def start_stand_in(_service: Any, *, env: Any, normalised_parameters: dict[str, Any], **_: Any) -> None:
        job = normalised_parameters["JobName"]
        env.stack.append({"JobName": job, "JobRunId": f"jr_{len(world.runs)}"})

    def glue_job_stand_in(service: Any, *, env: Any, normalised_parameters: dict[str, Any], **_: Any) -> None:
        parameters = normalised_parameters
        stage = parameters["JobName"].removeprefix(f"{PREFIX_OF_NAMES}-")
        started = env.stack.pop()
        try:
            world.jobs[stage](world, parameters["Arguments"])
        except GlueJobBusyError as error:
            code = "ConcurrentRunsExceededException"
            raise ClientError({"Error": {"Code": code, "Message": str(error)}}, "StartJobRun") from error
        except GlueJobFailedError as error:
            world.runs.append((stage, dict(parameters["Arguments"])))
            raise _task_failed(service, env, started | {"ErrorMessage": str(error)}) from error
        world.runs.append((stage, dict(parameters["Arguments"])))
        env.stack.append(started | {"JobRunState": "SUCCEEDED", "Arguments": parameters["Arguments"]})

    def start_execution_stand_in(
        _service: Any, *, env: Any, normalised_parameters: dict[str, Any], **_: Any
    ) -> None:
        # Moto hands them on as the definition spells them: `StateMachineArn`.
        parameters = {name[0].lower() + name[1:]: value for name, value in normalised_parameters.items()}
        started = boto3.client("stepfunctions").start_execution(**parameters)
        env.stack.append({"ExecutionArn": started["executionArn"], "StartDate": str(started["startDate"])})

    with (
        mock.patch.object(lambda_eval_utils, "_invoke_lambda_function", lambda_stand_in),
        mock.patch.object(StateTaskServiceGlue, "_eval_service_task", start_stand_in),
        mock.patch.object(StateTaskServiceGlue, "_eval_integration_pattern", glue_job_stand_in),
        mock.patch.object(StateTaskServiceSfn, "_eval_service_task", start_execution_stand_in),
        mock.patch.object(retrier_decl, "time", mock.Mock(sleep=world.waits.append)),
        mock.patch.object(handlers, "_now", world.clock),
        mock.patch.object(curation, "WAIT_SECONDS", 0),
        mock.patch.object(dead_letters, "WAIT_SECONDS", 0),
        # A pass takes minutes; here it takes none.
        mock.patch.object(curation, "HIDDEN_SECONDS", 0),
    ):
        yield


def _task_failed(service: Any, env: Any, run: dict[str, Any]) -> FailureEventException:
    """What Step Functions makes of a job's run that ended as FAILED."""
    name = StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed)
    details = TaskFailedEventDetails(
        resource=service._get_sfn_resource(),
        resourceType=service._get_sfn_resource_type(),
        error=StatesErrorNameType.StatesTaskFailed.to_name(),
        cause=json.dumps(run | {"JobRunState": "FAILED"}),
    )
    return FailureEventException(
        FailureEvent(
            env=env,
            error_name=name,
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(taskFailedEventDetails=details),
        )
    )
