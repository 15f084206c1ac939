"""What the role of each stage may do, read from the policies that Terraform would make: no stage can change another's
tables. Nothing is asked of AWS; the policies are rendered by a plan. Conditions are not looked at, so what is found
allowed may in truth be allowed less, and what is found refused is refused. The same plan holds the names by which the
units know each other's places.
"""

from __future__ import annotations

import fnmatch
import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from iot_common.contracts.catalogue import TABLES

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("bronze", "silver", "gold", "drift", "metrics")
ACCOUNT, REGION = "123456789012", "us-east-1"
LAKE, LANDING, ARTIFACTS = "arn:aws:s3:::lake", "arn:aws:s3:::landing", "arn:aws:s3:::artifacts"
WRITING = ("s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload")
COMMITTING = ("glue:CreateTable", "glue:UpdateTable")
DROPPING = ("glue:DeleteTable", "glue:BatchDeleteTable", "glue:DeleteDatabase", "glue:DeleteTableVersion")

Policy = list[dict[str, Any]]


def _configuration() -> dict[str, Any]:
    """The five stage jobs, as the units wire them, with a provider that asks nobody."""
    offline = ("skip_credentials_validation", "skip_metadata_api_check", "skip_requesting_account_id")
    shared = {
        "source": str(ROOT / "infra/modules/stage-job"),
        "name_prefix": "driftlake-test",
        "account_id": ACCOUNT,
        "region": REGION,
        "warehouse_uri": "s3://lake/warehouse",
        "landing_uri": "s3://landing",
        "artifacts_uri": "s3://artifacts",
        "release": {f"{part}_sha256": "0" * 64 for part in ("pex", "manifest", "launcher")},
    }
    prefix = {"name_prefix": "driftlake-test"}
    account = {"account_id": ACCOUNT, "region": REGION}
    places: dict[str, dict[str, Any]] = {
        "storage": prefix,
        "messaging": {**prefix, **account, "landing_uri": "s3://driftlake-test-landing"},
        "ci-role": {
            **prefix,
            **account,
            "environment": "test",
            "repository": "example/driftlake",
            "state_bucket": "driftlake-state",
            "state_prefix": "primary/us-east-1/test",
        },
    }
    credentials = {"region": REGION, "access_key": "none", "secret_key": "none"}
    return {
        "provider": {"aws": credentials | dict.fromkeys(offline, True)},
        "module": {
            stage: {**shared, "stage": stage, **json.loads(_access_file(stage).read_text("utf-8"))}
            for stage in STAGES
        }
        | {
            place: {"source": str(ROOT / "infra/modules" / place), **inputs}
            for place, inputs in places.items()
        },
    }


def _access_file(stage: str) -> Path:
    return ROOT / "stages" / stage / "access.json"


def _terraform(folder: Path, environment: Mapping[str, str], *arguments: str) -> str:
    command = ["terraform", *arguments]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, f"{' '.join(command)}:\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Resources that a plan of the modules would make, by module."""
    if not shutil.which("terraform"):
        if os.environ.get("CI") == "true":
            pytest.fail("terraform is not installed; CI must have it")
        pytest.skip("terraform is not installed; `mise install` gets it")
    folder = tmp_path_factory.mktemp("stage-jobs")
    (folder / "main.tf.json").write_text(json.dumps(_configuration()))
    config = subprocess.run([ROOT / "infra/provider-config"], capture_output=True, text=True, check=True)
    environment = {
        **os.environ,
        "TF_CLI_CONFIG_FILE": config.stdout.strip(),
        "TF_DATA_DIR": str(folder / ".terraform"),
        "CHECKPOINT_DISABLE": "true",
    }
    _terraform(folder, environment, "init", "-input=false", "-no-color")
    _terraform(folder, environment, "plan", "-input=false", "-no-color", "-out=plan")
    plan = json.loads(_terraform(folder, environment, "show", "-json", "plan"))
    modules = plan["planned_values"]["root_module"]["child_modules"]
    return {module["address"].removeprefix("module."): module["resources"] for module in modules}


