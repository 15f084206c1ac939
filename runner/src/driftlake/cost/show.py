"""Shows an estimate on a terminal, as JSON, or writes it as a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from driftlake.cost import markdown
from driftlake.cost.command import Estimate
from driftlake.cost.inputs import Inputs

if TYPE_CHECKING:
    from rich.console import Console


def show_estimate(found: Estimate, console: Console, json_to: TextIO | None) -> None:
    """The bill, other volumes and cadences, options; or all of it as JSON."""
    if json_to:
        json_to.write(json.dumps(found.as_json(), indent=2) + "\n")
        return
    from rich.table import Table

    bill = Table("component", "$ a month", "how", title="A month's bill")
    for line in found.lines:
        bill.add_row(line.component, f"{line.usd:.2f}", line.how)
    bill.add_row("[bold]sum[/bold]", f"[bold]{found.total_usd:.2f}[/bold]", "")
    console.print(bill)
    volumes = list(dict.fromkeys(gb for _, gb in found.grid))
    grid = Table(
        "tick", *(f"{gb:g} GB a day" for gb in volumes), title="At other volumes and cadences, $ a month"
    )
    for tick in dict.fromkeys(tick for tick, _ in found.grid):
        grid.add_row(f"{tick} min", *(f"{found.grid[tick, gb]:,.2f}" for gb in volumes))
    console.print(grid)
    options = Table("--with", "$ a month more", "how", title="Options, off by default")
    for name, line in found.options.items():
        options.add_row(name, f"{line.usd:,.2f}", line.how)
    console.print(options)
    console.print(markdown.summary(found).replace("**", ""), highlight=False)


def write_page(found: Estimate, inputs: Inputs, path: Path) -> None:
    """Write the whole estimate as a Markdown page."""
    path.write_text(markdown.page(found, inputs), "utf-8")
