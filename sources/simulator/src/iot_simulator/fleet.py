"""The devices: where they stand, what they measure, and how their signals move when nothing is wrong.

Every signal is a closed function of device and time, so a stretch of time can be made on its own, in any
order and without state, and a drift can ask what a device showed at its start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_TURN = 2 * np.pi


@dataclass(frozen=True)
class Site:
    """A place with devices: centre in degrees, mean and daily swing of its air temperature in Celsius."""

    name: str
    latitude: float
    longitude: float
    mean_celsius: float
    daily_swing_celsius: float
    mean_humidity: float


# Centres have two decimals and lie away from rounding limits: with the scatter below, rounding a device's
# coordinates to one or two decimals names its site.
SITES = (
    Site("berlin", 52.52, 13.40, 11.0, 4.5, 62.0),
    Site("lisbon", 38.72, -9.14, 17.0, 4.0, 64.0),
    Site("denver", 39.74, -104.99, 9.0, 7.0, 45.0),
    Site("nairobi", -1.29, 36.82, 20.0, 5.0, 58.0),
    Site("singapore", 1.29, 103.82, 27.5, 2.5, 74.0),
    Site("curitiba", -25.43, -49.27, 21.0, 4.5, 68.0),
)
SITE_SCATTER_DEGREES = 0.004

# Percent of relative humidity that one degree above the site's mean takes away.
HUMIDITY_PER_CELSIUS = 2.0


@dataclass(frozen=True)
class Fleet:
    """Fixed properties of each device, one array element per device, in the order of the device ids."""

    ids: tuple[str, ...]
    site: Ints
    gateway: Ints
    latitude: Floats
    longitude: Floats
    offset_celsius: Floats
    swing_celsius: Floats
    noise_celsius: Floats
    wander_phase: Floats
    wander_hours: Floats
    humidity_base: Floats
    battery_used: Floats
    battery_per_day: Floats
    battery_span: Floats
    is_fahrenheit: npt.NDArray[np.bool_]
    phase_share: Floats
    weather_celsius: Floats
    weather_hours: Floats
    weather_phase: Floats

    def __len__(self) -> int:
        return len(self.ids)

    def temperature_celsius(self, device: Ints, event_ms: Ints) -> Floats:
        """Air temperature at each (device, time): site, weather, day and the device's own ways; no noise."""
        own_turns = event_ms / (self.wander_hours[device] * HOUR_MS)
        celsius: Floats = (
            _site_values("mean_celsius")[self.site[device]]
            + self.offset_celsius[device]
            + self._weather(self.site[device], event_ms)
            + self.swing_celsius[device] * self._daily_cycle(device, event_ms)
            + 0.15 * np.sin(_TURN * own_turns + self.wander_phase[device])
        )
        return celsius

    def humidity_percent(self, device: Ints, event_ms: Ints, temperature: Floats) -> Floats:
        """Relative humidity, falling as `temperature` (Celsius) rises above the site's mean; no noise."""
        warmth = temperature - self.offset_celsius[device] - _site_values("mean_celsius")[self.site[device]]
        slow = np.sin(_TURN * event_ms / (31 * HOUR_MS) + self.wander_phase[device])
        percent: Floats = self.humidity_base[device] - HUMIDITY_PER_CELSIUS * warmth + 1.5 * slow
        return percent

    def battery_percent(self, device: Ints, event_ms: Ints, since_ms: int) -> Floats:
        """Battery level: a steady discharge since `since_ms`, back to 100 when it is replaced."""
        days = (event_ms - since_ms) / DAY_MS
        used = self.battery_used[device] + days * self.battery_per_day[device]
        percent: Floats = 100.0 - np.mod(used, self.battery_span[device])
        return percent

    def _daily_cycle(self, device: Ints, event_ms: Ints) -> Floats:
        """1 at three in the afternoon of local solar time, -1 twelve hours away."""
        solar_ms = event_ms + self.longitude[device] / 360.0 * DAY_MS
        return np.asarray(np.cos(_TURN * (solar_ms - 15 * HOUR_MS) / DAY_MS))

    def _weather(self, site: Ints, event_ms: Ints) -> Floats:
        """Slow weather shared by all devices of a site, in Celsius."""
        waves = np.sin(
            _TURN * event_ms[:, None] / (self.weather_hours[site] * HOUR_MS) + self.weather_phase[site]
        )
        return np.asarray((self.weather_celsius[site] * waves).sum(axis=1))


def _site_values(attribute: str) -> Floats:
    return np.array([getattr(site, attribute) for site in SITES])


def build_fleet(devices: int, gateways: int, fahrenheit_share: float, seed: int) -> Fleet:
    """Draw a fleet: neighbouring ids stand at different sites, devices of a site share a gateway.

    Args:
        devices: Number of devices.
        gateways: Number of gateways; sites are dealt out among them.
        fahrenheit_share: Share of devices that declare Fahrenheit, rounded to whole devices.
        seed: Equal seeds give equal fleets.
    """
    random = np.random.default_rng([seed, 0])
    site = np.arange(devices, dtype=np.int64) % len(SITES)
    scatter = random.uniform(-SITE_SCATTER_DEGREES, SITE_SCATTER_DEGREES, (2, devices))
    is_fahrenheit = np.zeros(devices, dtype=bool)
    is_fahrenheit[random.permutation(devices)[: round(devices * fahrenheit_share)]] = True
    return Fleet(
        ids=tuple(f"sensor_{number}" for number in range(1, devices + 1)),
        site=site,
        gateway=site % gateways,
        latitude=np.round(_site_values("latitude")[site] + scatter[0], 5),
        longitude=np.round(_site_values("longitude")[site] + scatter[1], 5),
        offset_celsius=random.normal(0.0, 1.0, devices),
        swing_celsius=_site_values("daily_swing_celsius")[site] * random.uniform(0.8, 1.2, devices),
        noise_celsius=random.uniform(0.08, 0.25, devices),
        wander_phase=random.uniform(0.0, _TURN, devices),
        wander_hours=random.uniform(9.0, 17.0, devices),
        humidity_base=_site_values("mean_humidity")[site] + random.normal(0.0, 3.0, devices),
        battery_used=random.uniform(0.0, 70.0, devices),
        battery_per_day=random.uniform(1.5, 6.0, devices),
        battery_span=random.uniform(78.0, 88.0, devices),
        is_fahrenheit=is_fahrenheit,
        phase_share=random.uniform(0.0, 1.0, devices),
        weather_celsius=random.uniform(0.2, 0.7, (len(SITES), 3)),
        weather_hours=random.uniform(26.0, 90.0, (len(SITES), 3)),
        weather_phase=random.uniform(0.0, _TURN, (len(SITES), 3)),
    )