@pytest.fixture(scope="module")
def policies(planned: dict[str, list[dict[str, Any]]]) -> dict[str, Policy]:
    """Statements of each stage's role, as a plan of the module renders them."""
    return {stage: _statements(planned[stage]) for stage in STAGES}


def _statements(resources: list[dict[str, Any]]) -> Policy:
    """All that the role of one stage is granted: it has one policy, and none is attached from elsewhere."""
    kinds = [resource["type"] for resource in resources if resource["type"].startswith("aws_iam_")]
    assert sorted(kinds) == ["aws_iam_role", "aws_iam_role_policy"]
    (policy,) = (each for each in resources if each["type"] == "aws_iam_role_policy")
    return list(json.loads(policy["values"]["policy"])["Statement"])


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def may(policy: Policy, action: str, resource: str) -> bool:
    """True if a statement allows it; IAM's `*` and `?` match as here, across slashes."""
    return any(
        any(fnmatch.fnmatchcase(action.lower(), each.lower()) for each in _listed(statement["Action"]))
        and any(fnmatch.fnmatchcase(resource, each) for each in _listed(statement["Resource"]))
        for statement in policy
        if statement["Effect"] == "Allow"
    )


def _definition(table: str) -> str:
    return f"arn:aws:glue:{REGION}:{ACCOUNT}:table/{table.replace('.', '/')}"


def _files(table: str) -> tuple[str, ...]:
    folder = f"{LAKE}/warehouse/{table.replace('.', '/')}"
    return f"{folder}/metadata/00001.metadata.json", f"{folder}/data/day=2025-01-01/00000.parquet"


def _changes(policy: Policy, table: str) -> list[str]:
    """What a role may do to a table that changes it."""
    in_catalog = [action for action in (*COMMITTING, *DROPPING) if may(policy, action, _definition(table))]
    in_lake = [
        f"{action} {file}" for action in WRITING for file in _files(table) if may(policy, action, file)
    ]
    return in_catalog + in_lake


