"""`driftlake release publish`: a release into an environment's bucket, its manifest last.

A release whose manifest is there is whole; one whose manifest is not was interrupted, and the same command goes on with
it. Nothing that is there is ever replaced: every key holds the hash of its content.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from driftlake.release.artifacts import ArtifactBucket
from driftlake.release.build import Built
from driftlake.release.deployables import Deployable
from driftlake.release.errors import HashMismatchError, NotPublishedError, VersionNotFoundError
from driftlake.release.manifest import Manifest, read_manifest, sha256_of

ORDER = ("artifact", "launcher", "manifest")


@dataclass(frozen=True, slots=True)
class Published:
    """What a publish did: keys it put, and keys that were there."""

    name: str
    hashes: dict[str, str]
    put: Sequence[str]
    present: Sequence[str]

    @property
    def continued(self) -> bool:
        """True if an earlier publish had got a part of the way."""
        return any(key.endswith(f"-{self.hashes['manifest']}.json") for key in self.put) and any(
            self.hashes["artifact"] in key for key in self.present
        )


def publish(bucket: ArtifactBucket, built: Built) -> Published:
    """Put the parts of a release that are not there yet.

    Raises:
        HashMismatchError: If an object of one of its keys holds something else.
    """
    put, present = [], []
    for part in (part for part in ORDER if part in built.parts):
        key = built.deployable.key(part, built.manifest.hashes)
        if bucket.put_once(key, built.parts[part].read_bytes()):
            put.append(key)
            continue
        # A manifest that is not pinned is that of the commit which first made the artifact.
        if part in built.deployable.pins:
            bucket.check(key, built.manifest.hashes[part])
        present.append(key)
    return Published(built.deployable.name, built.manifest.hashes, put, present)


def missing_parts(bucket: ArtifactBucket, deployable: Deployable, hashes: dict[str, str]) -> list[str]:
    """Keys of a release that are not in the bucket; empty if it is published whole."""
    keys = [deployable.key(part, hashes) for part in ORDER if part in hashes]
    return [key for key in keys if not bucket.exists(key)]


def check_published(bucket: ArtifactBucket, deployable: Deployable, hashes: dict[str, str]) -> None:
    """Refuse a release that is not whole in the bucket.

    Raises:
        NotPublishedError: If a part is missing.
        HashMismatchError: If a part is not what its key says.
    """
    missing = missing_parts(bucket, deployable, hashes)
    if missing:
        raise NotPublishedError(deployable.name, hashes["artifact"], bucket.name, missing)
    for part, sha256 in deployable.pin_of(hashes).items():
        bucket.check(deployable.key(part, hashes), sha256)


def published_manifest(bucket: ArtifactBucket, deployable: Deployable, hashes: dict[str, str]) -> Manifest:
    """The manifest of a pin.

    Raises:
        NotPublishedError: If it is not there.
        HashMismatchError: If it is not the one that is pinned.
    """
    key = deployable.key("manifest", hashes)
    content = bucket.read(key)
    if content is None:
        raise NotPublishedError(deployable.name, hashes["artifact"], bucket.name, [key])
    where, found = f"s3://{bucket.name}/{key}", sha256_of(content)
    if found != hashes.get("manifest", found):
        raise HashMismatchError(where, hashes["manifest"], found, "Publish that release again.")
    manifest = read_manifest(content, where)
    if manifest.artifact_sha256 != hashes["artifact"]:
        remedy = "Publish that release again."
        raise HashMismatchError(
            f"the artifact of {where}", hashes["artifact"], manifest.artifact_sha256, remedy
        )
    return manifest


def manifest_like(bucket: ArtifactBucket, deployable: Deployable, pin: dict[str, str]) -> Manifest:
    """The manifest of a pin of another environment.

    There the same program may have been published from another commit, which changed nothing of it; that says the same
    of tables and contracts, and does as well.

    Raises:
        NotPublishedError: If the program of that pin, with that launcher, is not published here.
    """
    try:
        return published_manifest(bucket, deployable, pin)
    except NotPublishedError:
        for each in published_releases(bucket, deployable):
            same = (each.artifact_sha256, each.launcher_sha256) == (pin["artifact"], pin.get("launcher"))
            if same:
                return each
        raise


def published_releases(bucket: ArtifactBucket, deployable: Deployable) -> list[Manifest]:
    """Every release of a name that is published whole, by the order of their keys."""
    beginning, _, ending = deployable.keys["manifest"].partition("{manifest_sha256}")
    file = beginning.rpartition("/")[2]
    found = [
        key
        for key in bucket.keys(deployable.published_under)
        if key.rpartition("/")[2].startswith(file) and key.endswith(ending)
    ]
    return [read_manifest(bucket.read(key) or b"", f"s3://{bucket.name}/{key}") for key in found]


def find_published(bucket: ArtifactBucket, deployable: Deployable, beginning: str) -> Manifest:
    """The published release whose program's or manifest's hash, or whose commit, begins so.

    Raises:
        VersionNotFoundError: If there is none, or more than one.
    """
    found = [
        each
        for each in published_releases(bucket, deployable)
        if beginning
        and any(sha.startswith(beginning) for sha in (each.artifact_sha256, each.sha256, each.commit))
    ]
    if len(found) != 1:
        raise VersionNotFoundError(deployable.name, beginning, [each.sha256 for each in found])
    return found[0]
