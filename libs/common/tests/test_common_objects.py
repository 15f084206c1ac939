"""Objects on a local disk and in S3 behave alike. S3 is moto's server here: simulated, one writer at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from iot_common.errors import LandingNotFoundError, SettingsError
from iot_common.io import objects
from iot_common.io.landing import anything_landed, require_landing
from iot_common.settings import as_uri


@pytest.fixture(scope="module")
def s3_prefix() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with pytest.MonkeyPatch.context() as patched:
        for name, value in environment.items():
            patched.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="lake")
        yield "s3://lake/prefix"
    server.stop()


@pytest.fixture(params=["disk", "s3"])
def prefix(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "disk":
        return as_uri(str(tmp_path / "with space and %20"))
    return str(request.getfixturevalue("s3_prefix"))


def test_an_object_comes_back_byte_for_byte(prefix: str) -> None:
    objects.put_object(f"{prefix}/a/b c%20.bin", b"\x00\xffbytes")
    assert objects.exists(f"{prefix}/a/b c%20.bin")
    assert objects.read_object(f"{prefix}/a/b c%20.bin") == b"\x00\xffbytes"


def test_an_object_is_replaced_whole(prefix: str) -> None:
    objects.put_object(f"{prefix}/x", b"first, longer")
    objects.put_object(f"{prefix}/x", b"second")
    assert objects.read_object(f"{prefix}/x") == b"second"


def test_an_object_can_be_written_piece_by_piece(prefix: str) -> None:
    sink = objects.open_object(f"{prefix}/deep/er/pieces")
    sink.write(b"one ")
    sink.write(b"two")
    sink.close()
    assert objects.read_object(f"{prefix}/deep/er/pieces") == b"one two"


def test_deleting_a_prefix_takes_what_is_under_it_and_nothing_beside_it(prefix: str) -> None:
    for name in ("gone/1", "gone/2/3", "gone-not"):
        objects.put_object(f"{prefix}/{name}", b"x")
    objects.delete_prefix(f"{prefix}/gone")
    assert not objects.exists(f"{prefix}/gone/1")
    assert not objects.exists(f"{prefix}/gone/2/3")
    assert objects.exists(f"{prefix}/gone-not")


def test_lists_objects_at_any_depth_as_they_can_be_read(prefix: str) -> None:
    for name in ("listed/1", "listed/a b%20/2", "listed-not"):
        objects.put_object(f"{prefix}/{name}", name.encode())
    found = objects.objects_under(f"{prefix}/listed")
    assert found == [f"{prefix}/listed/1", f"{prefix}/listed/a b%20/2"]
    assert [objects.read_object(uri) for uri in found] == [b"listed/1", b"listed/a b%20/2"]
    assert objects.objects_under(f"{prefix}/never-listed") == []


def test_deleting_leaves_nothing_behind_in_s3(s3_prefix: str) -> None:
    for name in ("emptied/a/1", "emptied/b/2"):
        objects.put_object(f"{s3_prefix}/{name}", b"x")
    objects.delete_object(f"{s3_prefix}/emptied/a/1")
    objects.delete_prefix(f"{s3_prefix}/emptied/b")
    keys = boto3.client("s3").list_objects_v2(Bucket="lake", Prefix="prefix/emptied").get("Contents", [])
    assert keys == []


def test_deletes_more_objects_than_one_request_takes(s3_prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_MOST_DELETED_AT_ONCE", 2)
    for number in range(5):
        objects.put_object(f"{s3_prefix}/many/{number}", b"x")
    objects.delete_prefix(f"{s3_prefix}/many")
    assert objects.objects_under(f"{s3_prefix}/many") == []


def test_deleting_what_is_not_there_does_nothing(prefix: str) -> None:
    objects.delete_object(f"{prefix}/never")
    objects.delete_prefix(f"{prefix}/never")
    assert not objects.exists(f"{prefix}/never")


def test_no_half_written_object_is_left_under_its_name(tmp_path: Path) -> None:
    objects.put_object(as_uri(str(tmp_path / "folder" / "name")), b"x")
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["name"]


def test_an_unknown_scheme_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="only local paths"):
        objects.exists("ftp://host/x")


def test_a_landing_prefix_without_objects_is_empty_and_no_error(s3_prefix: str) -> None:
    landing = f"{s3_prefix}/nothing/yet"
    require_landing(landing)
    assert not anything_landed(landing)
    objects.put_object(f"{landing}/one.json", b"{}")
    assert anything_landed(landing)


def test_a_landing_in_a_bucket_that_does_not_exist_is_an_error(s3_prefix: str) -> None:
    with pytest.raises(LandingNotFoundError, match="no-such-bucket"):
        require_landing("s3://no-such-bucket/readings")
