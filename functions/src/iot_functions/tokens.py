"""Reads the tokens that runs of stages have left: all checkpoints of the flow in one listing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from iot_common.run_token import PREFIX, RunToken, from_json, token_name
from iot_functions.settings import Place


@dataclass(frozen=True)
class Tokens:
    """Tokens by stage, each with the time S3 says it was written, oldest first.

    Attributes:
        listed: Stage -> its tokens' times and keys.
    """

    client: Any
    warehouse: Place
    listed: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)

    def newest(self, stage: str) -> RunToken | None:
        """The last one of a stage; None if it left none in the days for which tokens are kept."""
        written = self.listed.get(stage)
        return self._read(written[-1][1]) if written else None

    def since(self, stage: str, other: str) -> Sequence[RunToken]:
        """Tokens of a stage after the last one of another; all of them if that one has none."""
        seen = self.listed.get(other)
        last = _order(*seen[-1]) if seen else None
        after = [key for time, key in self.listed.get(stage, ()) if last is None or _order(time, key) > last]
        return [self._read(key) for key in after]

    def newest_first(self, stage: str) -> Iterator[RunToken]:
        """All of a stage, each read when it is asked for."""
        return (self._read(key) for _, key in reversed(self.listed.get(stage, [])))

    def of_run(self, stage: str, run_id: str) -> RunToken | None:
        """The token of one run; None if it left none."""
        key = self.warehouse.key(f"{PREFIX}/{token_name(stage, run_id)}")
        is_there = any(key == found for _, found in self.listed.get(stage, ()))
        return self._read(key) if is_there else None

    def _read(self, key: str) -> RunToken:
        content = self.client.get_object(Bucket=self.warehouse.bucket, Key=key)["Body"].read()
        return from_json(content, f"s3://{self.warehouse.bucket}/{key}")


def _order(time: datetime, key: str) -> tuple[datetime, str]:
    # S3 tells time in whole seconds; runs are named by the time they began, so names decide within one.
    return time, key.rpartition("/")[2]


def list_tokens(client: Any, warehouse: Place) -> Tokens:
    """What tokens there are; one request for a thousand of them, which are more than are kept."""
    prefix = warehouse.key(PREFIX) + "/"
    tokens = Tokens(client, warehouse)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=warehouse.bucket, Prefix=prefix)
    for found in (found for page in pages for found in page.get("Contents", ())):
        stage = found["Key"].removeprefix(prefix).partition("/")[0]
        tokens.listed.setdefault(stage, []).append((found["LastModified"], found["Key"]))
    for written in tokens.listed.values():
        written.sort()
    return tokens
