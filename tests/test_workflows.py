"""The workflows of GitHub Actions and CODEOWNERS: valid, without stored keys, with no more rights than each job needs,
and nothing in them but commands that run here, too.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from driftlake.cli import app
from driftlake.release.deployables import deployables

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = {path.stem: path for path in sorted((ROOT / ".github/workflows").glob("*.yml"))}
ACTIONS = sorted((ROOT / ".github/actions").glob("*/action.yml"))
STAGES = ("bronze", "silver", "gold", "drift", "metrics")
READING = {"contents": "read"}
DEPLOYING = {"contents": "write", "id-token": "write"}

Job = dict[str, Any]


def _read(path: Path) -> dict[Any, Any]:
    return dict(yaml.safe_load(path.read_text("utf-8")))


def _jobs() -> Iterator[tuple[str, Job]]:
    for name, path in WORKFLOWS.items():
        for job, said in _read(path)["jobs"].items():
            yield f"{name}.{job}", said


def _steps() -> Iterator[tuple[str, Job]]:
    for name, job in _jobs():
        yield from ((name, step) for step in job.get("steps", ()))
    for path in ACTIONS:
        yield from ((path.parent.name, step) for step in _read(path)["runs"]["steps"])


def _commands() -> Iterator[tuple[str, list[str]]]:
    """Every command of every step, as words; what GITHUB_PATH is told is none."""
    for name, step in _steps():
        for line in str(step.get("run", "")).splitlines():
            words = shlex.split(re.sub(r"\$\{FROM:\+([^}]*)\}", r"\1", line))
            if words and words[0] == "tools/in_summary":
                words = words[2:]
            if words and words[0] != "echo":
                yield name, words


def _actionlint(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(ROOT / ".cache/infra-tools/bin"), os.environ.get("PATH", "")))
    for tool in ("actionlint", "shellcheck"):
        if not shutil.which(tool, path=path):
            if os.environ.get("CI") == "true":
                pytest.fail(f"{tool} is not installed; CI must have it (`make infra-tools`)")
            pytest.skip(f"{tool} is not installed; `mise install` or `make infra-tools` gets it")
    command = ["actionlint", "-no-color", *arguments]
    return subprocess.run(
        ["env", f"PATH={path}", *command], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def test_actionlint_finds_nothing_in_the_workflows():
    ended = _actionlint(*WORKFLOWS.values())
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_actionlint_finds_what_is_wrong(tmp_path: Path):
    wrong = tmp_path / "wrong.yml"
    text = WORKFLOWS["checks"].read_text("utf-8")
    wrong.write_text(
        text.replace("runs-on: ubuntu-24.04", "runs-on: ubuntu-1.04", 1).replace(
            "make lint", 'cd "$UNSET" && [ a'
        )
    )
    said = _actionlint(wrong).stdout
    assert "ubuntu-1.04" in said and "shellcheck reported" in said


def test_actions_are_of_github_or_aws_and_pinned_by_commit():
    used = {step["uses"] for _, step in _steps() if "uses" in step and not step["uses"].startswith("./")}
    assert len(used) >= 5
    for each in used:
        assert re.fullmatch(r"(actions|aws-actions)/[a-z-]+@[0-9a-f]{40}", each), each
    text = "".join(path.read_text("utf-8") for path in (*WORKFLOWS.values(), *ACTIONS))
    pins = set(re.findall(r"uses: ([a-z-]+/[a-z-]+@[0-9a-f]{40}) # (v\d+\.\d+\.\d+)\n", text))
    assert {pin for pin, _ in pins} == used, "each says its version"
    assert len({pin.partition("@")[0] for pin, _ in pins}) == len(pins), "one version of each"


def test_no_workflow_holds_a_key_or_runs_what_a_fork_sends_with_rights():
    for name, path in WORKFLOWS.items():
        text = path.read_text("utf-8")
        assert "secrets" not in text and "access-key" not in text, name
        assert "pull_request_target" not in text and "workflow_run" not in text, name
        assert _read(path)["permissions"] == READING, name


def test_a_job_has_rights_only_where_an_environment_guards_it():
    for name, job in _jobs():
        rights = job.get("permissions", READING)
        guarded = "environment" in job or str(job.get("uses", "")).endswith("/rollout.yml")
        if rights == READING:
            assert not guarded, name
        else:
            assert guarded and rights == (
                DEPLOYING if name != "plan.plan" else READING | {"id-token": "write"}
            ), name


def test_a_role_is_taken_by_oidc_and_is_the_one_of_the_jobs_environment():
    """As the module names them: `…-ci-plan` for `<environment>-plan`, `…-ci-deploy` for `<environment>`."""
    module = (ROOT / "infra/modules/ci-role/main.tf").read_text("utf-8")
    assert 'plan   = "${var.environment}-plan"' in module and "deploy = var.environment" in module
    assert '"${var.name_prefix}-ci-${each.key}"' in module
    taken = {}
    for name, job in _jobs():
        for step in job.get("steps", ()):
            if "configure-aws-credentials" in step.get("uses", ""):
                role = step["with"]["role-to-assume"]
                environment = re.sub(r"-plan$", "", job["environment"])
                kind = "plan" if environment != job["environment"] else "deploy"
                account = "${{ vars.DRIFTLAKE_AWS_ACCOUNT_ID }}"
                assert role == f"arn:aws:iam::{account}:role/driftlake-{environment}-{account}-ci-{kind}"
                taken[name] = kind
    assert taken == {"plan.plan": "plan", "rollout.rollout": "deploy", "rollback.rollback": "deploy"}


def test_a_name_that_somebody_chose_never_becomes_part_of_a_command():
    for name, step in _steps():
        assert "${{" not in str(step.get("run", "")), f"{name}: pass it by `env`"


def test_every_command_of_a_workflow_is_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    seen = set()
    for name, (program, *arguments) in _commands():
        seen.add(program)
        if program == "make":
            assert arguments and set(arguments) <= targets, (name, arguments)
        elif program == "driftlake":
            _assert_command(arguments)
        else:
            assert os.access(ROOT / program, os.X_OK), f"{name}: {program} is no program of this repository"
    assert {"make", "driftlake", "infra/places", "tools/push_pins"} <= seen


def _assert_command(words: list[str]) -> None:
    """The command line knows the command and each of its options."""
    command: Any = get_command(app)
    while hasattr(command, "commands"):
        assert words[0] in command.commands, f"driftlake has no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    options = {name for parameter in command.params for name in parameter.opts}
    if "--warehouse" in options:
        options.add("--env")  # taken in its place, before the command is looked up
    assert {word for word in words if word.startswith("--")} <= options, words


def test_pull_requests_pass_what_ci_runs():
    steps = re.findall(
        r"^step (\S+)|^exec make \S+ (\S+)", (ROOT / ".ci/run").read_text("utf-8"), flags=re.MULTILINE
    )
    in_ci = {first or last for first, last in steps}
    in_workflow = {
        target
        for name, (program, *arguments) in _commands()
        if program == "make" and name.startswith(("checks.", "set-up"))
        for target in arguments
    }
    assert in_ci == in_workflow


def test_prod_follows_dev_and_each_waits_for_the_checks():
    jobs = _read(WORKFLOWS["deploy"])["jobs"]
    assert set(jobs["dev"]["needs"]) == {"checks", "build"}
    assert jobs["prod"]["needs"] == "dev" and jobs["prod"]["with"] == {"environment": "prod", "from": "dev"}
    assert _read(WORKFLOWS["deploy"])[True] == {"push": {"branches": ["main"]}}, "YAML reads `on` as true"


def test_no_rollout_is_cancelled_half_way_and_no_rollback_waits():
    assert _read(WORKFLOWS["rollout"])["concurrency"]["cancel-in-progress"] is False
    assert "concurrency" not in _read(WORKFLOWS["rollback"])


def test_a_rollback_offers_every_stage_and_environment():
    inputs = _read(WORKFLOWS["rollback"])[True]["workflow_dispatch"]["inputs"]
    environments = {path.parent.name for path in (ROOT / "infra/live").glob("*/*/*/environment.hcl")}
    assert set(inputs["stage"]["options"]) == {each.name for each in deployables()}
    assert set(inputs["environment"]["options"]) == environments


def _owned() -> list[tuple[str, list[str]]]:
    lines = (ROOT / ".github/CODEOWNERS").read_text("utf-8").splitlines()
    return [(line.split()[0], line.split()[1:]) for line in lines if line and not line.startswith("#")]


def _owners(path: str) -> list[str]:
    """GitHub's rule for the patterns used there: folders from the root, `*` within a name, the last match counts."""
    owners: list[str] = []
    for pattern, teams in _owned():
        wanted = pattern.strip("/").split("/")
        parts = path.split("/")
        if pattern == "*" or (
            len(parts) > len(wanted)
            and all(fnmatchcase(part, want) for part, want in zip(parts, wanted, strict=False))
        ):
            owners = teams
    return owners


