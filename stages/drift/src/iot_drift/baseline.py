"""What is usual for a device: its own hours of the day, shrunk towards its place, with honest scales.

Learned from reference windows only and frozen with them, so that a slow drift is not absorbed. Scales come from
residuals against the *other* days of the reference (each day is predicted without itself): a baseline judged on its own
days would look better than it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from iot_drift.daily_cycle import daily_and_crossed, days_of, expected_at
from iot_drift.features import DAILY, FIELDS, PLACE

Floats = npt.NDArray[np.float64]

SCALE_FLOOR = {
    # No sensor of this class is better than its data sheet (about 0.2 °C, 1 to 2 % RH): smaller is no drift.
    "temperature_celsius": 0.25,
    "humidity_percent": 1.0,
    "noise": 0.25,  # natural logarithm: a quarter more or less jitter
    "slope": 2.0,  # percent a day
    "relation": 1.0,  # percent of humidity
    "spread": 0.25,  # natural logarithm, as noise
    "lag": 0.5,  # natural logarithm of minutes: half more or less
    "place": 0.02,  # degrees: about 2 km, beyond any jitter of a position
}

PRIOR_DAYS = 2.0
"""Weight of the fleet's scale against the device's own: days, since windows of one day err together."""

MIN_PEERS = 3
"""A place's median needs so many devices to outvote a drifting one."""

STUCK_HOURS = {"temperature_celsius": 3.0, "humidity_percent": 3.0, "battery_percent": 12.0}
"""Shorter standstills are no fault; a battery is read in steps that a day may not leave."""

STUCK_FACTOR = 3.0
"""A standstill must also be so many times longer than the longest of the device's reference."""

Z_NAMES = (
    *(f"{field}_shift" for field in (*FIELDS, *PLACE)),
    *(f"{field}_noise_z" for field in FIELDS),
    *(f"{field}_stuck" for field in FIELDS),
    "relation",
    *(f"{field}_{what}_z" for field in DAILY for what in ("step", "spread")),
    "lag_z",
    "gap_share",
)
"""What `residuals` computes: robust z-scores, except `_stuck` (hours over the limit; 1 = at the limit) and `gap_share`
(share of the usual readings of a window that are not there)."""

CENTRES = (
    *(f"{field}_noise" for field in FIELDS),
    *(f"{field}_stuck_limit" for field in FIELDS),
    *(f"{field}_spread" for field in DAILY),
    "battery_percent_slope",
    *PLACE,
    "relation",
    "lag",
    "reading_count",
)
SCALES = (
    *(f"{field}{what}" for field in DAILY for what in ("", "_peer", "_step", "_spread")),
    *(f"{field}_noise" for field in FIELDS),
    "battery_percent_slope",
    "relation",
    "lag",
)
"""Names in `Baseline.centre` and `Baseline.scale`."""


@dataclass(frozen=True)
class Baseline:
    """What was learned per device; arrays follow `devices`.

    Attributes:
        devices: Device ids in order.
        place: Place (cell of 0.1 degree) of each device in its reference.
        daily: Field of DAILY to expected value per device and hour of the day (UTC).
        centre: Name to the usual value per device.
        scale: Name to the robust spread per device.
    """

    devices: tuple[str, ...]
    place: tuple[str, ...]
    daily: Mapping[str, Floats]
    centre: Mapping[str, Floats]
    scale: Mapping[str, Floats]


def fit_baseline(reference: pd.DataFrame, window_minutes: int) -> tuple[Baseline, pd.DataFrame]:
    """Learn what is usual from reference windows.

    Args:
        reference: Windows with STATISTICS and ROLLING, ordered by device and time.
        window_minutes: Length of a window.

    Returns:
        The baseline, and the reference windows' own Z_NAMES, each day judged by the others.
    """
    codes, devices = pd.factorize(reference["device_id"], sort=True)
    place = _places(reference, codes, len(devices))
    block = days_of(reference["window_start"])
    daily, residual = {}, {}
    for field in DAILY:
        daily[field], residual[field] = daily_and_crossed(
            reference, field, codes, place, block, window_minutes
        )
    days = np.array(
        [len(np.unique(block[codes == number])) for number in range(len(devices))], dtype="float64"
    )
    centre, scale = _spreads(reference, residual, codes, place, days)
    baseline = Baseline(tuple(devices), tuple(place), daily, centre, scale)
    return baseline, _z_scores(reference, codes, residual, baseline)


