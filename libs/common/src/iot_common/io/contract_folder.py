"""A folder or S3 prefix with further versions of the raw contract, which a team adds without a new build."""

from __future__ import annotations

import pyarrow.fs as pafs

from iot_common.engine.registry import ContractFile, read_registry, version_of_file
from iot_common.errors import SettingsError
from iot_common.io.objects import filesystem_of, read_object
from iot_common.settings import as_uri


def contract_files(location: str) -> tuple[ContractFile, ...]:
    """Name and text of each contract file, proven to fit the packaged versions; none for an empty location.

    Hidden objects, Markdown and folders are passed over; any other name must be that of a contract file.

    Raises:
        SettingsError: There is no such folder, or a file is no UTF-8.
        ContractError: A name or a schema is wrong, or a known version would be changed.
        MigrationError: A migration file is wrong.
    """
    if not location:
        return ()
    uri = as_uri(location)
    files = tuple((name, _text(f"{uri}/{name}")) for name in _names(uri))
    read_registry(files)
    return files


def _names(uri: str) -> list[str]:
    filesystem, path = filesystem_of(uri)
    if filesystem.get_file_info(path).type != pafs.FileType.Directory:
        raise SettingsError(f"no folder of contracts at {uri}: create it, or name another with --contracts")
    entries = filesystem.get_file_info(pafs.FileSelector(path))
    files = sorted(entry.base_name for entry in entries if entry.type == pafs.FileType.File)
    names = [name for name in files if not name.startswith(".") and not name.lower().endswith(".md")]
    for name in names:
        version_of_file(name)
    return names


def _text(uri: str) -> str:
    try:
        return read_object(uri).decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{uri} is not UTF-8: {error.reason} at byte {error.start}") from error