def test_every_stage_has_a_team_and_prod_a_second_look():
    for stage in STAGES:
        team = f"@your-org/{stage}"
        assert _owners(f"stages/{stage}/src/iot_{stage}/job.py") == [team]
        assert _owners(f"infra/live/primary/us-east-1/dev/{stage}/version.hcl") == [team]
        assert _owners(f"infra/live/primary/us-east-1/prod/{stage}/version.hcl") == [
            team,
            "@your-org/release-managers",
        ]
        assert team in _owners("libs/common/src/iot_common/contracts/table.py")
    assert _owners("infra/modules/ci-role/policy.tf") == _owners("pants.toml") == ["@your-org/platform"]


def test_every_line_of_codeowners_is_about_something_that_is_there():
    for pattern, _ in _owned():
        if pattern != "*":
            assert list(ROOT.glob(pattern.strip("/"))), pattern


def _git(folder: Path, *arguments: str) -> str:
    names = {
        f"GIT_{who}_{what}": "test@example.org"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    ended = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **names},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout.strip()


def _commit(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)
    _git(folder, "add", path)
    _git(folder, "commit", "-q", "-m", path)


@pytest.fixture
def clones(tmp_path: Path) -> tuple[Path, Path]:
    """A runner's clone and another's, of one repository."""
    _git(tmp_path, "init", "-q", "--bare", "-b", "main", "origin")
    _git(tmp_path, "clone", "-q", "origin", "theirs")
    _git(tmp_path / "theirs", "checkout", "-q", "-b", "main")
    _commit(tmp_path / "theirs", "README.md", "first")
    _git(tmp_path / "theirs", "push", "-q", "origin", "main")
    _git(tmp_path, "clone", "-q", "origin", "runner")
    return tmp_path / "runner", tmp_path / "theirs"