def residuals(
    windows: pd.DataFrame, peers: pd.DataFrame, baseline: Baseline, window_minutes: int
) -> pd.DataFrame:
    """Z_NAMES and `<field>_expected` of windows; null for devices without a baseline.

    Args:
        windows: Windows with STATISTICS and ROLLING.
        peers: Windows of other devices at the same times that are not in `windows`; may be empty.
        baseline: From `fit_baseline`.
        window_minutes: Length of a window.
    """
    everyone = (
        pd.concat([windows, peers], ignore_index=True) if len(peers) else windows.reset_index(drop=True)
    )
    codes = pd.Index(baseline.devices).get_indexer(everyone["device_id"])
    residual, expected = {}, {}
    for field in DAILY:
        usual = expected_at(baseline.daily[field], codes, everyone["window_start"], window_minutes)
        residual[field] = everyone[f"{field}_median"].to_numpy() - usual
        expected[f"{field}_expected"] = usual
    scores = _z_scores(everyone, codes, residual, baseline).assign(**expected)
    return scores.iloc[: len(windows)].set_axis(windows.index)


def _places(reference: pd.DataFrame, codes: npt.NDArray[np.intp], count: int) -> list[str]:
    """The 0.1 degree cell (about 11 km) in which a device's reference lies; where it drifts to later plays no part."""
    medians = reference[[f"{axis}_median" for axis in PLACE]].groupby(codes).median().reindex(range(count))
    rounded = medians.round(1) + 0.0
    return [f"{latitude}/{longitude}" for latitude, longitude in rounded.to_numpy()]


