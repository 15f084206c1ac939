"""The life of findings: what drift does by itself, what people may do, and what stays as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_drift.life import Action, ActionError, AskedAction, EventState, after, asked_action, own_actions

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OPEN = EventState("3fa1", "statistical", "open", NOON)


def did(action: str, status: str, **changes: object) -> EventState:
    """A finding after an action that was done when it was last seen."""
    return replace(OPEN, action=action, status=status, seen_at_action=NOON, **changes)  # type: ignore[arg-type]


def acts(state: EventState) -> list[str]:
    return [each.action for each in own_actions([state], 96)]


def test_a_finding_is_resolved_after_enough_quiet_windows_and_not_one_before() -> None:
    assert acts(replace(OPEN, quiet_windows=95)) == []
    assert acts(replace(OPEN, quiet_windows=96)) == ["resolved"]
    assert acts(did("acknowledged", "acknowledged", quiet_windows=96)) == ["resolved"]
    assert own_actions([replace(OPEN, quiet_windows=100)], 96) == [
        Action("3fa1", "resolved", "quiet for 100 windows of its devices")
    ]


def test_what_comes_back_is_opened_again_and_what_was_seen_before_is_not() -> None:
    later = NOON + timedelta(minutes=15)
    assert acts(did("resolved", "resolved", quiet_windows=500)) == []
    assert acts(did("resolved", "resolved", seen=later)) == ["reopened"]
    assert acts(did("reopened", "open", seen=later)) == []


def test_an_accepted_structural_finding_stays_and_a_broken_new_normal_opens_again() -> None:
    later = NOON + timedelta(minutes=15)
    assert acts(did("accepted", "accepted", seen=later, channel="structural", quiet_windows=500)) == []
    assert acts(did("accepted", "accepted", seen=later)) == ["reopened"]
    assert acts(did("accepted", "accepted", quiet_windows=500)) == []


def test_status_follows_from_the_newest_action_even_after_a_crash_between_the_two() -> None:
    assert after([did("accepted", "open")], []) == {"3fa1": "accepted"}
    assert after([did("reopened", "resolved")], []) == {"3fa1": "open"}
    assert after([OPEN, did("accepted", "accepted")], []) == {}
    assert after([OPEN], [Action("3fa1", "resolved")]) == {"3fa1": "resolved"}


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (OPEN, "acknowledged"), (OPEN, "accepted"), (OPEN, "resolved"),
        (did("acknowledged", "acknowledged"), "accepted"), (did("resolved", "resolved"), "accepted"),
    ],
)  # fmt: skip
def test_people_may_do(state: EventState, action: str) -> None:
    done = asked_action(AskedAction("3fa1", action, "why", "ada"), [state])
    assert done == Action("3fa1", action, "why", "ada")


@pytest.mark.parametrize(
    ("state", "action"),
    [(did("accepted", "accepted"), "resolved"), (did("accepted", "accepted"), "acknowledged"),
     (did("resolved", "resolved"), "acknowledged")],
)  # fmt: skip
def test_people_may_not_do_and_are_told_why(state: EventState, action: str) -> None:
    with pytest.raises(ActionError, match=f"is {state.status}: only one that is open"):
        asked_action(AskedAction("3f", action), [state])


def test_asking_twice_changes_nothing() -> None:
    assert asked_action(AskedAction("3fa1", "accepted"), [did("accepted", "accepted")]) is None


def test_no_finding_or_two_of_that_id_are_refused() -> None:
    with pytest.raises(ActionError, match="no finding has"):
        asked_action(AskedAction("ff", "accepted"), [])
    with pytest.raises(ActionError, match="2 findings have"):
        asked_action(AskedAction("3f", "accepted"), [OPEN, replace(OPEN, event_id="3fb2")])


@pytest.mark.parametrize(
    "text", ["", "accept", "[]", "{}", '{"event": "3f"}', '{"event": "3f", "action": "reopened"}',
             '{"event": "", "action": "accepted"}', '{"event": 3, "action": "accepted"}',
             '{"event": "3f", "action": "accepted", "by": "ada"}']
)  # fmt: skip
def test_a_setting_that_is_no_action_is_refused(text: str) -> None:
    with pytest.raises(ActionError):
        AskedAction.from_text(text)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200)), min_size=1, max_size=20),
    st.sampled_from(["structural", "statistical"]),
)
def test_a_settled_finding_is_not_settled_twice(steps: list[tuple[int, int]], channel: str) -> None:
    """Whatever is seen when: after drift's own actions, the same data asks for none."""
    state = replace(OPEN, channel=channel)
    for more, quiet in steps:
        state = replace(state, seen=state.seen + timedelta(hours=more), quiet_windows=quiet)
        actions = own_actions([state], 96)
        if actions:
            status = after([state], actions).get(state.event_id, state.status)
            state = replace(state, action=actions[0].action, status=status, seen_at_action=state.seen)
        if state.status != "open" or quiet < 96:
            assert own_actions([state], 96) == []
