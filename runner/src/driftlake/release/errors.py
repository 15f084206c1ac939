"""What can stop a release, a rollout or a rollback. Each message says what is as it was before, and the way on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from driftlake import exit_codes
from iot_common.errors import DriftlakeError, SettingsError

if TYPE_CHECKING:
    from driftlake.release.lock import Holder


class UnknownDeployableError(SettingsError):
    """A name is no stage, nor anything else that is released."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"nothing that is released has the name {name!r}; there are {', '.join(known)}.")
        self.name = name
        self.known = tuple(known)


class CheckoutError(SettingsError):
    """The command needs a checkout of the repository, whole and committed, and this is none."""


class NotBuiltError(SettingsError):
    """A release that is needed was not built here."""

    def __init__(self, name: str, folder: str) -> None:
        super().__init__(
            f"{name} has no built release under {folder}: `driftlake release build {name}` makes it."
        )
        self.name = name


class BuildFailedError(DriftlakeError):
    """Pants did not make the artifact."""

    def __init__(self, target: str, reason: str) -> None:
        super().__init__(
            f"`./pants package {target}` failed: {reason}. Nothing was released; mend it and build again."
        )
        self.target = target


class HashMismatchError(DriftlakeError):
    """Bytes are not those that their name or their pin says."""

    def __init__(self, what: str, expected: str, found: str, remedy: str) -> None:
        super().__init__(f"{what} has SHA-256 {found}, but {expected} is expected. It was not used. {remedy}")
        self.expected = expected
        self.found = found


class ManifestError(DriftlakeError):
    """A manifest cannot be read, or the artifact does not say what its manifest must."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}. Build and publish that release again.")
        self.where = where


class NotPublishedError(SettingsError):
    """A release is not in the environment's bucket, or only a part of it."""

    def __init__(self, name: str, version: str, bucket: str, missing: Sequence[str]) -> None:
        super().__init__(
            f"release {version[:12]} of {name} is not whole in {bucket}: {', '.join(missing)} missing. Nothing was "
            "deployed; `driftlake release publish` puts what is missing, and changes nothing that is there."
        )
        self.missing = tuple(missing)


class VersionNotFoundError(SettingsError):
    """No published release, or more than one, has a hash that begins so."""

    def __init__(self, name: str, beginning: str, found: Sequence[str]) -> None:
        said = (
            f"{len(found)} releases of {name} begin with" if found else f"no published release of {name} is"
        )
        super().__init__(f"{said} {beginning!r}: `driftlake release ls {name} --env E` lists them.")
        self.found = tuple(found)


class WrongEnvironmentError(SettingsError):
    """An environment is unknown, or the credentials belong to another account or region."""


class PinError(SettingsError):
    """A unit's version.hcl does not say what it should."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f'{path}: {reason}. It holds one line `NAME = "HASH"` per pin, and nothing else.')
        self.path = path


class RefusedError(DriftlakeError):
    """A combination of releases would not work on the same tables; nothing was changed."""

    exit_code = exit_codes.REFUSED

    def __init__(self, action: str, conflicts: Sequence[str]) -> None:
        super().__init__(
            f"{action} refused, nothing was changed:\n" + "\n".join(f"- {each}" for each in conflicts)
        )
        self.conflicts = tuple(conflicts)


class RolloutBusyError(DriftlakeError):
    """Another rollout or rollback works on this environment."""

    def __init__(self, environment: str, holder: Holder, age: str) -> None:
        super().__init__(
            f"{holder.what} of {holder.owner} works on {environment} since {holder.since} ({age}). Wait for it to "
            f"end. If its process is gone, `driftlake rollout unlock --env {environment} --lock {holder.token}` frees "
            "it."
        )
        self.holder = holder


class UnitFailedError(DriftlakeError):
    """Terragrunt did not apply a unit."""

    def __init__(self, unit: str, reason: str) -> None:
        super().__init__(f"terragrunt could not apply {unit}: {reason}")
        self.unit = unit


class CanaryError(DriftlakeError):
    """The job of a stage could not be run to its end."""

    def __init__(self, job: str, reason: str) -> None:
        super().__init__(f"canary run of {job}: {reason}")
        self.job = job


class GateFailedError(DriftlakeError):
    """A canary run did not pass."""

    def __init__(self, seen: str) -> None:
        super().__init__(f"its gate failed: {seen}.")
        self.seen = seen


class RolloutStoppedError(DriftlakeError):
    """A stage did not pass; the message says what runs now."""

    def __init__(self, name: str, environment: str, reason: str, now: str) -> None:
        super().__init__(f"rollout stopped at {name} in {environment}: {reason}\n{now}")
        self.name = name