def _spreads(
    reference: pd.DataFrame,
    residual: Mapping[str, Floats],
    codes: npt.NDArray[np.intp],
    place: list[str],
    days: Floats,
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Usual values and spreads per device for everything that has a z-score."""
    centre: dict[str, Floats] = {}
    scale: dict[str, Floats] = {}

    def learn(name: str, deviation: Floats, floor: float) -> None:
        scale[name] = _scale(deviation, codes, days, floor)

    for field in DAILY:
        learn(field, residual[field], SCALE_FLOOR[field])
        learn(f"{field}_peer", _against_peers(reference, residual[field], codes, place), SCALE_FLOOR[field])
    for name, floor in (
        *((f"{field}_noise", SCALE_FLOOR["noise"]) for field in FIELDS),
        *((f"{field}_spread", SCALE_FLOOR["spread"]) for field in DAILY),
        ("battery_percent_slope", SCALE_FLOOR["slope"]),
    ):
        values = reference[name].to_numpy()
        centre[name] = _medians(values, codes, len(place))
        learn(name, values - centre[name][codes], floor)
    for field in DAILY:
        learn(f"{field}_step", reference[f"{field}_step"].to_numpy(), SCALE_FLOOR[field])
    lag = _log_lag(reference)
    centre["lag"] = _medians(lag, codes, len(place))
    learn("lag", lag - centre["lag"][codes], SCALE_FLOOR["lag"])
    centre["reading_count"] = _medians(_counts(reference), codes, len(place))
    for axis in PLACE:
        centre[axis] = _medians(reference[f"{axis}_median"].to_numpy(), codes, len(place))
    for field in FIELDS:
        longest = pd.Series(reference[f"{field}_unchanged_hours"].to_numpy()).groupby(codes).max()
        limit = np.maximum(STUCK_HOURS[field], STUCK_FACTOR * longest.reindex(range(len(place))).to_numpy())
        centre[f"{field}_stuck_limit"] = np.asarray(limit)
    centre["relation"] = _relation(residual, codes, len(place))
    learn("relation", _against_relation(residual, codes, centre["relation"]), SCALE_FLOOR["relation"])
    return centre, scale


def _log_lag(windows: pd.DataFrame) -> Floats:
    """Logarithm of the lag: an hour late is as far from a minute as a day from half an hour."""
    return np.asarray(np.log1p(np.maximum(windows["lag_minutes"].to_numpy(dtype="float64"), 0.0)))


def _counts(windows: pd.DataFrame) -> Floats:
    """Readings of a window, null where nobody counted them."""
    known = "reading_count" in windows
    return windows["reading_count"].to_numpy(dtype="float64") if known else np.full(len(windows), np.nan)


def _medians(values: Floats, codes: npt.NDArray[np.intp], count: int) -> Floats:
    return pd.Series(values).groupby(codes).median().reindex(range(count)).to_numpy()


def _scale(deviation: Floats, codes: npt.NDArray[np.intp], days: Floats, floor: float) -> Floats:
    """Spread per device: the 90 % point of the deviations as that of a normal, shrunk to the fleet's median."""
    size = (
        pd.Series(np.abs(deviation)).groupby(codes).quantile(0.9).reindex(range(len(days))).to_numpy() / 1.645
    )
    known = ~np.isnan(size)
    fleet = float(np.median(size[known])) if known.any() else 0.0
    weight = np.where(known, days, 0.0)
    variance = (weight * np.nan_to_num(size) ** 2 + PRIOR_DAYS * fleet**2) / (weight + PRIOR_DAYS)
    return np.asarray(np.maximum(np.sqrt(variance), floor))


def _against_peers(
    windows: pd.DataFrame, residual: Floats, codes: npt.NDArray[np.intp], place: list[str]
) -> Floats:
    """Residual minus what its place shares."""
    return np.asarray(residual - _shared_at_place(windows, residual, codes, place))


def _shared_at_place(
    windows: pd.DataFrame, values: Floats, codes: npt.NDArray[np.intp], place: Sequence[str]
) -> Floats:
    """The median of the place at each window's time; null with fewer than MIN_PEERS devices, or without a value."""
    named = np.array([*place, None], dtype=object)[codes]
    grouped = pd.Series(values).groupby([named, windows["window_start"].to_numpy()])
    enough = grouped.transform("count").to_numpy() >= MIN_PEERS
    common = grouped.transform("median").to_numpy(dtype="float64")
    return np.asarray(np.where(enough & ~np.isnan(values), common, np.nan))


def _relation(residual: Mapping[str, Floats], codes: npt.NDArray[np.intp], count: int) -> Floats:
    """Percent of humidity that goes with one degree, per device, shrunk to the fleet's."""
    warmth, moisture = residual["temperature_celsius"], residual["humidity_percent"]
    both = ~np.isnan(warmth) & ~np.isnan(moisture)
    products = pd.DataFrame({"xy": warmth * moisture, "xx": warmth**2})[both]
    sums = products.groupby(codes[both]).sum().reindex(range(count)).fillna(0.0)
    whole = float(sums["xy"].sum() / sums["xx"].sum()) if sums["xx"].sum() > 0 else 0.0
    weight = float(sums["xx"].mean()) or 1.0
    return np.asarray((sums["xy"] + weight * whole) / (sums["xx"] + weight))


def _against_relation(residual: Mapping[str, Floats], codes: npt.NDArray[np.intp], slope: Floats) -> Floats:
    return np.asarray(residual["humidity_percent"] - slope[codes] * residual["temperature_celsius"])


def _z_scores(
    windows: pd.DataFrame, codes: npt.NDArray[np.intp], residual: Mapping[str, Floats], baseline: Baseline
) -> pd.DataFrame:
    """Z_NAMES of windows; a code of -1 is a device without a baseline and gives nulls."""
    known = codes >= 0

    def of(values: Mapping[str, Floats], name: str) -> Floats:
        return (
            np.asarray(np.where(known, values[name][codes], np.nan)) if len(values[name]) else codes * np.nan
        )

    scores: dict[str, Floats] = {}
    related = _against_relation(residual, codes, np.append(baseline.centre["relation"], np.nan))
    relation = related / of(baseline.scale, "relation")
    fleetwide = _over_places(windows, relation, codes, baseline.place)
    local = _shared_at_place(windows, relation, codes, baseline.place)
    for field in DAILY:
        own = residual[field] / of(baseline.scale, field)
        common = _shared_at_place(windows, residual[field], codes, baseline.place)
        peer = (residual[field] - common) / of(baseline.scale, f"{field}_peer")
        shared = common / of(baseline.scale, field)
        scores[f"{field}_shift"] = _shift(own, peer, shared, local, fleetwide)
    slope = windows["battery_percent_slope"].to_numpy() - of(baseline.centre, "battery_percent_slope")
    # Up is a new battery, which is no drift.
    scores["battery_percent_shift"] = np.minimum(slope / of(baseline.scale, "battery_percent_slope"), 0.0)
    for axis in PLACE:
        moved = windows[f"{axis}_median"].to_numpy() - of(baseline.centre, axis)
        scores[f"{axis}_shift"] = moved / SCALE_FLOOR["place"]
    for field in FIELDS:
        name = f"{field}_noise"
        louder = (windows[name].to_numpy() - of(baseline.centre, name)) / of(baseline.scale, name)
        # Less noise is no fault of its own; a sensor that stands still is found as such.
        scores[f"{field}_noise_z"] = np.maximum(louder, 0.0)
        scores[f"{field}_stuck"] = windows[f"{field}_unchanged_hours"].to_numpy() / of(
            baseline.centre, f"{field}_stuck_limit"
        )
    scores["relation"] = relation
    for field in DAILY:
        scores[f"{field}_step_z"] = windows[f"{field}_step"].to_numpy() / of(baseline.scale, f"{field}_step")
        name = f"{field}_spread"
        wider = windows[name].to_numpy() - of(baseline.centre, name)
        scores[f"{name}_z"] = wider / of(baseline.scale, name)
    scores["lag_z"] = (_log_lag(windows) - of(baseline.centre, "lag")) / of(baseline.scale, "lag")
    # More readings than usual are no gap.
    scores["gap_share"] = np.maximum(1.0 - _counts(windows) / of(baseline.centre, "reading_count"), 0.0)
    return pd.DataFrame(scores, index=windows.index)[list(Z_NAMES)]


MOST = 2.0
"""Neighbours count for at most so many times the device's own deviation: where they run away, it has not."""

ALONE = 2.0
"""A device that deviates from itself with all its neighbours, or that has none, needs so many times the evidence."""


MIN_PLACES = 3
"""Weather is of one place: what so many places show at once is none."""


def _over_places(
    windows: pd.DataFrame, values: Floats, codes: npt.NDArray[np.intp], place: tuple[str, ...]
) -> Floats:
    """The middle of all places' medians at each window's time; null with fewer than MIN_PLACES."""
    named = np.array([*place, None], dtype=object)[codes]
    times = windows["window_start"].to_numpy()
    medians = pd.Series(values).groupby([times, named]).median()
    middle = medians.groupby(level=0).agg(["median", "count"])
    return middle["median"].where(middle["count"] >= MIN_PLACES).reindex(times).to_numpy()


AS_USUAL = 1.0
"""Spreads of its own past within which neighbours say that the weather is as usual."""

WEATHER = 2.0
"""A shift that a whole place shares counts for at most so many times the break of its readings' relation."""


def _shift(own: Floats, peer: Floats, shared: Floats, local: Floats, fleetwide: Floats) -> Floats:
    """Deviation that the device's past and a second witness confirm, signed as `own`.

    The first witness are its neighbours, if they agree in sign. While they measure what is usual, all that sets the
    device apart from them is its own. While they do not, it is the geometric mean of the two: weather moves all of
    them alike, and a cold spell is no drift; a healthy device among neighbours that run away has none either. The
    second is the relation of its readings, where it breaks at all places at once: warm air is dry air, in a heat wave
    too; rain may break that at a place, but a temperature that rises everywhere without the humidity falling is a
    change of the devices. A drift of the whole of one place is still seen against the past, at 1/ALONE of its size,
    unless its relation holds: then it is weather.

    Args:
        own: Deviation from the device's own past, in its spreads.
        peer: Deviation from the neighbours, in its spreads.
        shared: What the neighbours deviate alike, in spreads of the device's own past.
        local: The break of the relation that the neighbours share; null without neighbours or one of both readings.
        fleetwide: The break of the relation that all places share.
    """
    most = MOST * np.abs(own)
    both = np.where(np.abs(shared) <= AS_USUAL, np.abs(peer), np.minimum(np.sqrt(np.abs(own * peer)), most))
    alone = np.fmin(np.abs(own), WEATHER * np.abs(local)) / ALONE
    size = np.fmax(np.where(np.sign(own) == np.sign(peer), both, 0.0), alone)
    return np.asarray(np.sign(own) * np.fmax(size, np.minimum(np.sqrt(np.abs(own * fleetwide)), most)))