def test_access_files_say_what_the_contracts_say():
    spec = importlib.util.spec_from_file_location("write_stage_access", ROOT / "tools/write_stage_access.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    stale = [stage for stage in STAGES if _access_file(stage).read_text("utf-8") != tool.as_text(stage)]
    assert stale == [], "run `make contracts`"


def test_a_wildcard_in_a_policy_would_be_seen():
    everything: Policy = [{"Effect": "Allow", "Action": "s3:*", "Resource": f"{LAKE}/warehouse/*"}]
    assert may(everything, "s3:PutObject", _files("gold.place_hour")[0])
    assert not may(everything, "glue:UpdateTable", _definition("gold.place_hour"))


def test_no_stage_can_change_another_stages_tables(policies: dict[str, Policy]):
    assert set(policies) == set(STAGES)
    trespasses = {
        (stage, table.name): changes
        for stage, policy in policies.items()
        for table in TABLES.values()
        if table.owner != stage and (changes := _changes(policy, table.name))
    }
    assert trespasses == {}


def test_every_stage_can_write_its_own_tables_and_drop_none(policies: dict[str, Policy]):
    for table in TABLES.values():
        expected = [*COMMITTING, *(f"{action} {file}" for action in WRITING for file in _files(table.name))]
        assert _changes(policies[table.owner], table.name) == expected, table.name


def test_a_stage_opens_the_tables_of_its_contract_alone(policies: dict[str, Policy]):
    for stage, policy in policies.items():
        tables = json.loads(_access_file(stage).read_text("utf-8"))["tables"]
        opened = {
            t.name
            for t in TABLES.values()
            if any(may(policy, "s3:GetObject", file) for file in _files(t.name))
        }
        found = {t.name for t in TABLES.values() if may(policy, "glue:GetTable", _definition(t.name))}
        assert opened == found == {*tables["reads"], *tables["writes"]}, stage


def test_a_stage_keeps_its_own_checkpoints_releases_and_metric_rows_apart(policies: dict[str, Policy]):
    inbox = f"{LAKE}/warehouse/metric_inbox"
    for stage, policy in policies.items():
        for other in STAGES:
            checkpoint = f"{LAKE}/warehouse/checkpoints/{other}/query/offsets/0"
            report = f"{inbox}/2025-01-01T000000-{other}-0123456789ab.json"
            release = f"{ARTIFACTS}/stages/{other}/{'0' * 64}/{other}.pex"
            assert [may(policy, action, checkpoint) for action in WRITING] == [stage == other] * 3
            assert may(policy, "s3:GetObject", checkpoint) == (stage == other)
            assert may(policy, "s3:GetObject", release) == (stage == other)
            # The metrics stage makes the inbox where there is none.
            assert may(policy, "s3:PutObject", report) == (stage in (other, "metrics"))
        assert not may(policy, "s3:DeleteObject", f"{inbox}/2025-01-01T000000-{stage}-0123456789ab.json")


def test_an_owner_sees_where_the_streams_over_its_tables_begin_and_changes_nothing_there(
    policies: dict[str, Policy],
):
    streams = {(table.owner, stream) for table in TABLES.values() for stream in table.streamed_by}
    assert streams == {
        ("bronze", "silver/blocks"),
        *(("silver", stream) for stream in ("gold/windows", "drift/structural", "drift/statistical")),
    }
    for stage, policy in policies.items():
        for stream in {stream for _, stream in streams}:
            start = f"{LAKE}/warehouse/checkpoints/{stream}/sources/0/offsets/0"
            own = stream.startswith(f"{stage}/")
            assert may(policy, "s3:GetObject", start) == (own or (stage, stream) in streams)
            assert [may(policy, action, start) for action in WRITING] == [own] * 3


def test_no_stage_changes_a_release_or_what_has_landed(policies: dict[str, Policy]):
    for stage, policy in policies.items():
        for action in WRITING:
            assert not may(policy, action, f"{ARTIFACTS}/stages/{stage}/{'0' * 64}/{stage}.pex")
            assert not may(policy, action, f"{ARTIFACTS}/launcher/{'0' * 64}/launch_stage.py")
            assert not may(policy, action, f"{LANDING}/gateway-1/0.ndjson.gz")
        assert may(policy, "s3:GetObject", f"{LANDING}/gateway-1/0.ndjson.gz") == (stage == "bronze")


def test_lines_too_long_for_a_row_are_never_deleted(policies: dict[str, Policy]):
    line, block = f"{LAKE}/warehouse/oversize/0123", f"{LAKE}/warehouse/blocks/query/0/0.avro"
    for stage, policy in policies.items():
        assert not may(policy, "s3:DeleteObject", line)
        assert (
            may(policy, "s3:PutObject", line) == may(policy, "s3:DeleteObject", block) == (stage == "bronze")
        )


def test_a_role_reaches_no_further_service(policies: dict[str, Policy]):
    services = {
        action.partition(":")[0]
        for policy in policies.values()
        for statement in policy
        for action in _listed(statement["Action"])
    }
    assert services == {"s3", "glue", "logs"}
    resources = [each for p in policies.values() for s in p for each in _listed(s["Resource"])]
    assert [each for each in resources if ACCOUNT not in each and "arn:aws:s3:::" not in each] == []


def _named(resources: list[dict[str, Any]], kind: str, attribute: str = "name") -> set[str]:
    return {each["values"][attribute] for each in resources if each["type"] == kind}


def test_units_know_the_places_by_the_names_the_modules_give_them(planned: dict[str, list[dict[str, Any]]]):
    live = ROOT / "infra/live"
    root = (live / "root.hcl").read_text("utf-8").replace("${local.name_prefix}", "driftlake-test")
    buckets = _named(planned["storage"], "aws_s3_bucket", "bucket")
    assert buckets == {f"driftlake-test-{purpose}" for purpose in ("landing", "lake", "artifacts")}
    for bucket in buckets:
        assert f's3://{bucket}/warehouse"' in root or f's3://{bucket}"' in root
    (topic,) = _named(planned["messaging"], "aws_sns_topic")
    assert f':{topic}"' in root

    unit = (live / "primary/us-east-1/prod/observability/terragrunt.hcl").read_text("utf-8")
    unit = unit.replace("${include.root.locals.name_prefix}", "driftlake-test").replace("${stage}", "silver")
    queues = _named(planned["messaging"], "aws_sqs_queue")
    said = {
        name for name in _named(planned["silver"], "aws_cloudwatch_log_group") if name.endswith("/output")
    }
    for name in (*queues, *said, *_named(planned["silver"], "aws_glue_job"), "driftlake-test-lake"):
        assert f'"{name}"' in unit


@pytest.fixture(scope="module")
def boundary(planned: dict[str, list[dict[str, Any]]]) -> Policy:
    """The most that a role may do which a workflow made."""
    (policy,) = (each for each in planned["ci-role"] if each["address"].endswith("aws_iam_policy.boundary"))
    return list(json.loads(policy["values"]["policy"])["Statement"])


def test_the_boundary_takes_nothing_from_a_stage(policies: dict[str, Policy], boundary: Policy):
    allowed = {action for statement in boundary for action in _listed(statement["Action"])}
    needed = {
        action
        for policy in policies.values()
        for statement in policy
        for action in _listed(statement["Action"])
    }
    assert needed <= allowed


def test_the_boundary_ends_at_the_environment(boundary: Policy):
    for place, inside in (("driftlake-test-lake", True), ("driftlake-prod-lake", False)):
        assert may(boundary, "s3:PutObject", f"arn:aws:s3:::{place}/warehouse/gold/x.parquet") == inside
    for action in ("iam:PutRolePolicy", "iam:CreateUser", "sts:AssumeRole", "s3:PutBucketPolicy"):
        assert not may(boundary, action, "*"), action


def test_a_deployment_may_touch_what_the_modules_name(planned: dict[str, list[dict[str, Any]]]):
    changes = [
        statement
        for each in planned["ci-role"]
        if each["type"] == "aws_iam_policy" and each.get("index") in ("releases", "places")
        for statement in json.loads(each["values"]["policy"])["Statement"]
    ]
    (bucket,) = (
        each for each in _named(planned["storage"], "aws_s3_bucket", "bucket") if each.endswith("-lake")
    )
    (queue, *_) = _named(planned["messaging"], "aws_sqs_queue")
    (topic,) = _named(planned["messaging"], "aws_sns_topic")
    (job,) = _named(planned["silver"], "aws_glue_job")
    (group, *_) = _named(planned["silver"], "aws_cloudwatch_log_group")
    (role,) = _named(planned["silver"], "aws_iam_role")
    here = f"{REGION}:{ACCOUNT}"
    for action, resource in {
        "s3:PutLifecycleConfiguration": f"arn:aws:s3:::{bucket}",
        "sqs:SetQueueAttributes": f"arn:aws:sqs:{here}:{queue}",
        "sns:SetTopicAttributes": f"arn:aws:sns:{here}:{topic}",
        "glue:UpdateJob": f"arn:aws:glue:{here}:job/{job}",
        "logs:PutRetentionPolicy": f"arn:aws:logs:{here}:log-group:{group}",
        "iam:PutRolePolicy": f"arn:aws:iam::{ACCOUNT}:role/{role}",
        "s3:PutObject": "arn:aws:s3:::driftlake-test-artifacts/stages/silver/0/silver.pex",
    }.items():
        assert may(changes, action, resource), (action, resource)
        assert not may(changes, action, resource.replace("driftlake-test", "driftlake-prod")), resource
