"""Runs checkov over the modules, and compares what it finds with what infra/accepted_findings.toml accepts.

    python3.11 infra/check_findings.py CHECKOV

Ends with 1 if there is a finding that is not accepted, or one accepted that is not found. Standard library only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

INFRA = Path(__file__).resolve().parent
MODULES = INFRA / "modules"
ACCEPTED = INFRA / "accepted_findings.toml"

Finding = tuple[str, str]
"""Check, and `<module>.<address>`."""


def findings(checkov: str) -> dict[Finding, str]:
    """What checkov finds in the modules, and what the check is called.

    Raises:
        SystemExit: If it did not look at every module.
    """
    command = [
        checkov,
        "--directory",
        str(MODULES),
        "--framework",
        "terraform",
        "--output",
        "json",
        "--soft-fail",
    ]
    quiet = {"LOG_LEVEL": "CRITICAL"}  # without a network it would tell of the guidelines it cannot fetch
    ended = subprocess.run(
        [*command, "--skip-download"], capture_output=True, text=True, env={**os.environ, **quiet}
    )
    if ended.returncode:
        sys.exit(f"checkov failed:\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    results = json.loads(ended.stdout)["results"]
    checked = {_module(each) for kind in ("passed_checks", "failed_checks") for each in results[kind]}
    if results["parsing_errors"]:
        sys.exit(f"checkov cannot read {', '.join(results['parsing_errors'])}")
    if "stage-job" not in checked or "storage" not in checked:
        sys.exit(f"checkov looked at {', '.join(sorted(checked)) or 'nothing'}, not at all modules")
    return {
        (each["check_id"], f"{_module(each)}.{each['resource']}"): each["check_name"]
        for each in results["failed_checks"]
    }


def _module(check: dict[str, str]) -> str:
    return check["file_path"].lstrip("/").partition("/")[0]


def accepted() -> set[Finding]:
    """What we accept; each with a reason."""
    entries = tomllib.loads(ACCEPTED.read_text("utf-8"))["finding"]
    for entry in entries:
        if len(entry.get("reason", "")) < 20:
            sys.exit(f"{ACCEPTED.name}: {entry['check']} is accepted without a reason")
    return {(entry["check"], resource) for entry in entries for resource in entry["resources"]}


def main(checkov: str) -> int:
    """Compare; the exit code is 0 if what is found is what is accepted."""
    found, known = findings(checkov), accepted()
    for check, resource in sorted(found.keys() - known):
        print(
            f"checkov: {resource}: {check}: {found[check, resource]}: mend it, or accept it in {ACCEPTED.name}"
        )
    for check, resource in sorted(known - found.keys()):
        print(
            f"checkov: {resource}: {check} is accepted in {ACCEPTED.name}, but is found no more: take it out"
        )
    print(f"checkov: {len(found)} findings, {len(known)} accepted")
    return 0 if found.keys() == known else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
