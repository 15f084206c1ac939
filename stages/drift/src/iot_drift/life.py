"""The life of a finding: open, acknowledged, accepted, resolved, and open again. Pure.

Its newest action is what counts; the status in `drift.event` follows from it. So a process that ends between the two
writes leaves nothing wrong: the next run sees the action and mends the status.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from iot_common.contracts.drift_event_action import (
    ACCEPTED,
    ACKNOWLEDGED,
    OPEN,
    REOPENED,
    RESOLVED,
    STATUS_AFTER,
)
from iot_common.errors import SettingsError

MAY_FOLLOW = {
    ACKNOWLEDGED: (OPEN,),
    ACCEPTED: (OPEN, ACKNOWLEDGED, RESOLVED),
    RESOLVED: (OPEN, ACKNOWLEDGED),
}
"""What people may do, and to findings of which status."""


class ActionError(SettingsError):
    """An action cannot be done to this finding; nothing was written."""


@dataclass(frozen=True, slots=True)
class EventState:
    """A finding, as far as its life asks.

    Attributes:
        event_id: Its id.
        channel: `structural` or `statistical`.
        status: As the table has it.
        seen: Its last deviation; where no record tells a time, when drift last changed it.
        action: The newest action; None if nothing was done to it.
        seen_at_action: `seen` at that action.
        quiet_windows: Windows of its devices without it since `seen`.
    """

    event_id: str
    channel: str
    status: str
    seen: datetime
    action: str | None = None
    seen_at_action: datetime | None = None
    quiet_windows: int = 0

    @property
    def due_status(self) -> str:
        """The status that follows from its newest action."""
        return OPEN if self.action is None else STATUS_AFTER[self.action]


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do to a finding; `requested_by` is None where drift itself says so."""

    event_id: str
    action: str
    note: str | None = None
    requested_by: str | None = None


def own_actions(states: Iterable[EventState], quiet_windows: int) -> list[Action]:
    """What drift itself does: resolves what has been quiet for long, and opens again what has come back.

    An accepted statistical finding opens again too: its new normal is broken. An accepted structural one stays: the
    change was wanted, and more records of it are no news.
    """
    return [action for state in states if (action := _own_action(state, quiet_windows)) is not None]


def _own_action(state: EventState, quiet_windows: int) -> Action | None:
    came_back = state.seen_at_action is not None and state.seen > state.seen_at_action
    may_return = state.due_status == RESOLVED or (
        state.due_status == ACCEPTED and state.channel == "statistical"
    )
    if may_return and came_back:
        return Action(state.event_id, REOPENED, f"seen again at {state.seen:%Y-%m-%d %H:%M}")
    if state.due_status in (OPEN, ACKNOWLEDGED) and state.quiet_windows >= quiet_windows:
        return Action(state.event_id, RESOLVED, f"quiet for {state.quiet_windows} windows of its devices")
    return None


@dataclass(frozen=True, slots=True)
class AskedAction:
    """What a person asks for: an action on the finding whose id begins so."""

    event: str
    action: str
    note: str | None = None
    requested_by: str | None = None

    @classmethod
    def from_text(cls, text: str) -> AskedAction:
        """From the setting `action`: JSON with event, action, and if need be note and requested_by.

        Raises:
            ActionError: If it is no such JSON, or no such action.
        """
        try:
            asked = cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise ActionError(
                f'--action is JSON like {{"event": "3fa1", "action": "accepted", "note": "why"}}, not {text!r}'
            ) from error
        if asked.action not in MAY_FOLLOW:
            raise ActionError(f"no action {asked.action!r}: it is {', '.join(MAY_FOLLOW)}")
        if not isinstance(asked.event, str) or not asked.event:
            raise ActionError("an action needs the id of a finding: `driftlake drift ls` lists them")
        return asked


def asked_action(asked: AskedAction, states: Iterable[EventState]) -> Action | None:
    """The action, or None if it was done already: asking again changes nothing.

    Args:
        asked: What is asked for.
        states: The findings whose id begins with `asked.event`.

    Raises:
        ActionError: If no finding, or more than one, has such an id, or if it cannot be done to one of its status.
    """
    found = list(states)
    if len(found) != 1:
        said = "no finding has" if not found else f"{len(found)} findings have"
        raise ActionError(f"{said} an id that begins with {asked.event!r}: `driftlake drift ls` lists them.")
    (state,) = found
    if state.due_status == asked.action:
        return None
    if state.due_status not in MAY_FOLLOW[asked.action]:
        raise ActionError(
            f"finding {state.event_id[:8]} is {state.due_status}: only one that is "
            f"{' or '.join(MAY_FOLLOW[asked.action])} can be {asked.action}."
        )
    return Action(state.event_id, asked.action, asked.note, asked.requested_by)


def after(states: Iterable[EventState], actions: Iterable[Action]) -> dict[str, str]:
    """Event id to the status it must have, where the table says another."""
    done = {each.event_id: STATUS_AFTER[each.action] for each in actions}
    due = ((state, done.get(state.event_id, state.due_status)) for state in states)
    return {state.event_id: status for state, status in due if status != state.status}


def action_row(
    action: Action, event: dict[str, Any], *, batch: str, now: datetime, version: str
) -> dict[str, Any]:
    """The row of `drift.event_action`, with what it copies from the finding."""
    copied = ("channel", "kind", "field", "contract_version", "devices", "onset")
    return {name: event[name] for name in copied} | {
        "event_id": action.event_id,
        "action": action.action,
        "action_time": now,
        "requested_by": action.requested_by,
        "note": action.note,
        "last_seen": event["last_seen"] or event["processing_time"],
        "batch": batch,
        "processing_time": now,
        "pipeline_version": version,
    }
