"""What a run shows at its end: each stage's ingress and egress, and whether every row is accounted for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from driftlake.gate_totals import GateTotal, QualityTotal
from driftlake.rendering import printable

if TYPE_CHECKING:
    from rich.console import Console

    from driftlake.pipeline import RunOutcome
    from driftlake.status import Conservation

BALANCE_RULE = "in = kept + quarantined + duplicate + superseded"


def readable_bytes(size: int | None) -> str:
    """`12 B`, `3.4 kB`, `1.2 MB`: powers of 1000."""
    if size is None:
        return "–"
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 999.95:
            break
        amount, unit = amount / 1000, larger
    return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"


def show_gates(totals: Sequence[GateTotal], console: Console) -> None:
    """The table of ingress and egress; a stage that had nothing to do has no line."""
    from rich.table import Table
    from rich.text import Text

    if not totals:
        console.print("Nothing new: no stage had a batch to run.", markup=False)
        return
    table = Table(title="Ingress and egress of each stage", title_justify="left", header_style="bold")
    for name in ("stage", "query", "gate", "table or prefix"):
        table.add_column(name, overflow="fold")
    for name in ("files", "bytes", "rows"):
        table.add_column(name, justify="right", no_wrap=True)
    stage_before = ""
    for total in totals:
        if stage_before and total.stage != stage_before:
            table.add_section()
        cells = (
            total.stage if total.stage != stage_before else "",
            total.query,
            f"→ {total.disposition}" if total.side == "ingress" else f"{total.disposition} →",
            printable(shortened(total.target)),
            "–" if total.files is None else f"{total.files:,}",
            readable_bytes(total.bytes),
            f"{total.rows:,}",
        )
        table.add_row(*(Text(cell) for cell in cells))
        stage_before = total.stage
    console.print(table)


def show_quality(totals: Sequence[QualityTotal], console: Console) -> None:
    """Tell how many quality checks passed, and name those that did not; nothing where none was made."""
    if not totals:
        return
    failed = [each for each in totals if each.failed_batches]
    passed = f"{len(totals) - len(failed)} of {len(totals)} checks passed"
    console.print(f"Quality: {passed}{'; failed:' if failed else '.'}", markup=False, highlight=False)
    for each in failed:
        told = f"{each.failing_rows:,} rows in {each.failed_batches:,} of {each.batches:,} batches"
        console.print(f"  {printable(each.check)}: {told}", markup=False, highlight=False)


def shortened(target: str) -> str:
    """A table's name as it is; of a location only its last folder."""
    return f"…/{target.rstrip('/').rsplit('/', 1)[-1]}/" if "/" in target else target


def show_conservation(outcome: RunOutcome, table: Conservation | None, console: Console) -> bool:
    """Tell whether everything balances, in this run and, if metrics ran, in `ops.conservation`; return it."""
    named = dict(outcome.unbalanced)
    for row in table.unbalanced if table else []:
        named[f"{row['stage']}.{row['query']} batch {row['batch_id']}"] = row["difference"]
    checked = max(outcome.batches, table.batches if table else 0)
    if not named:
        what = f"{checked:,} batches checked, none lost or doubled a row" if checked else "no batch to check"
        console.print(f"Conservation: balanced; {what} ({BALANCE_RULE}).", markup=False, highlight=False)
        return True
    console.print(
        f"Conservation: NOT BALANCED ({BALANCE_RULE}):", style="bold", markup=False, highlight=False
    )
    for name, difference in named.items():
        lost = f"{difference:,} too few left" if difference > 0 else f"{-difference:,} too many left"
        console.print(f"  {printable(name)}: {lost}", markup=False, highlight=False)
    console.print(
        '  Look at: driftlake query "select * from ops.conservation where not balanced"', markup=False
    )
    return False


def show_failures(outcome: RunOutcome, console: Console) -> None:
    """A line per stage that failed."""
    for error in outcome.failures:
        console.print(f"driftlake: {error}", style="bold", markup=False, highlight=False, soft_wrap=True)
