"""The units of infra/live on moto's server in place of AWS: a copy of them that pins a release, the same units as one
Terraform configuration, and the server with the answers it lacks. Simulated: nothing here says what AWS would answer.

What moto cannot do is listed in moto_gaps.toml, each entry with its reason. The product's files are not changed for it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import tomllib
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any
from zipfile import ZipFile, ZipInfo

import boto3
import pytest
from moto.s3.models import s3_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

ROOT = Path(__file__).resolve().parents[1]
ACCOUNT = "210987654321"
JSON = "application/x-amz-json-1.0"

TOOLS = ROOT / ".cache/infra-tools/bin"

GAPS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("moto_gaps.toml").read_text("utf-8"))

Wsgi = Callable[..., Any]


def tool(name: str) -> str:
    """Path of terraform or terragrunt; where there is none the test is skipped by name, in CI it fails."""
    found = shutil.which(name, path=f"{TOOLS}{os.pathsep}{os.environ.get('PATH', '')}")
    if found:
        return found
    missing = (
        f"{name} is not installed; `mise install` or tools/install_infra_tools gets the version in mise.toml"
    )
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


class _StandIn:
    """moto's application with the answers of moto_gaps.toml to what it does not know, forgets or says otherwise."""

    def __init__(self, moto: Wsgi) -> None:
        self.moto = moto
        self.answers = {each["call"]: json.dumps(each["answer"]) for each in GAPS["answer"]}
        self.remembered: dict[tuple[str, str], str] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        # moto's way to be another account than that of AWS's documentation.
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = ACCOUNT
        call = request.headers.get("X-Amz-Target", "")
        body = request.get_data()
        environ["wsgi.input"] = BytesIO(body)
        if request.method == "POST" and request.path.endswith("/functions"):
            _publish(json.loads(body)["Code"])
        if call in self.answers:
            return Response(self.answers[call], content_type=JSON)(environ, start_response)
        self._remember(call, body)
        recalled = self._recalled(call, body)
        mended = [gap for gap in GAPS["said_otherwise"] if gap["call"] == call]
        if recalled is None and not mended:
            return self.moto(environ, start_response)
        answered = Response.from_app(self.moto, environ)
        if recalled is None and answered.status_code != 200:
            return answered(environ, start_response)
        # moto refuses to be asked for an attribute it does not know; asked for all, it answers with the others.
        said = json.loads(answered.get_data()) if answered.status_code == 200 else {}
        for gap in mended:
            _mend(said, gap["at"], gap["mend"])
        if recalled is not None:
            said["Attributes"] = said.get("Attributes", {}) | recalled
        return Response(json.dumps(said), content_type=JSON)(environ, start_response)

    def _remember(self, call: str, body: bytes) -> None:
        for gap in GAPS["forgotten"]:
            if call == gap["set_by"]:
                said = json.loads(body)
                if gap["attribute"] in said["Attributes"]:
                    self.remembered[said[gap["of"]], gap["attribute"]] = said["Attributes"][gap["attribute"]]

    def _recalled(self, call: str, body: bytes) -> dict[str, str] | None:
        for gap in GAPS["forgotten"]:
            if call == gap["got_by"]:
                asked = json.loads(body)
                value = self.remembered.get((asked[gap["of"]], gap["attribute"]))
                if value is not None and {"All", gap["attribute"]} & set(asked.get("AttributeNames", [])):
                    return {gap["attribute"]: value}
        return None


def _mend(said: dict[str, Any], at: Sequence[str], way: str) -> None:
    """Say a part of an answer as AWS does."""
    *outer, name = at
    for each in outer:
        said = said.get(each, {})
    if name not in said:
        return
    if way == "leave out":
        del said[name]
    elif way == "without spaces":
        said[name] = json.dumps(json.loads(said[name]), separators=(",", ":"))
    else:
        raise ValueError(f"moto_gaps.toml: no way to mend {name} by {way!r}")


def _archive() -> bytes:
    """Functions of a release, as far as their hash is concerned."""
    content = BytesIO()
    with ZipFile(content, "w") as archive:
        archive.writestr(ZipInfo("functions.py"), "")
    return content.getvalue()


ARCHIVE = _archive()


def _publish(code: Mapping[str, str]) -> None:
    """Put the archive where a function is to be made from; at once, since its bucket is as young."""
    s3_backends[ACCOUNT]["aws"].put_object(code["S3Bucket"], code["S3Key"], ARCHIVE)


@contextmanager
def moto_as_aws() -> Iterator[dict[str, str]]:
    """An empty moto server on loopback, and the environment in which terraform and terragrunt take it for AWS."""
    application = _StandIn(DomainDispatcherApplication(create_backend_app))
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # it tells of each request
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        # What a server holds is kept in this process, and would be the next server's too.
        urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST"))
        environment = _environment(url)
        make_state_bucket(environment, ACCOUNT)
        yield environment
    finally:
        server.shutdown()
        thread.join()


def make_state_bucket(environment: Mapping[str, str], account: str) -> None:
    """What `--backend-bootstrap` does on AWS: the policy that makes would, without its conditions, lock moto out."""
    boto3.client(
        "s3", endpoint_url=environment["AWS_ENDPOINT_URL"], region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    ).create_bucket(Bucket=f"driftlake-state-{account}")  # fmt: skip


