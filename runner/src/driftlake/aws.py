"""A deployed warehouse, for the commands that only read: tables of the Glue catalog, objects in S3.

Account and region are those of the credentials in force, found as every AWS tool finds them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from iot_common.contracts.catalogue import TABLES
from iot_common.errors import DriftlakeError

if TYPE_CHECKING:
    import duckdb


class AwsUnreachableError(DriftlakeError):
    """AWS did not answer, or refused."""

    def __init__(self, asked: str, reason: str) -> None:
        super().__init__(
            f"cannot {asked}: {reason}. Check the credentials and the region (AWS_PROFILE, AWS_REGION); log in again "
            "if they have expired, and ask for the reader's role if access is denied."
        )
        self.reason = reason


def is_deployed(warehouse: str) -> bool:
    """True for a warehouse in S3."""
    return warehouse.startswith("s3://")


def glue_tables(warehouse: str) -> list[tuple[str, str, str]]:
    """Database, table and metadata file of our tables that lie under a warehouse, in the order of their names.

    Raises:
        AwsUnreachableError: If the Glue catalog does not answer.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    found = []
    try:
        glue = boto3.Session().client("glue")
        for database in sorted({name.partition(".")[0] for name in TABLES}):
            found += [(database, *table) for table in _tables_of(glue, database)]
    except (BotoCoreError, ClientError) as error:
        raise AwsUnreachableError("list the tables of the Glue catalog", str(error)) from error
    prefix = f"{warehouse.rstrip('/')}/"
    return sorted(table for table in found if table[2].startswith(prefix))


def _tables_of(glue: Any, database: str) -> list[tuple[str, str]]:
    try:
        pages = list(glue.get_paginator("get_tables").paginate(DatabaseName=database))
    except glue.exceptions.EntityNotFoundException:
        return []
    tables = (table for page in pages for table in page["TableList"])
    return [
        (table["Name"], table["Parameters"]["metadata_location"])
        for table in tables
        if "metadata_location" in table.get("Parameters", {})
    ]


def let_duckdb_read_s3(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a DuckDB with the extension `httpfs` the credentials in force.

    Raises:
        AwsUnreachableError: If there are none.
    """
    import boto3

    session = boto3.Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise AwsUnreachableError("read S3", "no credentials found")
    frozen = credentials.get_frozen_credentials()
    options = {
        "KEY_ID": frozen.access_key,
        "SECRET": frozen.secret_key,
        "SESSION_TOKEN": frozen.token or "",
        "REGION": session.region_name or "us-east-1",
    }
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3")
    if endpoint:
        scheme, _, host = endpoint.partition("://")
        options |= {
            "ENDPOINT": host,
            "URL_STYLE": "path",
            "USE_SSL": "true" if scheme == "https" else "false",
        }
    listed = ", ".join(f"{name} {_quoted(value)}" for name, value in options.items())
    connection.execute(f"CREATE SECRET (TYPE s3, {listed})")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
