"""Settings of a stage: one frozen dataclass, filled from command-line arguments.

Every stage takes the settings below and adds its own in its `settings.py`. A field's metadata holds its help text,
so that `--help` and the README card cannot drift from the code.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from iot_common.errors import SettingsError

CATALOG_NAME = "driftlake"
"""Name of the Iceberg catalog; it must be the same for every engine that opens the JDBC catalog."""


def setting(help_text: str, default: Any = MISSING) -> Any:
    """A dataclass field with its help text; required if it has no default."""
    metadata = {"help": help_text}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


def as_uri(location: str) -> str:
    """The location as a URI; a path without a scheme becomes an absolute `file:` URI, not percent-encoded."""
    return location.rstrip("/") if "://" in location else f"file://{Path(location).expanduser().resolve()}"


@dataclass(frozen=True, kw_only=True)
class StageSettings:
    """Settings every stage has."""

    warehouse: str = setting("folder or s3:// prefix that holds the tables")
    catalog: str = setting("`jdbc` (SQLite file in the warehouse) or `glue`", "jdbc")
    run_id: str = setting("name of this run in the metrics; default: made from the clock", "")
    trigger_seconds: int = setting("0: take what is there and end; else one batch every so many seconds", 0)
    master: str = setting("Spark master; empty: what the environment gives", "local[2]")
    driver_memory: str = setting("heap of a local driver", "2g")
    java: str = setting(
        "a local JVM's compiler: `quick` for a batch of about 100 MB, `lasting` for hours of work", "quick"
    )
    shuffle_partitions: int = setting("tasks of a shuffle; more for batches above about 500 MB", 4)
    maintain: bool = setting("true: do nothing but the daily maintenance of the stage's tables", False)
    dry_run: bool = setting("true: of a maintenance only say what it would do", False)
    snapshot_days: float = setting(
        "maintenance keeps what was the current snapshot in so many last days", 3.0
    )
    snapshots_kept: int = setting("and at least so many newest snapshots", 20)
    orphan_days: float = setting("maintenance deletes files that no snapshot names, if older than this", 3.0)
    small_files: int = setting("small files of a partition from which on maintenance makes large ones", 5)
    target_file_bytes: int = setting("size of the files that maintenance makes of small ones", 134_217_728)

    def __post_init__(self) -> None:
        """Refuse values no stage can work with."""
        if self.catalog not in ("jdbc", "glue"):
            raise SettingsError(f"--catalog is `jdbc` or `glue`, not {self.catalog!r}")
        if self.catalog == "glue" and not self.warehouse_uri.startswith("s3://"):
            raise SettingsError(
                f"--catalog glue needs an s3:// prefix as --warehouse, not {self.warehouse!r}"
            )
        if self.catalog == "jdbc" and not self.warehouse_uri.startswith("file://"):
            raise SettingsError(
                f"--catalog jdbc is a file in a local folder: --warehouse cannot be {self.warehouse!r}. "
                "Tables in S3 need --catalog glue."
            )
        if self.java not in ("quick", "lasting"):
            raise SettingsError(f"--java is `quick` or `lasting`, not {self.java!r}")
        if self.shuffle_partitions < 1:
            raise SettingsError(f"--shuffle-partitions is 1 or more, not {self.shuffle_partitions}")
        if self.trigger_seconds < 0:
            raise SettingsError(f"--trigger-seconds is 0 or more, not {self.trigger_seconds}")
        self._check_maintenance()

    def _check_maintenance(self) -> None:
        if self.dry_run and not self.maintain:
            raise SettingsError("--dry-run true goes with --maintain true")
        if self.snapshot_days < 0 or self.snapshots_kept < 1:
            raise SettingsError("--snapshot-days is 0 or more, --snapshots-kept 1 or more")
        if self.orphan_days < 1:
            # Files of a commit in progress look like orphans; Iceberg itself refuses less than a day.
            raise SettingsError(f"--orphan-days is 1 or more, not {self.orphan_days}")
        if self.small_files < 2:
            raise SettingsError(f"--small-files is 2 or more, not {self.small_files}")
        if self.target_file_bytes < 1_048_576:
            raise SettingsError(f"--target-file-bytes is 1048576 or more, not {self.target_file_bytes}")

    @property
    def warehouse_uri(self) -> str:
        """The warehouse as a URI."""
        return as_uri(self.warehouse)

    @property
    def is_whole_run(self) -> bool:
        """True if the run reads on from where the last one stopped; False if it does one thing alone."""
        return not self.maintain

    @property
    def metric_inbox(self) -> str:
        """Prefix to which stages write their metric rows and from which the metrics stage reads."""
        return f"{self.warehouse_uri}/metric_inbox"

    @property
    def notices(self) -> str:
        """Prefix of the notices: what people must hear of once."""
        return f"{self.warehouse_uri}/ops/notices"

    def checkpoint(self, stage: str, query: str) -> str:
        """Checkpoint folder of one streaming query; its life is the query's identity."""
        return f"{self.warehouse_uri}/checkpoints/{stage}/{query}"


SettingsType = TypeVar("SettingsType", bound=StageSettings)


def _converter(item: Field[Any]) -> Any:
    # A class's annotations are types, or text where its module has postponed them.
    name = item.type if isinstance(item.type, str) else item.type.__name__
    return {"int": int, "float": float, "bool": _truth}.get(name, str)


def _truth(text: str) -> bool:
    try:
        return {"true": True, "false": False}[text.lower()]
    except KeyError:
        raise argparse.ArgumentTypeError(f"true or false, not {text!r}") from None


def argument_parser(settings_class: type[SettingsType], prog: str) -> argparse.ArgumentParser:
    """The command line of a settings class: one `--kebab-case` option per field."""
    parser = argparse.ArgumentParser(prog=prog, description=(settings_class.__doc__ or "").strip())
    for item in fields(settings_class):
        required = item.default is MISSING
        shown = "" if required or item.default == "" else f" (default: {item.default})"
        parser.add_argument(
            f"--{item.name.replace('_', '-')}",
            dest=item.name,
            type=_converter(item),
            required=required,
            default=None if required else item.default,
            help=item.metadata.get("help", "") + shown,
        )
    return parser


def parse_settings(settings_class: type[SettingsType], argv: Sequence[str] | None, prog: str) -> SettingsType:
    """Settings from arguments; `argparse` ends the process with code 2 on wrong usage."""
    return settings_class(**vars(argument_parser(settings_class, prog).parse_args(argv)))
