"""Which snapshots may go: each rule keeps what it must, and nothing else stays for ever."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from iot_common.io.iceberg import BATCH_KEY, Commit
from iot_common.retention import Verdict, judge

START = datetime(2026, 3, 1, tzinfo=UTC)


def history(*summaries: Mapping[str, str]) -> list[Commit]:
    """Snapshots 1, 2, 3, … an hour apart, given oldest first; newest first as a table tells them."""
    made = [
        Commit(number, number - 1 or None, START + timedelta(hours=number), dict(summary))
        for number, summary in enumerate(summaries, 1)
    ]
    return made[::-1]


def batch(number: int, query: str = "q", **own: str) -> dict[str, str]:
    return {BATCH_KEY: f"{query}/{number}"} | {f"driftlake.{key}": value for key, value in own.items()}


def kept(commits: list[Commit], *, hours: float = 100, newest: int = 1, **more: object) -> list[int]:
    verdict = verdict_of(commits, hours=hours, newest=newest, **more)
    return sorted(commit.snapshot_id for commit in commits if commit.snapshot_id not in verdict.expired)


def verdict_of(
    commits: list[Commit],
    *,
    hours: float = 100,
    newest: int = 1,
    positions: Mapping[str, int | None] | None = None,
    named: tuple[str, ...] = (),
) -> Verdict:
    return judge(
        commits, positions or {}, named, replaced_before=START + timedelta(hours=hours), newest=newest
    )


def test_age_counts_from_when_a_snapshot_was_replaced() -> None:
    commits = history({}, {}, {}, {})
    assert kept(commits) == [4], "the current one stays however old it is"
    assert kept(commits, hours=4) == [3, 4], "3 was current until 4 was made, at hour 4"
    assert kept(commits, hours=4.5) == [4]
    assert kept(commits, newest=3) == [2, 3, 4]
    assert kept([]) == []


def test_a_batch_that_may_be_repeated_finds_its_commit_the_table_before_it_and_the_summaries_before_it() -> (
    None
):
    commits = history(
        batch(0, mark="a"), batch(1, other="b"), batch(2), batch(3), batch(4, mark="c"), {}, {}, {}
    )
    # 5 is the newest batch, 4 the table before it; 1 and 2 hold what `mark` and `other` were before it.
    assert kept(commits) == [1, 2, 4, 5, 8]
    both = history(batch(7, "old checkpoint"), {}, batch(0), batch(1), {})
    assert kept(both) == [1, 3, 4, 5], "each query may have a batch to repeat"


def test_a_stream_keeps_all_from_its_position_and_is_named_only_where_it_holds_something_back() -> None:
    commits = history({}, {}, {}, {}, {})
    assert kept(commits, positions={"silver/blocks": 3, "gold/windows": 4}) == [3, 4, 5]
    assert verdict_of(commits, positions={"silver/blocks": 3}).held_by == ("silver/blocks",)
    assert verdict_of(commits, positions={"silver/blocks": 5}).held_by == ()
    for unknown in (None, 99):
        assert kept(commits, positions={"silver/blocks": 5, "gold/windows": unknown}) == [1, 2, 3, 4, 5]


def test_a_snapshot_that_a_summary_names_stays() -> None:
    assert kept(history({}, {}, {}), named=("2", "q/1")) == [2, 3]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["", "mark", "other"])), min_size=1, max_size=30
    ),
    st.integers(1, 30),
)
def test_what_stays_is_bounded_and_a_second_verdict_removes_nothing(
    made: list[tuple[str, str]], position: int
) -> None:
    numbers: dict[str, int] = {}
    summaries = []
    for query, key in made:
        numbers[query] = numbers.get(query, -1) + 1
        summaries.append(batch(numbers[query], query, **({key: "v"} if key else {})))
    commits = history(*summaries)
    left = [commit for commit in commits if commit.snapshot_id in kept(commits)]
    assert verdict_of(left).expired == ()
    queries, keys = len(numbers), 2
    assert len(left) <= 1 + keys + queries * (2 + keys)
    reader = kept(commits, positions={"silver/blocks": position})
    assert set(range(min(position, len(commits)), len(commits) + 1)) <= set(reader)
