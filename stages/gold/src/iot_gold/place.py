"""The place of a position: one rule, as one pure function."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

CELLS_PER_DEGREE = 10
"""A cell is 0.1° wide: about 11 km from south to north, less from west to east towards the poles."""


def is_on_globe(latitude: Column, longitude: Column) -> Column:
    """True for a position that exists; null if a coordinate is missing."""
    return latitude.between(-90, 90) & longitude.between(-180, 180)


def place_of(latitude: Column, longitude: Column) -> Column:
    """The 0.1° cell of a position, named by its south-west corner: `47.3,8.5`.

    The corner belongs to the cell: 8.5 lies in cell 8.5, −0.05 in cell −0.1. Longitude 180 is −180, the same
    meridian. Null without a position, or for one that is not on the globe.
    """
    eastward = F.when(longitude == 180, F.lit(-180.0)).otherwise(longitude)
    name = F.format_string("%.1f,%.1f", _corner(latitude), _corner(eastward))
    return F.when(is_on_globe(latitude, longitude), name)


def _corner(degrees: Column) -> Column:
    # Rounded first: a product such as 1.1 * 10 can end on either side of the whole number it stands for.
    tenths = F.floor(F.round(degrees * CELLS_PER_DEGREE, 6))
    return tenths / CELLS_PER_DEGREE
