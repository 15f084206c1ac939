"""Runs bandit over the Python code and pip-audit over the lock, and compares both with what is accepted.

    python3.11 tools/check_security.py TOOLS

TOOLS is the folder of the two programs. Ends with 1 if something is found that tools/accepted_security.toml does not
accept, or if that accepts what is found no more. Where no service of advisories can be reached, the audit is skipped by
name; with DRIFTLAKE_REQUIRE_AUDIT=true that is a failure. Standard library only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ACCEPTED = ROOT / "tools/accepted_security.toml"
LOCK = ROOT / "3rdparty/python/default.lock"

SERVICES = ("pypi", "osv")
"""Where pip-audit asks for advisories: the package index, and the database behind its list."""


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that a tool objects to.

    Attributes:
        check: Bandit's number of the check, or the advisory's.
        where: A path in the repository, or a package.
        text: What to tell.
    """

    check: str
    where: str
    text: str


@dataclass(frozen=True)
class Acceptance:
    """What we accept: one check in the places that a pattern matches (`*` crosses slashes), with a reason."""

    check: str
    where: str

    def covers(self, finding: Finding) -> bool:
        """True if the finding is of this check, in one of these places."""
        return finding.check == self.check and fnmatchcase(finding.where, self.where)


class NoAdvisoriesError(Exception):
    """No service of advisories answers here."""


def accepted(tool: str) -> list[Acceptance]:
    """What we accept of one tool.

    Raises:
        SystemExit: If something is accepted without a reason.
    """
    entries = tomllib.loads(ACCEPTED.read_text("utf-8")).get(tool, [])
    for entry in entries:
        if len(entry.get("reason", "")) < 20:
            sys.exit(f"{ACCEPTED.name}: {entry['check']} is accepted without a reason")
    return [Acceptance(entry["check"], where) for entry in entries for where in entry["where"]]


def disagreements(found: Iterable[Finding], known: Sequence[Acceptance]) -> list[str]:
    """What is found and not accepted, and what is accepted and not found, as lines to print."""
    found = sorted(set(found))
    new = [each for each in found if not any(acceptance.covers(each) for acceptance in known)]
    stale = [each for each in known if not any(each.covers(finding) for finding in found)]
    return [
        *(
            f"{each.where}: {each.check}: {each.text}: mend it, or accept it in {ACCEPTED.name}"
            for each in new
        ),
        *(
            f"{each.where}: {each.check} is accepted in {ACCEPTED.name}, but is found no more: take it out"
            for each in stale
        ),
    ]


def python_files() -> list[str]:
    """Python of the repository that is not a test's: also what has no suffix, but names Python in its first line."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = sorted(name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())
    return [name for name in names if "tests" not in Path(name).parts and _is_python(ROOT / name)]


def _is_python(path: Path) -> bool:
    if path.suffix:
        return path.suffix == ".py"
    with path.open("rb") as file:
        return file.readline().startswith(b"#!") and b"python" in path.read_bytes().splitlines()[0]


def bandit_findings(report: Mapping[str, Any]) -> list[Finding]:
    """Findings of bandit's JSON report.

    Raises:
        SystemExit: If bandit could not read a file.
    """
    if report["errors"]:
        sys.exit(f"bandit cannot read {', '.join(each['filename'] for each in report['errors'])}")
    return [
        Finding(
            each["test_id"],
            each["filename"].removeprefix("./"),
            f"line {each['line_number']}: {each['issue_text']}",
        )
        for each in report["results"]
    ]


def locked_packages(text: str) -> list[tuple[str, str]]:
    """Name and version of all that the lock pins; it is JSON behind lines that begin with `//`."""
    lines = (line for line in text.splitlines() if not line.startswith("//"))
    lock = json.loads("\n".join(lines))
    pinned = {
        (each["project_name"], each["version"])
        for resolve in lock["locked_resolves"]
        for each in resolve["locked_requirements"]
    }
    return sorted(pinned)


def audit_findings(report: Mapping[str, Any]) -> list[Finding]:
    """Findings of pip-audit's JSON report; a package that the service does not know is one too.

    Raises:
        NoAdvisoriesError: If the service knows none of the packages: then nobody has looked.
    """
    packages = report["dependencies"]
    if packages and all("skip_reason" in each for each in packages):
        raise NoAdvisoriesError(packages[0]["skip_reason"])
    unknown = [
        Finding("not-audited", each["name"], each["skip_reason"])
        for each in packages
        if "skip_reason" in each
    ]
    return unknown + [
        Finding(
            advisory["id"],
            each["name"],
            f"{each['version']}, mended in {', '.join(advisory['fix_versions']) or 'no release'}",
        )
        for each in packages
        for advisory in each.get("vulns", [])
    ]


def ask(pip_audit: Path, service: str, requirements: Path) -> list[Finding]:
    """What one service says of the locked packages.

    Raises:
        NoAdvisoriesError: If it does not answer.
    """
    # Nothing is resolved or installed: the lock has it all.
    command = [pip_audit, "--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    ended = subprocess.run(
        [*command, "--vulnerability-service", service, "--timeout", "15", "--requirement", requirements],
        capture_output=True,
        text=True,
    )
    try:
        report = json.loads(ended.stdout)
    except ValueError:
        raise NoAdvisoriesError((ended.stderr.strip().splitlines() or ["no answer"])[-1][:200]) from None
    return audit_findings(report)


def audit(pip_audit: Path) -> list[Finding]:
    """What the first service that answers says of the lock.

    Raises:
        NoAdvisoriesError: If none answers.
    """
    packages = locked_packages(LOCK.read_text("utf-8"))
    refused = ""
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "locked.txt"
        requirements.write_text("".join(f"{name}=={version}\n" for name, version in packages))
        for service in SERVICES:
            try:
                found = ask(pip_audit, service, requirements)
                print(f"pip-audit: {len(packages)} locked packages, asked {service}")
                return found
            except NoAdvisoriesError as error:
                refused += f"; {service}: {error}"
    raise NoAdvisoriesError(refused.removeprefix("; "))


def check_code(bandit: Path) -> list[str]:
    """Disagreements between bandit and what we accept."""
    files = python_files()
    ended = subprocess.run(
        [bandit, "--quiet", "--format", "json", *files], cwd=ROOT, capture_output=True, text=True
    )
    if ended.returncode not in (0, 1):
        sys.exit(f"bandit failed:\n{ended.stderr[-2000:]}")
    found = bandit_findings(json.loads(ended.stdout))
    print(f"bandit: {len(files)} files, {len(found)} findings")
    return disagreements(found, accepted("bandit"))


def check_dependencies(pip_audit: Path) -> list[str]:
    """Disagreements between the advisories and what we accept; none where no service can be asked."""
    try:
        return disagreements(audit(pip_audit), accepted("audit"))
    except NoAdvisoriesError as error:
        said = f"pip-audit: skipped: no service of advisories can be reached ({error})"
        if os.environ.get("DRIFTLAKE_REQUIRE_AUDIT") == "true":
            return [said]
        print(said)
        return []


def main(tools: Path) -> int:
    """Run both; the exit code is 0 if what is found is what is accepted."""
    problems = [*check_code(tools / "bandit"), *check_dependencies(tools / "pip-audit")]
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