def _environment(url: str) -> dict[str, str]:
    config = subprocess.run([ROOT / "infra/provider-config"], capture_output=True, text=True, check=True)
    plugins = ROOT / ".cache/terraform/plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_", "TG_"))},
        "AWS_ENDPOINT_URL": url,
        "AWS_ENDPOINT_URL_S3": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "CHECKPOINT_DISABLE": "true",
        "DRIFTLAKE_AWS_ACCOUNT_ID": ACCOUNT,
        "TF_CLI_CONFIG_FILE": config.stdout.strip(),
        "TF_PLUGIN_CACHE_DIR": str(plugins),
        # Without a lock file an init would install anew what is there, under the feet of the others.
        "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "true",
        "TF_IN_AUTOMATION": "true",
        "TF_CLI_ARGS_init": "-backend-config=use_path_style=true",
        "TG_TF_PATH": tool("terraform"),
        "TG_NON_INTERACTIVE": "true",
        "TG_NO_COLOR": "true",
        "TG_NO_TIPS": "true",
    }


_PROVIDER = """
generate "stand_in" {
  path      = "stand_in_override.tf"
  if_exists = "overwrite"
  contents  = "provider \\"aws\\" {\\n  s3_use_path_style = true\\n  max_retries = 2\\n}\\n"
}
"""
"""What a provider needs to speak to a server on loopback, beside what root.hcl says."""


@dataclass(frozen=True)
class Units:
    """A copy of the repository's units."""

    folder: Path
    environment: Mapping[str, str]

    @property
    def region(self) -> Path:
        """Folder of the environments."""
        return self.folder / "infra/live/primary/us-east-1"

    def terragrunt(self, *arguments: str, within: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """Run terragrunt in a folder below the region's."""
        command = [tool("terragrunt"), *arguments]
        environment = {**self.environment, **more}
        return subprocess.run(
            command, cwd=self.region / within, env=environment, capture_output=True, text=True
        )

    def plan(self, *options: str, within: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """Plan units with the state they have in the stand-in's S3: none."""
        run = ("run", "--tf-forward-stdout", *options)
        return self.terragrunt(
            *run, "--", "plan", "-input=false", "-no-color", "-lock=false", within=within, **more
        )

    def rendered(self, environment: str) -> dict[str, dict[str, Any]]:
        """What terragrunt makes of each unit of an environment."""
        ended = self.terragrunt("render", "--all", "--json", "--write", within=environment)
        assert ended.returncode == 0, ended.stderr
        return {
            path.parent.name: json.loads(path.read_text("utf-8"))
            for path in sorted((self.region / environment).glob("*/terragrunt.rendered.json"))
        }

    def pin(self, stage: str, pin: Mapping[str, str], environment: str = "dev") -> None:
        """Write a stage's version.hcl as a release does."""
        file = self.region / environment / stage / "version.hcl"
        text = file.read_text("utf-8")
        for name, digest in pin.items():
            text, found = re.subn(rf'({name}\s*=\s*)"[^"]*"', rf'\g<1>"{digest}"', text)
            assert found == 1, name
        file.write_text(text)


def copied_units(folder: Path, environment: Mapping[str, str]) -> Units:
    """A repository of its own with infra/ and what its units read; what says not-published pins a release."""
    named = {
        found
        for path in (ROOT / "infra/live").rglob("*.hcl")
        for found in re.findall(r"get_repo_root\(\)}/([\w-]+)", path.read_text("utf-8"))
    }
    for top in sorted(named | {"infra"}):
        skipped = shutil.ignore_patterns(".terraform*", ".terragrunt-cache", "__pycache__", "*.py", "tests")
        shutil.copytree(ROOT / top, folder / top, ignore=skipped)
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    units = Units(folder, environment)
    functions = sha256(ARCHIVE).hexdigest()
    for version in units.region.glob("*/*/version.hcl"):
        text = re.sub(
            r'(functions_sha256\s*=) "not-published"', rf'\1 "{functions}"', version.read_text("utf-8")
        )
        version.write_text(text.replace('"not-published"', f'"{"a" * 64}"'))
    for settings in units.region.glob("*/environment.hcl"):
        # Without a repository ci-role makes nothing.
        text = settings.read_text("utf-8")
        settings.write_text(re.sub(r"(github_repository\s*=) null", r'\1 "example/driftlake"', text))
    root = folder / "infra/live/root.hcl"
    root.write_text(root.read_text("utf-8") + _PROVIDER)
    return units


def as_one_configuration(rendered: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """All units of an environment as one root module, a provider for all: one process in place of one per unit.

    A unit is the module of its name, with the inputs terragrunt gives it, after the units it says it comes after.
    """
    modules: dict[str, dict[str, Any]] = {}
    for name, unit in rendered.items():
        given = {key: value for key, value in unit["inputs"].items() if value is not None}
        after = [Path(path).name for path in (unit["dependencies"] or {}).get("paths", [])]
        modules[name] = {"source": unit["terraform"]["source"].replace("//", "/"), **given}
        if after:
            modules[name]["depends_on"] = [f"module.{each}" for each in after]
    # A text with ${ is a text here, and not yet Terraform's.
    modules = json.loads(json.dumps(modules).replace("${", "$${"))
    provider = {"region": "us-east-1", "allowed_account_ids": [ACCOUNT], "s3_use_path_style": True}
    return {"provider": {"aws": {**provider, "max_retries": 2}}, "module": modules}
