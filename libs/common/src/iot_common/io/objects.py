"""Objects on a local disk or in S3, by URI, through pyarrow's file systems."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

import pyarrow.fs as pafs

from iot_common.errors import SettingsError

_MOST_DELETED_AT_ONCE = 1000
"""S3's limit of one request."""


def filesystem_of(uri: str) -> tuple[Any, str]:
    """The file system of a URI and the path on it.

    URIs are spelled as Hadoop spells them, without percent-encoding, so that `a b%20c` is a name like any other.
    """
    scheme, _, path = uri.partition("://")
    if scheme == "file":
        return pafs.LocalFileSystem(), path
    if scheme in ("s3", "s3a"):
        return pafs.S3FileSystem(endpoint_override=os.environ.get("AWS_ENDPOINT_URL_S3")), path
    raise SettingsError(f"{uri}: only local paths, file:// and s3:// are known")


def put_object(uri: str, content: bytes) -> None:
    """Write one object whole: readers see all of it or nothing.

    On a local disk the bytes go to a hidden name first and are renamed; S3 shows an object when it is complete.
    """
    filesystem, path = filesystem_of(uri)
    if filesystem.type_name != "local":
        # One request; pyarrow's streams make an upload in parts of it, which is three.
        bucket, _, key = path.partition("/")
        _s3().put_object(Bucket=bucket, Key=key, Body=content)
        return
    folder, _, name = path.rpartition("/")
    filesystem.create_dir(folder, recursive=True)
    hidden = f"{folder}/.{name}.part"
    with filesystem.open_output_stream(hidden) as stream:
        stream.write(content)
    filesystem.move(hidden, path)


def open_object(uri: str) -> Any:
    """A stream to write one object piece by piece; the caller closes it."""
    filesystem, path = filesystem_of(uri)
    if filesystem.type_name == "local":
        filesystem.create_dir(path.rpartition("/")[0], recursive=True)
    return filesystem.open_output_stream(path)


def read_object(uri: str) -> bytes:
    """The whole content of one object."""
    filesystem, path = filesystem_of(uri)
    with filesystem.open_input_stream(path) as stream:
        return bytes(stream.read())


def size_of(uri: str) -> int | None:
    """Size of one object in bytes; None if it is not there."""
    filesystem, path = filesystem_of(uri)
    found = filesystem.get_file_info(path)
    return int(found.size) if found.type == pafs.FileType.File else None


def exists(uri: str) -> bool:
    """True if an object or folder is there."""
    filesystem, path = filesystem_of(uri)
    return bool(filesystem.get_file_info(path).type != pafs.FileType.NotFound)


def objects_under(uri: str) -> list[str]:
    """URIs of all objects under a prefix, at any depth; none where there is no such prefix."""
    filesystem, path = filesystem_of(uri)
    found = filesystem.get_file_info(pafs.FileSelector(path, recursive=True, allow_not_found=True))
    scheme = uri.partition("://")[0]
    return sorted(f"{scheme}://{each.path}" for each in found if each.type == pafs.FileType.File)


def changed_since(uri: str, since: datetime) -> list[str]:
    """URIs of the objects under a prefix, at any depth, that were written at a time or later."""
    filesystem, path = filesystem_of(uri)
    found = filesystem.get_file_info(pafs.FileSelector(path, recursive=True, allow_not_found=True))
    scheme = uri.partition("://")[0]
    files = (each for each in found if each.type == pafs.FileType.File)
    return sorted(f"{scheme}://{each.path}" for each in files if each.mtime >= since)


def delete_prefix(uri: str) -> None:
    """Delete a folder and all in it; nothing happens where there is none."""
    filesystem, path = filesystem_of(uri)
    if filesystem.type_name != "local":
        _delete_in_s3(objects_under(uri))
    elif filesystem.get_file_info(path).type == pafs.FileType.Directory:
        filesystem.delete_dir(path)


def delete_object(uri: str) -> None:
    """Delete one object; nothing happens where there is none."""
    filesystem, path = filesystem_of(uri)
    if filesystem.type_name != "local":
        _delete_in_s3([uri])
    elif filesystem.get_file_info(path).type == pafs.FileType.File:
        filesystem.delete_file(path)


def _s3() -> Any:
    import boto3

    return boto3.client("s3")


def _delete_in_s3(uris: list[str]) -> None:
    """Delete objects of one bucket. pyarrow would leave an empty object for each folder that has none left."""
    client = _s3()
    for start in range(0, len(uris), _MOST_DELETED_AT_ONCE):
        places = [uri.split("/", 3)[2:] for uri in uris[start : start + _MOST_DELETED_AT_ONCE]]
        deleted = {"Objects": [{"Key": key} for _, key in places], "Quiet": True}
        answer = client.delete_objects(Bucket=places[0][0], Delete=deleted)
        for error in answer.get("Errors", ()):
            raise OSError(f"cannot delete {error['Key']}: {error['Code']}, {error['Message']}")
