"""One rollout at a time per environment: an object in the artifacts bucket that only one can put there."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from driftlake.release.artifacts import ArtifactBucket
from driftlake.release.environment import Environment
from driftlake.release.errors import RolloutBusyError
from driftlake.requesting_user import requesting_user
from iot_common.errors import SettingsError

KEY = "locks/rollout.json"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock: for what, since when (ISO 8601, UTC), and the token that tells this lock from the next."""

    what: str
    owner: str
    since: str
    token: str

    @classmethod
    def me(cls, what: str, now: datetime) -> Holder:
        """This process."""
        owner = f"{requesting_user() or 'somebody'}@{socket.gethostname()}"
        return cls(what, owner, f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", secrets.token_hex(4))

    def age(self, now: datetime) -> str:
        """How long it holds it, as people say it."""
        minutes = int((now - datetime.fromisoformat(self.since)).total_seconds() // 60)
        return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


@contextmanager
def rollout_lock(
    bucket: ArtifactBucket, environment: Environment, what: str, now: datetime
) -> Iterator[Holder]:
    """Hold the environment's lock.

    It does not expire: a rollout that was killed may have left a unit between two releases, and a person should look
    before the next one begins.

    Raises:
        RolloutBusyError: If another one holds it.
    """
    mine = Holder.me(what, now)
    if not bucket.put_once(KEY, json.dumps(asdict(mine), indent=2).encode()):
        holder = read_holder(bucket)
        if holder is not None:
            raise RolloutBusyError(environment.name, holder, holder.age(now))
        # It was released between the two looks.
        if not bucket.put_once(KEY, json.dumps(asdict(mine), indent=2).encode()):
            raise SettingsError(
                f"{environment.name} is rolled out by others just now: run the same command again."
            )
    try:
        yield mine
    finally:
        if read_holder(bucket) == mine:
            bucket.delete(KEY)


def read_holder(bucket: ArtifactBucket) -> Holder | None:
    """Who holds the lock; None if nobody does."""
    content = bucket.read(KEY)
    return None if content is None else Holder(**json.loads(content))


def unlock(bucket: ArtifactBucket, token: str) -> Holder:
    """Free a lock whose process is gone; the token says which one is meant.

    Raises:
        SettingsError: If there is no lock, or another one.
    """
    holder = read_holder(bucket)
    if holder is None:
        raise SettingsError("there is no lock to free.")
    if holder.token != token:
        raise SettingsError(
            f"the lock is {holder.token}, of {holder.owner} since {holder.since}, not {token}; it stays."
        )
    bucket.delete(KEY)
    return holder
