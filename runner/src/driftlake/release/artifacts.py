"""The artifacts bucket: objects that are written once, by conditional puts, and never replaced."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from driftlake.aws import AwsUnreachableError
from driftlake.release.errors import HashMismatchError
from driftlake.release.manifest import sha256_of

_MISSING = {"404", "NoSuchKey", "NotFound"}
_EXISTS = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
"""The last two: another upload of the same key was under way."""


@dataclass(frozen=True)
class ArtifactBucket:
    """A bucket; `client` is boto3's of S3."""

    client: Any
    name: str

    def put_once(self, key: str, content: bytes) -> bool:
        """Write an object where there is none; False if there is one, whatever it holds.

        S3 checks the SHA-256 it is sent along, so what is there is whole.
        """
        digest = base64.b64encode(bytes.fromhex(sha256_of(content))).decode()
        with self._asking(f"put {key} into"):
            try:
                self.client.put_object(
                    Bucket=self.name, Key=key, Body=content, IfNoneMatch="*", ChecksumSHA256=digest
                )
            except self.client.exceptions.ClientError as error:
                if _code(error) in _EXISTS:
                    return False
                raise
        return True

    def read(self, key: str) -> bytes | None:
        """The content of an object; None if there is none."""
        with self._asking(f"read {key} of"):
            try:
                return bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())
            except self.client.exceptions.ClientError as error:
                if _code(error) in _MISSING:
                    return None
                raise

    def exists(self, key: str) -> bool:
        """True if there is such an object."""
        with self._asking(f"look for {key} in"):
            try:
                self.client.head_object(Bucket=self.name, Key=key)
            except self.client.exceptions.ClientError as error:
                if _code(error) in _MISSING:
                    return False
                raise
        return True

    def check(self, key: str, sha256: str) -> None:
        """Compare an object with the hash it must have: by the checksum S3 keeps, else by reading it.

        Raises:
            HashMismatchError: If it has another.
        """
        with self._asking(f"read the checksum of {key} in"):
            kept = self.client.head_object(Bucket=self.name, Key=key, ChecksumMode="ENABLED").get(
                "ChecksumSHA256"
            )
        # An object that was copied, or uploaded in parts, has none, or that of its parts with their number behind it.
        whole = kept and "-" not in kept
        found = base64.b64decode(kept).hex() if whole else sha256_of(self.read(key) or b"")
        if found != sha256:
            raise HashMismatchError(
                f"s3://{self.name}/{key}",
                sha256,
                found,
                "Somebody put it there by another way: delete it, and publish that release again.",
            )

    def keys(self, prefix: str) -> list[str]:
        """Keys that begin so, in their order."""
        with self._asking(f"list {prefix} of"):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
            return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def delete(self, key: str) -> None:
        """Delete an object: locks alone are ever deleted."""
        with self._asking(f"delete {key} of"):
            self.client.delete_object(Bucket=self.name, Key=key)

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise AwsUnreachableError(f"{what} s3://{self.name}", str(error)) from error


def _code(error: Any) -> str:
    return str(error.response["Error"]["Code"])
