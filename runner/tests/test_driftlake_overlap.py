"""Which releases work side by side on the same tables."""

from __future__ import annotations

import pytest

from driftlake.release.manifest import Access, Manifest, TableUse
from driftlake.release.overlap import conflicts
from driftlake.release.versions import VersionRange


def a_release(name: str, **tables: tuple[Access, str, str]) -> Manifest:
    uses = {
        f"lake.{table}": TableUse(access, version, VersionRange.of(works_with))
        for table, (access, version, works_with) in tables.items()
    }
    return Manifest(name, f"{name:0<64}", None, "c" * 40, {}, uses, ())


def writer(version: str, works_with: str) -> Manifest:
    return a_release("silver", reading=("writes", version, works_with))


def reader(version: str, works_with: str) -> Manifest:
    return a_release("gold", reading=("reads", version, works_with))


def said(changed: str, *releases: Manifest, before: Manifest | None = None) -> list[str]:
    return conflicts({each.name: each for each in releases}, changed, before)


def test_a_column_more_suits_readers_of_the_same_major():
    old = writer("1.0.0", ">=1.0.0,<2.0.0")
    assert (
        said("silver", writer("1.1.0", ">=1.0.0,<2.0.0"), reader("1.0.0", ">=1.0.0,<2.0.0"), before=old) == []
    )
    # And back again, below the column that the table keeps.
    new = writer("1.1.0", ">=1.0.0,<2.0.0")
    assert said("silver", old, reader("1.0.0", ">=1.0.0,<2.0.0"), before=new) == []


def test_a_reader_that_needs_a_newer_column_waits_for_the_writer():
    needs = reader("1.1.0", ">=1.1.0,<2.0.0")
    (refused,) = said("gold", writer("1.0.0", ">=1.0.0,<2.0.0"), needs)
    assert "silver writes 1.0.0"[:6] in refused
    assert "First roll out the release of silver that this one needs" in refused
    assert said("gold", writer("1.1.0", ">=1.0.0,<2.0.0"), needs) == []


def test_a_writer_does_not_go_back_below_what_a_reader_needs():
    (refused,) = said(
        "silver",
        writer("1.0.0", ">=1.0.0,<2.0.0"),
        reader("1.1.0", ">=1.1.0,<2.0.0"),
        before=writer("1.1.0", ">=1.0.0,<2.0.0"),
    )
    assert "writes 1.0.0" in refused


def test_ranges_that_do_not_overlap_are_named():
    (refused,) = said("silver", writer("2.0.0", ">=2.0.0,<3.0.0"), reader("1.0.0", ">=1.0.0,<2.0.0"))
    assert "lake.reading: gold" in refused
    assert ">=1.0.0,<2.0.0" in refused
    assert ">=2.0.0,<3.0.0: the ranges do not overlap" in refused


def test_a_rollback_meets_the_schema_that_stays():
    old, new = writer("1.0.0", ">=1.0.0,<3.0.0"), writer("2.0.0", ">=1.0.0,<3.0.0")
    (refused,) = said("silver", old, reader("1.0.0", ">=1.0.0,<2.0.0"), before=new)
    assert "the table has 2.0.0 already, which no rollback undoes" in refused
    assert said("silver", old, reader("1.0.0", ">=1.0.0,<3.0.0"), before=new) == []


def test_only_what_changes_is_judged():
    """Two that run side by side already are not this rollout's matter; a table nobody writes yet is judged later."""
    broken = reader("1.0.0", ">=1.0.0,<2.0.0")
    other = a_release("drift", event=("writes", "1.0.0", ">=1.0.0,<2.0.0"))
    assert said("drift", other, broken, writer("2.0.0", ">=2.0.0,<3.0.0")) == []
    assert said("gold", broken) == []


@pytest.mark.parametrize(
    "text", ["", "1.0.0", ">=1.0,<2.0", ">1.0.0,<2.0.0", ">=2.0.0,<1.0.0", ">=1.0.0,<1.0.0"]
)
def test_a_range_that_is_none_is_refused(text: str):
    with pytest.raises(ValueError, match=r"no range such as|holds no version"):
        VersionRange.of(text)


def test_versions_compare_as_numbers():
    held = VersionRange.of(">=1.2.0,<1.10.0")
    assert [version in held for version in ("1.2.0", "1.9.9", "1.10.0", "1.1.9")] == [
        True,
        True,
        False,
        False,
    ]
    assert str(VersionRange.of_major("2.7.1")) == ">=2.0.0,<3.0.0"
