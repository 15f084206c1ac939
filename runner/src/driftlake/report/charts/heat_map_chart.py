"""Devices over time: squares whose side and shade both grow with the excess, so that grey paper says the same."""

from __future__ import annotations

from datetime import UTC, datetime

from markupsafe import Markup

from driftlake.report.heat_map import DeviceRow, HeatMap
from driftlake.report.scales import TimeScale
from driftlake.report.svg import drawing, element, line, shortened, squares, text

WIDTH = 1100.0
LEFT, RIGHT, TOP = 140.0, 900.0, 8.0
ROW = 15.0
REST_HEIGHT = 46.0

LEVELS = (1.0, 2.0, 5.0, 20.0)
"""Excess from which a square is larger and darker: times the limit of its feature."""

QUIET_SIDE = 2.0
SIDES = (0.5, 0.66, 0.83, 1.0)


Square = tuple[float, float, float]


def heat_map_chart(found: HeatMap) -> Markup:
    """The worst devices, a row each, and the other devices as columns of their share that deviates."""
    time = TimeScale(found.first, found.last, LEFT, RIGHT)
    body = [
        part for place, row in enumerate(found.rows) for part in _row(row, TOP + ROW * place, time, found)
    ]
    below = TOP + ROW * len(found.rows) + 6
    if found.rest:
        body += _rest(found, below, time)
        below += (REST_HEIGHT if any(deviating for *_, deviating in found.rest) else 16.0) + 8
    for x, label in time.ticks(9):
        body += [line(x, TOP, x, below, "grid"), text(x, below + 16, label, anchor="middle")]
    label = f"Deviating windows of {len(found.rows)} devices over time; the table below has them in numbers"
    return drawing(WIDTH, below + 24, label, *body, line(LEFT, below, RIGHT, below, "axis"))


def level_of(excess: float) -> int:
    """Place in LEVELS, or -1 below the limit."""
    return sum(excess >= level for level in LEVELS) - 1


def _row(row: DeviceRow, top: float, time: TimeScale, found: HeatMap) -> list[Markup]:
    middle = top + ROW / 2
    pitch = (RIGHT - LEFT) * found.width / time.span_seconds
    side = min(pitch, ROW) - 1.0
    by_level: dict[int, list[Square]] = {}
    quiet, learning = list[Square](), list[Square]()
    for at, worst, is_learning in row.cells:
        x = time.x(datetime.fromtimestamp(at + found.width / 2, UTC))
        level = level_of(worst)
        if level >= 0:
            by_level.setdefault(level, []).append((x, middle, side * SIDES[level]))
        else:
            (learning if is_learning else quiet).append((x, middle, QUIET_SIDE))
    count = f"{row.deviating:,} of {row.windows:,} windows deviate"
    words = f"{row.device_id}: {count}, at most {row.worst:.3g} times the limit"
    return [
        text(LEFT - 8, middle + 4, shortened(row.device_id, 20), anchor="end"),
        squares(quiet, "quiet"), squares(learning, "learning"),
        *(squares(places, f"heat{level}") for level, places in sorted(by_level.items())),
        text(RIGHT + 10, middle + 4, f"{_feature(row.top_feature)} · {row.worst:.3g}×", "soft"),
        element("rect", element("title", words), x=0, y=top, width=WIDTH, height=ROW, class_="hover"),
    ]  # fmt: skip


def _feature(name: str | None) -> str:
    """`temperature shift` of `temperature_celsius_shift`: the unit says nothing here."""
    words = [word for word in (name or "–").split("_") if word not in ("celsius", "percent", "z")]
    return shortened(" ".join(words), 20)


def _rest(found: HeatMap, top: float, time: TimeScale) -> list[Markup]:
    others = f"{found.devices - len(found.rows):,} other devices"
    if not any(deviating for _, _, deviating in found.rest):
        return [text(LEFT, top + 14, f"{others}: no window deviates", "soft")]
    bottom = top + REST_HEIGHT
    pitch = (RIGHT - LEFT) * found.width / time.span_seconds
    shares = [(at, deviating / windows) for at, windows, deviating in found.rest if deviating]
    bars = [
        element(
            "rect", x=time.x(datetime.fromtimestamp(at, UTC)) + 0.5, y=bottom - REST_HEIGHT * share,
            width=max(pitch - 1, 0.5), height=REST_HEIGHT * share, class_="heat2",
        )
        for at, share in shares
    ]  # fmt: skip
    return [
        line(LEFT, top, RIGHT, top, "grid"), *bars,
        text(LEFT - 8, top + 18, others, anchor="end"),
        text(LEFT - 8, top + 34, "share of windows", "soft", anchor="end"),
        text(RIGHT + 10, top + 8, "100 %", "soft"),
        text(RIGHT + 10, bottom, f"at most {100 * max(share for _, share in shares):.2g} %", "soft"),
    ]  # fmt: skip


def legend() -> Markup:
    """What the squares mean, for the caption."""
    parts = [(f"heat{place}", 11 * side, _range(place)) for place, side in enumerate(SIDES)]
    drawn = [("quiet", 3.0, "ordinary"), ("learning", 3.0, "still learning"), *parts]
    return Markup("").join(
        element(
            "span",
            element(
                "svg",
                squares([(6, 6, side)], name),
                view_box="0 0 12 12",
                width=12,
                height=12,
                class_="key",
                aria_hidden="true",
            ),
            f" {words}",
            class_="legend",
        )
        for name, side, words in drawn
    )


def _range(place: int) -> str:
    low = f"{LEVELS[place]:.0f}"
    return f"{low} to {LEVELS[place + 1]:.0f} × limit" if place + 1 < len(LEVELS) else f"over {low} × limit"
