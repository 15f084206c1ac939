"""`make security` and the tools it installs: what makes them fail, and what does not. No tool is run here."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
import tomllib
import zipfile
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _module(path: Path) -> ModuleType:
    loader = SourceFileLoader(path.stem, str(path))
    spec = importlib.util.spec_from_loader(path.stem, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    loader.exec_module(module)
    return module


checks: Any = _module(ROOT / "tools/check_security.py")
tools: Any = _module(ROOT / "tools/install_infra_tools")


def test_a_finding_outside_the_accepted_places_is_told():
    known = [checks.Acceptance("B311", "bench/*")]
    seeded = checks.Finding("B311", "bench/drift/fleets.py", "line 1: random")
    secret = checks.Finding("B311", "runner/src/driftlake/tokens.py", "line 7: random")
    shell = checks.Finding("B602", "bench/drift/fleets.py", "line 9: shell")
    assert checks.disagreements([seeded], known) == []
    said = checks.disagreements([seeded, secret, shell], known)
    assert [line.split(":")[0] for line in said] == [secret.where, shell.where]
    assert "line 7: random" in said[0]


def test_what_is_accepted_but_found_no_more_is_told():
    (said,) = checks.disagreements([], [checks.Acceptance("B102", "libs/gone.py")])
    assert said.startswith("libs/gone.py: B102 is accepted") and "take it out" in said


def test_what_is_accepted_says_what_and_why():
    for entries in tomllib.loads(checks.ACCEPTED.read_text("utf-8")).values():
        for entry in entries:
            assert entry["where"] and entry["what"] and len(entry["reason"]) >= 20, entry["check"]


def test_every_program_of_ours_is_looked_at_and_no_test():
    files = checks.python_files()
    assert "tools/install_infra_tools" in files, "it has no suffix"
    assert {"infra/launcher/launch_stage.py", "stages/silver/src/iot_silver/job.py"} <= set(files)
    assert [name for name in files if "/tests/" in f"/{name}"] == []


def test_the_audit_sees_every_package_of_the_lock():
    packages = dict(checks.locked_packages(checks.LOCK.read_text("utf-8")))
    requirements = (ROOT / "3rdparty/python/requirements.txt").read_text("utf-8")
    pinned = dict(re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==(\S+)", requirements, flags=re.MULTILINE))
    assert len(pinned) > 20
    assert {name: packages[name] for name in pinned} == pinned
    assert len(packages) > len(pinned), "what comes in through others is locked, and audited, too"


def _report(*packages: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(packages)}


def test_an_advisory_is_a_finding_and_so_is_a_package_that_nobody_knows():
    advisory = {"id": "PYSEC-2024-1", "fix_versions": ["3.1.7"], "description": "x"}
    found = checks.audit_findings(
        _report(
            {"name": "jinja2", "version": "3.1.2", "vulns": [advisory]},
            {"name": "orjson", "version": "3.11.9", "vulns": []},
            {"name": "ours", "skip_reason": "not found"},
        )
    )
    assert {(each.check, each.where) for each in found} == {
        ("PYSEC-2024-1", "jinja2"),
        ("not-audited", "ours"),
    }
    assert "3.1.7" in next(each.text for each in found if each.where == "jinja2")


def test_a_service_that_knows_nothing_has_not_looked():
    with pytest.raises(checks.NoAdvisoriesError, match="not found"):
        checks.audit_findings(_report({"name": "jinja2", "skip_reason": "not found on PyPI"}))


def test_an_audit_without_a_service_is_skipped_by_name_or_fails_where_it_must_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    refusing = tmp_path / "pip-audit"
    refusing.write_text("#!/bin/sh\necho 'cannot resolve the host' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.delenv("DRIFTLAKE_REQUIRE_AUDIT", raising=False)
    assert checks.check_dependencies(refusing) == []
    assert "pip-audit: skipped: " in (said := capsys.readouterr().out) and "cannot resolve the host" in said
    monkeypatch.setenv("DRIFTLAKE_REQUIRE_AUDIT", "true")
    assert len(checks.check_dependencies(refusing)) == 1


def test_every_pinned_tool_can_be_installed_without_mise():
    assert set(tools.pinned_versions()) == set(tools.WAYS)
    assert tools.pinned_versions()["terraform"] in tools.TERRAFORM_SHA256


def test_terraform_is_taken_if_its_bytes_are_the_pinned_ones(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    archive = tmp_path / "release.zip"
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("terraform", "#!/bin/sh\necho Terraform v1.11.4\n")
    monkeypatch.setattr(tools, "TERRAFORM_ZIP", archive.as_uri())
    monkeypatch.setattr(tools.platform, "system", lambda: "Linux")
    monkeypatch.setattr(tools.platform, "machine", lambda: "x86_64")
    folder = tmp_path / "tool"
    folder.mkdir()
    with pytest.raises(tools.InstallError, match="has SHA-256"):
        tools.fetch_terraform("1.11.4", folder)
    monkeypatch.setattr(
        tools, "TERRAFORM_SHA256", {"1.11.4": hashlib.sha256(archive.read_bytes()).hexdigest()}
    )
    assert tools.version_of(tools.fetch_terraform("1.11.4", folder)) == "1.11.4"
