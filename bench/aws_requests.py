"""How many requests a run of each stage sends to S3 and the Glue catalog, which the cost model prices.

    make bench-requests

Counted on moto's server, simulated: S3A and Iceberg ask it what they ask S3. Three ticks of a small fleet; the third
one counts, since the first makes tables and finds no checkpoint. The size of a batch hardly matters: a stage opens the
same tables for ten readings and for a million. What does is the number of landing objects: here about 17, what one
gateway sends in 15 minutes. The listing of those that are kept longer is not in it; the model adds it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from bare_python import STAGES, spark_defaults  # noqa: E402
from simulated_aws import WAREHOUSE, SimulatedAws, simulated_aws, upload  # noqa: E402

from iot_simulator.config import SimulationConfig  # noqa: E402
from iot_simulator.scenario import load_scenario  # noqa: E402
from iot_simulator.simulation import simulate  # noqa: E402

RESULT = HERE.parent / "runner/src/driftlake/cost/stage_requests.json"
TICKS = 3
OWN_SETTINGS = {
    "bronze": ("--landing", "s3://landing/readings"),
    "drift": ("--reference-hours", "4", "--reference-min-windows", "12"),
}
_REQUEST = re.compile(r"(GET|HEAD|PUT|POST|DELETE) (\S+) HTTP")


class Requests(logging.Handler):
    """Counts the server's log lines by what AWS bills them as."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.counts: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Count one request."""
        found = _REQUEST.search(record.getMessage())
        if found:
            self.counts[billed_as(*found.groups())] += 1


def billed_as(method: str, path: str) -> str:
    """`catalog`, `s3_writes` (PUT, COPY, POST, LIST), `s3_reads` (GET, HEAD) or `free` (deletions)."""
    if method == "POST" and path == "/":
        return "catalog"
    if method == "DELETE" or (method == "POST" and "?delete" in path):
        return "free"
    is_list = method == "GET" and ("list-type=" in path or "delimiter=" in path)
    return "s3_writes" if is_list or method in ("PUT", "POST") else "s3_reads"


def counted(folder: Path, aws: SimulatedAws, requests: Requests) -> dict[str, dict[str, int]]:
    """Requests of each stage in the last tick."""
    landing = folder / "landing"
    config = SimulationConfig(
        events=6000, devices=20, gateways=1, object_minutes=30, scenario=load_scenario("demo")
    )
    simulate(config, landing)
    files = sorted(file for file in landing.rglob("*") if file.is_file())
    conf = str(spark_defaults(folder / "conf", aws.spark_options))
    found: dict[str, dict[str, int]] = {}
    for tick in range(TICKS):
        for file in files[tick * len(files) // TICKS : (tick + 1) * len(files) // TICKS]:
            upload(file, "landing", f"readings/{file.relative_to(landing)}")
        for stage in STAGES:
            requests.counts.clear()
            command = [
                sys.executable,
                "-m",
                f"iot_{stage}.job",
                "--warehouse",
                WAREHOUSE,
                "--catalog",
                "glue",
            ]
            command += OWN_SETTINGS.get(stage, ())
            subprocess.run(command, check=True, env=os.environ | {"SPARK_CONF_DIR": conf})
            found[stage] = {name: requests.counts[name] for name in ("s3_writes", "s3_reads", "catalog")}
    return found


def main() -> None:
    """Count, print, and hand the result to the cost model."""
    requests = Requests()
    with tempfile.TemporaryDirectory(prefix="driftlake-bench-") as name, simulated_aws() as aws:
        log = logging.getLogger("werkzeug")
        log.setLevel(logging.INFO)
        log.propagate = False
        log.addHandler(requests)
        stages = counted(Path(name), aws, requests)
    says = f"`make bench-requests` on {datetime.now(UTC):%Y-%m-%d}, simulated S3 and Glue catalog"
    text = json.dumps({"basis": "measurement", "says": says, "stages": stages}, indent=2) + "\n"
    print(text)
    RESULT.write_text(text)


if __name__ == "__main__":
    main()