def _push_pins(folder: Path) -> subprocess.CompletedProcess[str]:
    names = {"GIT_COMMITTER_NAME": "test", "GIT_COMMITTER_EMAIL": "test@example.org"}
    return subprocess.run(
        [ROOT / "tools/push_pins"], cwd=folder, env={**os.environ, **names}, capture_output=True, text=True
    )


PIN = "infra/live/primary/us-east-1/dev/silver/version.hcl"


def test_pins_are_pushed_onto_what_others_pushed_meanwhile(clones: tuple[Path, Path]):
    runner, theirs = clones
    _commit(runner, PIN, "new pin")
    _commit(theirs, "docs/page.md", "merged meanwhile")
    _git(theirs, "push", "-q", "origin", "main")
    ended = _push_pins(runner)
    assert ended.returncode == 0, ended.stderr
    _git(theirs, "pull", "-q")
    assert (theirs / PIN).read_text() == "new pin" and (theirs / "docs/page.md").is_file()
    assert "no pin was changed" in _push_pins(runner).stdout


def test_nothing_but_pins_is_pushed(clones: tuple[Path, Path]):
    runner, theirs = clones
    _commit(runner, "infra/live/primary/us-east-1/dev/silver/terragrunt.hcl", "not a pin")
    ended = _push_pins(runner)
    assert ended.returncode == 1 and "terragrunt.hcl" in ended.stderr
    assert _git(theirs, "ls-remote", "origin", "main").split()[0] == _git(theirs, "rev-parse", "HEAD")


def test_a_pin_that_another_rollout_changed_is_left_to_people(clones: tuple[Path, Path]):
    runner, theirs = clones
    _commit(runner, PIN, "ours")
    _commit(theirs, PIN, "theirs")
    _git(theirs, "push", "-q", "origin", "main")
    ended = _push_pins(runner)
    assert ended.returncode == 1 and "push by hand" in ended.stderr
    assert (runner / PIN).read_text() == "ours", "the rebase was undone"


def test_a_summary_has_what_the_command_said_and_the_step_its_exit_code(tmp_path: Path):
    summary = tmp_path / "summary.md"
    command = [ROOT / "tools/in_summary", "Plan", "bash", "-c", "echo silver changes; echo why >&2; exit 5"]
    ended = subprocess.run(
        command, env={**os.environ, "GITHUB_STEP_SUMMARY": str(summary)}, capture_output=True, text=True
    )
    assert ended.returncode == 5 and ended.stdout == "silver changes\nwhy\n"
    assert summary.read_text() == "### Plan\n\n```\nsilver changes\nwhy\n```\n\n"


def test_places_are_all_units_but_those_with_a_pin_and_the_roles_of_workflows():
    for arguments in (("plan",), ("destroy", "dev"), ("plan", "qa"), ("plan", "../dev")):
        ended = subprocess.run([ROOT / "infra/places", *arguments], capture_output=True, text=True)
        assert ended.returncode == 2 and "usage: infra/places" in ended.stderr, arguments
