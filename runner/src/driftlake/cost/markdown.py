"""An estimate as Markdown: what the terminal shows and what `docs/cost.md` holds."""

from __future__ import annotations

from collections.abc import Iterable

from driftlake.cost.command import Estimate
from driftlake.cost.inputs import Inputs, read_assumptions

_MADE_BY = (
    "Made by `make cost` from the data files in `runner/src/driftlake/cost`; `driftlake cost --help` says\n"
    "what else can be asked. Nothing here was read off an AWS bill."
)
_GRID = "Dollars a month, all else equal; stages that no longer fit their tick get more workers."


def page(found: Estimate, inputs: Inputs) -> str:
    """The whole page `docs/cost.md`."""
    sections = (
        f"# What it costs\n\n{_MADE_BY}",
        summary(found),
        f"## The bill\n\n{bill_table(found)}",
        f"## Other volumes and cadences\n\n{_GRID}\n\n{grid_table(found)}",
        f"## Options, off by default\n\n{options_table(found)}",
        f"## Prices\n\nUS dollars in us-east-1.\n\n{prices_table(inputs)}",
        f"## Assumptions\n\n{assumptions_table()}",
    )
    return "\n\n".join(sections) + "\n"


def summary(found: Estimate) -> str:
    """Volume, sum, budget, and what the numbers rest on."""
    profile = found.profile
    carried = found.largest_gb_per_day
    largest = "not even an empty day" if carried is None else f"{carried:g} GB a day"
    held = "within" if found.within_budget else "OVER"
    sizes = " and ".join(f"${usd:.2f} from {size:,}" for size, usd in found.fleets.items())
    return (
        f"{profile.gb_per_day:g} GB a day from {found.devices:,} devices, a tick every {profile.tick_minutes} minutes: "
        f"**${found.total_usd:.2f} a month**, {held} the budget of ${found.budget_usd:g}, which carries {largest}.\n"
        f"The same volume costs {sizes} devices: more windows, each of fewer readings.\n"
        f"Prices of {found.prices_as_of}.\n"
        f"Seconds of the stages: {found.seconds_basis}.\n"
        f"Requests of the stages: {found.requests_basis}."
    )


def bill_table(found: Estimate) -> str:
    """The lines of the bill and their sum."""
    rows = [(line.component, f"{line.usd:.2f}", line.how) for line in found.lines]
    return _table(("component", "$ a month", "how"), [*rows, ("**sum**", f"{found.total_usd:.2f}", "")])


def grid_table(found: Estimate) -> str:
    """Totals by cadence and volume."""
    volumes = list(dict.fromkeys(gb for _, gb in found.grid))
    ticks = list(dict.fromkeys(tick for tick, _ in found.grid))
    rows = [(f"every {tick} minutes", *(f"{found.grid[tick, gb]:,.2f}" for gb in volumes)) for tick in ticks]
    return _table(("tick", *(f"{gb:g} GB a day" for gb in volumes)), rows)


def options_table(found: Estimate) -> str:
    """What each option adds."""
    rows = [(name, f"{line.usd:,.2f}", line.how) for name, line in found.options.items()]
    return _table(("`--with`", "$ a month more", "how"), rows)


def prices_table(inputs: Inputs) -> str:
    """Every price with its source."""
    rows = [
        (
            name,
            f"{price.usd:g}",
            price.unit,
            f"{price.free:g}" if price.free else "",
            price.sure,
            price.source,
        )
        for name, price in inputs.prices.items()
    ]
    return _table(("price", "$", "for a", "free a month", "sure", "source"), rows)


def assumptions_table() -> str:
    """Every assumption with its reason."""
    rows = [(name, f"{entry['value']:g}", entry["reason"]) for name, entry in read_assumptions().items()]
    return _table(("assumption", "value", "why"), rows)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = tuple(heads)
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
