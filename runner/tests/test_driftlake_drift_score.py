"""`driftlake drift score`: what it reads and writes, and how it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from driftlake import series_files
from driftlake.cli import main


def pump(rows: int = 600) -> pd.DataFrame:
    """A flow that drops at row 400, and a label that must not be scored."""
    random = np.random.default_rng(1)
    flow = 30 + random.normal(0, 0.5, rows)
    flow[400:] -= 5
    times = pd.date_range("2026-03-01", periods=rows, freq="s").strftime("%Y-%m-%d %H:%M:%S")
    return pd.DataFrame(
        {"at": times, "pump": "north", "flow": flow.round(3), "label": (np.arange(rows) >= 400).astype(int)}
    )


def score(source: Path, out: Path, *options: str, time: str = "at") -> int:
    return main(
        ["drift", "score", str(source), "--time", time, "--out", str(out), "--ignore", "label", *options]
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "pump.csv"
    pump().to_csv(path, index=False)
    return path


def test_writes_a_row_per_row_with_times_as_they_were(source: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "scores.csv"
    assert score(source, out, "--entity", "pump", "--train-rows", "200") == 0
    scores = pd.read_csv(out)
    assert list(scores) == ["time", "entity", "score", "threshold", "is_anomaly", "top_features"]
    assert scores["time"].tolist() == pump()["at"].tolist()
    assert scores["entity"].unique().tolist() == ["north"]
    assert scores["score"].isna().tolist() == [True] * 200 + [False] * 400
    assert not scores["is_anomaly"][:400].any() and scores["is_anomaly"][402:].all()
    assert ((scores["score"] >= scores["threshold"]) == scores["is_anomaly"])[200:].all()
    assert scores["top_features"][450].startswith("flow value -")
    assert "600 rows: 200 train, 400 scored, " in capsys.readouterr().err


def test_parquet_gzip_and_csv_say_the_same(source: Path, tmp_path: Path) -> None:
    frame = pump().assign(at=pd.to_datetime(pump()["at"]))
    frame.to_parquet(tmp_path / "pump.parquet")
    pump().to_csv(tmp_path / "pump.csv.gz", sep=";", index=False)
    found = []
    for name, options in (("pump.csv", ()), ("pump.csv.gz", ("--sep", ";")), ("pump.parquet", ())):
        assert score(tmp_path / name, tmp_path / "out.parquet", *options) == 0
        found.append(pd.read_parquet(tmp_path / "out.parquet")["score"].to_numpy())
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_same_input_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        out = tmp_path / name
        out.mkdir()
        assert score(source, out / "s.csv.gz", "--windows-out", str(out / "w.csv")) == 0
    for name in ("s.csv.gz", "w.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_windows_have_times_scores_and_features(source: Path, tmp_path: Path) -> None:
    windows = tmp_path / "w.csv"
    assert score(source, tmp_path / "s.csv", "--window", "30s", "--windows-out", str(windows)) == 0
    rows = pd.read_csv(windows)
    assert rows["window_start"][0] == "2026-03-01T00:02:00.000Z" and len(rows) == 16
    assert rows["window_end"][0] == "2026-03-01T00:02:30.000Z" and rows["row_count"].unique().tolist() == [30]
    assert rows["is_anomaly"].tolist() == [False] * 9 + [True] * 7
    assert {"flow level", "flow noise", "flow stuck", "flow missing"} <= set(rows.columns)


def test_a_label_is_scored_unless_ignored_and_columns_choose(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "s.csv"
    both = ["drift", "score", str(source), "--time", "at", "--out", str(out), "--columns", "flow, label"]
    assert main(both) == 0
    assert pd.read_csv(out)["top_features"].str.contains("label").any()


STEADY = b"at,flow\n" + b"".join(b"%d,%d\n" % (second, second % 7) for second in range(100))


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"", (), "is empty"),
        (b"at,flow\n", (), "a header and no row"),
        (b"at,flow\n1,2\n", (), "no row trains: of 1 rows"),
        (STEADY, ("--train-until", "0"), "no row trains: of 100 rows"),
        (STEADY, ("--time", "when"), "no column 'when' (--time); the table has 'at', 'flow'"),
        (STEADY, ("--entity", "pump"), "no column 'pump' (--entity)"),
        (STEADY, ("--columns", "flw"), "no column 'flw' (--columns)"),
        (STEADY, ("--ignore", "flow"), "no numeric column to score"),
        (STEADY.replace(b",", b";"), (), "name the separator, e.g. --sep ';'"),
        (STEADY, ("--sep", ";;"), "--sep ';;' is no single character"),
        (STEADY, ("--train-rows", "100"), "all of its 100 rows are training rows"),
        (STEADY, ("--train-rows", "5"), "5 training rows, and 10 are the least"),
        (STEADY, ("--train-rows", "50", "--train-until", "60"), "exclude each other"),
        (STEADY, ("--train-until", "Friday"), "--train-until 'Friday' is no number"),
        (STEADY, ("--window", "-3"), "--window '-3' is no length of time"),
        (STEADY.replace(b"\n1,", b"\n\xff,"), (), "is no UTF-8"),
        (STEADY + b"100,1,2,3\n", (), "cannot read"),
        (STEADY.replace(b",flow", b",flow\n,,"), (), "cannot read"),
        (b"at,flow\n" + b"soon,1\n" * 100, (), "no time in column 'at' can be read, e.g. 'soon'"),
        (b"at,flow\n" + b"1,1\n" * 100, (), "training rows at a single time"),
        (b"at,flow\n" + b"".join(b"%d,\n" % row for row in range(100)), (), "no value in the training rows"),
        (
            b"at,flow\n" + b"".join(b"%d,nan\n" % row for row in range(100)),
            (),
            "no value in the training rows",
        ),
        (
            b"at;flow\n" + b"".join(b"%d;%d,5\n" % (row, row) for row in range(50)),
            ("--sep", ";"),
            "decimal commas",
        ),
        (b"at,flow\n" + b"".join(b"%d,inf\n" % row for row in range(100)), (), "no numbers"),
    ],
)
def test_bad_input_is_refused_with_a_reason_and_nothing_written(
    tmp_path: Path,
    capsys,
    content: bytes,
    options: tuple[str, ...],
    said: str,  # type: ignore[no-untyped-def]
) -> None:
    (tmp_path / "in.csv").write_bytes(content)
    command = ["drift", "score", str(tmp_path / "in.csv"), "--time", "at", "--out", str(tmp_path / "out.csv")]
    assert main([*command, *options]) == 2
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv"]


def test_files_that_cannot_be_are_refused(source: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "torn.csv.gz").write_bytes(b"\x1f\x8b\x08\x00 no gzip")
    for name, said in (
        ("absent.csv", "no file"),
        ("torn.parquet", "cannot read"),
        ("torn.csv.gz", "cannot read"),
    ):
        assert score(tmp_path / name, tmp_path / "out.csv") == 2
        assert said in capsys.readouterr().err
    assert score(source, tmp_path / "no" / "out.csv") == 2
    assert score(source, source) == 2
    assert score(source, tmp_path / "out.csv", "--windows-out", str(tmp_path / "out.csv")) == 2
    assert not (tmp_path / "out.csv").exists()


def test_a_table_too_large_is_refused_before_it_fills_the_memory(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys,  # type: ignore[no-untyped-def]
) -> None:
    monkeypatch.setattr(series_files, "MAX_CELLS", 1000)
    assert score(source, tmp_path / "out.csv") == 2
    assert "more than 1,000 cells" in capsys.readouterr().err


def test_odd_rows_are_told_and_not_lost(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    frame = pump(400)
    frame.loc[[300, 301], "at"] = frame.loc[[301, 300], "at"].to_numpy()
    frame.loc[399, "at"] = "2037-01-01 00:00:00"
    frame.loc[398, "at"] = "yesterday"
    frame["note"] = "ok"
    frame.to_csv(tmp_path / "odd.csv", index=False)
    assert score(tmp_path / "odd.csv", tmp_path / "out.csv") == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "column 'note' is not scored: no numbers" in said
    assert "1 rows have no readable time and no score" in said
    assert "1 rows are out of order of time" in said
    assert "1 rows lie far beyond the time of the others (a wrong clock?); first: row 400" in said
    scores = pd.read_csv(tmp_path / "out.csv")
    assert len(scores) == 400 and scores["score"].isna().sum() == 80
