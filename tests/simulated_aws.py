"""S3 and the Glue catalog as moto's server on loopback. Simulated: one writer at a time, as it has no optimistic lock.

Nothing of the product knows of it. The processes find it by the AWS SDKs' own environment variables, and Spark by its
own defaults file.
"""

from __future__ import annotations

import logging
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import duckdb
from bare_python import AWS_JARS, built
from moto.server import ThreadedMotoServer
from pyiceberg.catalog import load_catalog

from iot_common.contracts.catalogue import TABLES
from iot_common.io.session import jar_folder

BUCKETS = ("landing", "lake", "artifacts")
WAREHOUSE = "s3://lake/warehouse"


@dataclass(frozen=True)
class SimulatedAws:
    """Where it listens, and how its callers find it."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to take it for AWS."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def spark_options(self) -> dict[str, str]:
        """Options that Glue's cluster has by itself (S3A under `s3://`, its jars), and the way to this server."""
        folders = (jar_folder().resolve(), built(AWS_JARS).resolve())
        jars = ":".join(str(jar) for folder in folders for jar in sorted(folder.glob("*.jar")))
        return {
            "spark.driver.extraClassPath": jars,
            "spark.executor.extraClassPath": jars,
            "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
            "spark.hadoop.fs.s3a.endpoint": self.url,
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.sql.catalog.driftlake.s3.path-style-access": "true",
        }


@contextmanager
def simulated_aws() -> Iterator[SimulatedAws]:
    """A server with empty buckets and databases, as Terraform makes them; this process takes it for AWS meanwhile."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # it tells of each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    aws = SimulatedAws(f"http://{host}:{port}")
    try:
        # What a server holds is kept in this process, and would be the next server's too.
        urllib.request.urlopen(urllib.request.Request(f"{aws.url}/moto-api/reset", method="POST"))
        with mock.patch.dict(os.environ, aws.environment):
            for bucket in BUCKETS:
                boto3.client("s3").create_bucket(Bucket=bucket)
            for name in sorted({table.partition(".")[0] for table in TABLES}):
                place = {"Name": name, "LocationUri": f"{WAREHOUSE}/{name}"}
                boto3.client("glue").create_database(DatabaseInput=place)
            yield aws
    finally:
        server.stop()


def upload(file: Path, bucket: str, key: str) -> str:
    """Put a file into S3, give it the time that S3 says it came, and return its URI."""
    s3: Any = boto3.client("s3")
    s3.upload_file(str(file), bucket, key)
    arrived = s3.head_object(Bucket=bucket, Key=key)["LastModified"].timestamp()
    os.utime(file, (arrived, arrived))
    return f"s3://{bucket}/{key}"


@contextmanager
def glue_tables(aws: SimulatedAws) -> Iterator[duckdb.DuckDBPyConnection]:
    """Every table of the Glue catalog, read without Spark, as `<database>.<table>` of a DuckDB."""
    catalog = load_catalog("driftlake", type="glue", **{"s3.endpoint": aws.url})
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    try:
        for name in TABLES:
            rows = catalog.load_table(name).scan().to_arrow()
            schema, _, table = name.partition(".")
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            connection.register(f"{schema}__{table}", rows)
            connection.execute(f"CREATE VIEW {schema}.{table} AS SELECT * FROM {schema}__{table}")
        yield connection
    finally:
        connection.close()
