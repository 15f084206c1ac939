"""What is published: whole or not at all, once and for ever. S3 is moto's server: simulated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from release_world import World, release_world

from driftlake.aws import AwsUnreachableError
from driftlake.release.artifacts import ArtifactBucket
from driftlake.release.deployables import chosen
from driftlake.release.errors import HashMismatchError, NotPublishedError, VersionNotFoundError
from driftlake.release.publish import (
    check_published,
    find_published,
    missing_parts,
    publish,
    published_manifest,
    published_releases,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with release_world(tmp_path) as made:
        yield made


class Breaking:
    """S3 of which the connection is cut at the n-th put."""

    def __init__(self, client: Any, puts: int) -> None:
        self._client = client
        self._left = puts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_object(self, **arguments: Any) -> Any:
        if self._left == 0:
            raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "expired"}}, "PutObject")
        self._left -= 1
        return self._client.put_object(**arguments)


def test_the_program_goes_first_and_the_manifest_last(world: World):
    built = world.build("silver")["silver"]
    hashes = built.manifest.hashes
    done = publish(world.bucket, built)
    assert list(done.put) == [
        f"stages/silver/{hashes['artifact']}/silver.pex",
        f"launcher/{hashes['launcher']}/launch_stage.py",
        f"stages/silver/{hashes['artifact']}/manifest-{hashes['manifest']}.json",
    ]
    check_published(world.bucket, built.deployable, hashes)
    assert published_manifest(world.bucket, built.deployable, hashes) == built.manifest


@pytest.mark.parametrize("puts", [1, 2])
def test_a_publish_that_was_cut_off_is_no_release_and_is_ended_by_the_same_command(world: World, puts: int):
    built = world.build("silver")["silver"]
    cut = ArtifactBucket(Breaking(world.bucket.client, puts), world.bucket.name)
    with pytest.raises(AwsUnreachableError, match=r"ExpiredToken.*log in again if they have expired"):
        publish(cut, built)
    assert published_releases(world.bucket, built.deployable) == []
    assert len(missing_parts(world.bucket, built.deployable, built.manifest.hashes)) == 3 - puts
    with pytest.raises(NotPublishedError, match="driftlake release publish"):
        check_published(world.bucket, built.deployable, built.manifest.hashes)
    done = publish(world.bucket, built)
    assert (len(done.put), len(done.present), done.continued) == (3 - puts, puts, True)
    check_published(world.bucket, built.deployable, built.manifest.hashes)


def test_publishing_again_changes_nothing(world: World):
    built = world.release("silver")["silver"]
    versions = boto3.client("s3").list_objects_v2(Bucket=world.bucket.name)["Contents"]
    done = publish(world.bucket, built)
    assert (done.put, len(done.present), done.continued) == ([], 3, False)
    assert boto3.client("s3").list_objects_v2(Bucket=world.bucket.name)["Contents"] == versions


def test_an_object_that_is_not_what_its_key_says_is_told_and_not_replaced(world: World):
    built = world.build("silver")["silver"]
    key = built.deployable.key("artifact", built.manifest.hashes)
    boto3.client("s3").put_object(Bucket=world.bucket.name, Key=key, Body=b"another program")
    with pytest.raises(HashMismatchError, match="delete it, and publish that release again"):
        publish(world.bucket, built)
    assert world.bucket.read(key) == b"another program"
    assert published_releases(world.bucket, built.deployable) == []


def test_two_publishers_at_once_put_each_object_once(world: World):
    built = world.build("silver")["silver"]
    start, done = Barrier(2), []

    def run() -> None:
        start.wait()
        done.append(publish(world.bucket, built))

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(key for each in done for key in each.put) == sorted(
        built.deployable.key(part, built.manifest.hashes) for part in built.parts
    )


def test_a_pinned_manifest_that_was_tampered_with_is_refused(world: World):
    built = world.build("silver")["silver"]
    key = built.deployable.key("manifest", built.manifest.hashes)
    boto3.client("s3").put_object(Bucket=world.bucket.name, Key=key, Body=built.manifest.as_bytes() + b" ")
    with pytest.raises(HashMismatchError):
        published_manifest(world.bucket, built.deployable, built.manifest.hashes)


def test_a_release_is_found_by_the_beginning_of_its_hash_or_commit(world: World):
    first = world.release("silver")["silver"].manifest
    commit = world.edit_stage("silver", "Second")
    second = world.release("silver")["silver"]
    for beginning in (second.manifest.artifact_sha256[:10], second.manifest.sha256, commit[:9]):
        assert find_published(world.bucket, second.deployable, beginning) == second.manifest
    assert find_published(world.bucket, second.deployable, first.artifact_sha256) == first
    for unknown in ("0123456789", ""):
        with pytest.raises(VersionNotFoundError, match="driftlake release ls silver"):
            find_published(world.bucket, second.deployable, unknown)


def test_a_launcher_alone_makes_a_release_of_the_same_program(world: World):
    first = world.release("gold")["gold"].manifest
    world.write("infra/launcher/launch_stage.py", lambda text: f"{text}# changed\n", "Launcher")
    second = world.release("gold")["gold"].manifest
    assert (second.artifact_sha256, second.differs_from(first)) == (first.artifact_sha256, ["launcher"])
    assert len(published_releases(world.bucket, chosen(["gold"])[0])) == 2
