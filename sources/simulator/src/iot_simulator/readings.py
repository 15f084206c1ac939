"""Readings in columns, and the text of a reading as a record of contract 1.0.0."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from iot_simulator.fleet import Fleet, Floats, Ints

UNITS = ("Celsius", "Fahrenheit", "Kelvin")
CELSIUS, FAHRENHEIT, KELVIN = range(3)
STATUSES = ("operational", "maintenance", "offline")

# What a line is, apart from a first delivery of a sound reading; bits of `ReadingBatch.marks`. CONFLICT is a
# correction, CORRECTED the line that it replaces.
MARK_DUPLICATE, MARK_CONFLICT, MARK_CORRECTED, MARK_MALFORMED, MARK_LATE, MARK_ANOMALY = (
    1 << bit for bit in range(6)
)


@dataclass
class ReadingBatch:
    """One element per line to be sent; effects of drifts change the columns in place.

    Attributes:
        device: Index into the fleet.
        event_ms: When the reading was truly taken.
        reported_ms: What the device's clock says.
        arrival_ms: When the gateway has the line.
        temperature: Celsius, whatever the unit declares, before it is encoded.
        humidity: Percent.
        battery_level: Percent.
        unit: Declared temperature unit, index into UNITS.
        status: Index into STATUSES.
        marks: MARK_ bits.
        drift_bits: Bit n is set where the scenario's drift n changed the line.
        variation: A random number from -1 to 1, for values that drifts add.
        silent: True where the line is never sent.
    """

    device: Ints
    event_ms: Ints
    reported_ms: Ints
    arrival_ms: Ints
    temperature: Floats
    humidity: Floats
    battery_level: Floats
    unit: Ints
    status: Ints
    marks: Ints
    drift_bits: Ints
    variation: Floats
    silent: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.device)

    def take(self, rows: npt.NDArray[np.generic]) -> ReadingBatch:
        """The rows selected by index or mask, in that order."""
        return ReadingBatch(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def followed_by(self, other: ReadingBatch) -> ReadingBatch:
        """The rows of both, `other` last."""
        return ReadingBatch(
            **{
                field.name: np.concatenate([getattr(self, field.name), getattr(other, field.name)])
                for field in fields(self)
            }
        )


def timestamps_text(epoch_ms: Ints) -> list[str]:
    """RFC 3339 in UTC with milliseconds."""
    instants = np.datetime_as_string(epoch_ms.astype("datetime64[ms]"), unit="ms", timezone="UTC")
    return [str(text) for text in instants.tolist()]


def _declared_temperature(batch: ReadingBatch) -> Floats:
    in_fahrenheit = batch.temperature * 1.8 + 32.0
    in_kelvin = batch.temperature + 273.15
    return np.asarray(np.choose(batch.unit, [batch.temperature, in_fahrenheit, in_kelvin]))


def _rounded(values: Floats, decimals: int) -> list[float]:
    # Adding zero turns -0.0 into 0.0, which reads as what it is.
    numbers: list[float] = (np.round(values, decimals) + 0.0).tolist()
    return numbers


def record_texts(fleet: Fleet, batch: ReadingBatch) -> list[str]:
    """Each row as one compact JSON object, keys in the contract's order.

    Formatted rather than serialised, several times faster; a test holds it equal to `json.dumps`.
    """
    before_time = [f'{{"schema_version":"1.0.0","device_id":"{name}","timestamp":"' for name in fleet.ids]
    before_temperature = [
        f'","location":{{"latitude":{latitude},"longitude":{longitude}}},"readings":{{"temperature":{{"value":'
        for latitude, longitude in zip(fleet.latitude.tolist(), fleet.longitude.tolist(), strict=True)
    ]
    before_humidity = [f',"unit":"{unit}"}},"humidity":{{"value":' for unit in UNITS]
    after_battery = [f',"unit":"percent"}}}},"status":"{status}"}}' for status in STATUSES]
    columns = zip(
        batch.device.tolist(),
        timestamps_text(batch.reported_ms),
        _rounded(_declared_temperature(batch), 2),
        batch.unit.tolist(),
        _rounded(batch.humidity, 1),
        _rounded(batch.battery_level, 1),
        batch.status.tolist(),
        strict=True,
    )
    return [
        f"{before_time[device]}{time}{before_temperature[device]}{temperature}{before_humidity[unit]}{humidity}"
        f',"unit":"percent"}},"battery_level":{{"value":{battery}{after_battery[status]}'
        for device, time, temperature, unit, humidity, battery, status in columns
    ]
