"""What the launcher runs and what it refuses, with stages of three lines in place of the real ones."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import boto3
import pytest
from bare_python import LAUNCHER
from simulated_aws import simulated_aws

STAGE = """
import json, sys

def main(argv):
    print(json.dumps(list(argv)))
    return 1 if "--fail=1" in argv else 0
"""


def a_pex(path: Path, stage: str = STAGE) -> Path:
    """A zip with the parts of a PEX that the launcher looks at."""
    with zipfile.ZipFile(path, "w") as pex:
        pex.writestr("PEX-INFO", json.dumps({"entry_point": "iot_tiny:main"}))
        pex.writestr("iot_tiny.py", stage)
        pex.writestr("iot_common/__init__.py", "")
        pex.writestr("iot_common/pex.py", "ARCHIVE_VARIABLE = 'DRIFTLAKE_PEX'\ndef activate(): pass\n")
    return path


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def launch(
    *arguments: str | Path, environment: Mapping[str, str] = os.environ
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(LAUNCHER), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=dict(environment),
    )


def assert_refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    """Exit code 2, one line that says why, and no stage was run."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("launch_stage: ")
    assert done.stderr.count("\n") == 1
    for words in said:
        assert words in done.stderr


def test_hands_on_what_follows_the_dashes(tmp_path: Path) -> None:
    done = launch("--pex", a_pex(tmp_path / "tiny.pex"), "--", "--landing", "a b", "--setting-x", "1")
    assert (done.returncode, json.loads(done.stdout)) == (0, ["--landing", "a b", "--setting-x", "1"])


def test_turns_a_jobs_settings_into_the_stages_arguments_and_passes_over_glues_own(tmp_path: Path) -> None:
    pex = a_pex(tmp_path / "tiny.pex")
    ours = [
        "--pex",
        pex,
        "--setting-landing",
        "s3://a/b",
        "--setting-trigger-seconds=0",
        "--setting-note",
        "",
    ]
    done = launch(
        "true", "--JOB_ID", "j_1", "true", *ours, "--enable-metrics", "true", "--JOB_NAME", "bronze"
    )
    expected = ["--master", "", "--landing=s3://a/b", "--trigger-seconds=0", "--note="]
    assert (done.returncode, json.loads(done.stdout)) == (0, expected)


def test_a_value_may_look_like_an_option(tmp_path: Path) -> None:
    done = launch("--pex", a_pex(tmp_path / "tiny.pex"), "--setting-note", "--pex")
    assert json.loads(done.stdout)[2:] == ["--note=--pex"]


def test_ends_with_the_code_of_the_stage(tmp_path: Path) -> None:
    assert launch("--pex", a_pex(tmp_path / "tiny.pex"), "--setting-fail", "1").returncode == 1


def test_runs_the_pex_it_is_pinned_to(tmp_path: Path) -> None:
    pex = a_pex(tmp_path / "tiny.pex")
    assert launch("--pex", f"file://{pex}", "--pex-sha256", sha256_of(pex).upper()).returncode == 0


def test_refuses_a_pex_with_another_hash(tmp_path: Path) -> None:
    pinned, other = a_pex(tmp_path / "tiny.pex"), a_pex(tmp_path / "other.pex", STAGE + "# newer\n")
    done = launch("--pex", other, "--pex-sha256", sha256_of(pinned), "--", "--x")
    assert_refused(done, sha256_of(pinned), sha256_of(other), "was not run")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no --pex"),
        (["--setting-landing", "x"], "no --pex"),
        (["--pex"], "--pex has no value"),
        (["--pex", "{pex}", "--setting-landing"], "--setting-landing has no value"),
        (["--pex", "{pex}", "--pex-sha256", "abc"], "64 hexadecimal digits"),
        (["--pex", "s3://artifacts/x.pex"], "not pinned"),
        (["--pex", "{folder}/absent.pex"], "there is no PEX"),
        (["--pex", "{folder}"], "there is no PEX"),
        (["--pex", "{text}"], "is no PEX file"),
        (["--pex", "{zip}"], "is no PEX file"),
    ],
)
def test_refuses_what_names_no_pex(arguments: list[str], said: str, tmp_path: Path) -> None:
    named = {"folder": tmp_path, "text": tmp_path / "text.pex", "zip": tmp_path / "empty.pex"}
    named["text"].write_text("no zip")
    zipfile.ZipFile(named["zip"], "w").close()
    named["pex"] = a_pex(tmp_path / "tiny.pex")
    assert_refused(launch(*[argument.format(**named) for argument in arguments]), said)


def test_fetches_from_s3_what_is_whole_and_refuses_the_rest(tmp_path: Path) -> None:
    pex = a_pex(tmp_path / "tiny.pex")
    sha256 = sha256_of(pex)
    with simulated_aws() as aws:
        environment = os.environ | aws.environment
        s3 = boto3.client("s3")
        s3.upload_file(str(pex), "artifacts", "tiny/whole.pex")
        s3.put_object(Bucket="artifacts", Key="tiny/half.pex", Body=pex.read_bytes()[:200])
        whole, half, absent, nowhere = (
            launch("--pex", f"s3://{place}.pex", "--pex-sha256", sha256, environment=environment)
            for place in ("artifacts/tiny/whole", "artifacts/tiny/half", "artifacts/tiny/absent", "nowhere/x")
        )
    assert whole.returncode == 0, whole.stderr
    assert_refused(half, "SHA-256", sha256)
    assert_refused(absent, "cannot fetch s3://artifacts/tiny/absent.pex", "published whole")
    assert_refused(nowhere, "cannot fetch s3://nowhere/x.pex")


def test_says_so_where_there_are_no_credentials(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    done = launch("--pex", "s3://artifacts/x.pex", "--pex-sha256", "0" * 64, environment=environment)
    assert_refused(done, "cannot fetch s3://artifacts/x.pex", "credentials")
