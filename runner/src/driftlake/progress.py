"""Shows how far the work is: bars on a terminal, plain lines elsewhere. On standard error, so results can be piped."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from driftlake.pipeline import Observers

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

_MARKS = {"waiting": " ", "running": "▶", "done": "✓", "failed": "✗", "skipped": "–"}


class PipelineProgress:
    """One line per stage with its current step and time; a context manager."""

    def __init__(self, stages: list[str], console: Console) -> None:
        self._stages = stages
        self._console = console
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._started = time.monotonic()

    @property
    def observers(self) -> Observers:
        """What `run_pipeline` calls."""
        return Observers(self._on_step, self._on_stage)

    def __enter__(self) -> PipelineProgress:
        """Draw the lines, if there is a terminal."""
        if self._console.is_terminal:
            self._progress = _pipeline_bars(self._console)
            for stage in self._stages:
                self._tasks[stage] = self._progress.add_task(
                    stage, total=None, start=False, mark=_MARKS["waiting"], step=""
                )
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the lines as they are."""
        if self._progress is not None:
            self._progress.stop()

    def _on_step(self, stage: str, text: str) -> None:
        if self._progress is None:
            self._line(stage, text)
            return
        # Before the first stage begins (Spark starts) its line tells.
        self._progress.update(self._tasks[stage or self._stages[0]], step=text)

    def _on_stage(self, stage: str, state: str) -> None:
        if self._progress is None:
            self._line(stage, state)
            return
        task = self._tasks[stage]
        if state == "running":
            self._progress.start_task(task)
            self._progress.update(task, mark=_MARKS[state], step="")
        else:
            self._progress.update(
                task, mark=_MARKS[state], total=1, completed=int(state == "done"), step=state
            )
            self._progress.stop_task(task)

    def _line(self, stage: str, text: str) -> None:
        seconds = time.monotonic() - self._started
        self._console.print(
            f"{seconds:6.1f} s  {stage or 'driftlake'}: {text}", markup=False, highlight=False
        )


def _pipeline_bars(console: Console) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.fields[mark]}"),
        TextColumn("{task.description:<8}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[step]}", style="dim", markup=False),
    )
    return Progress(*columns, console=console)


class CountProgress:
    """One bar for a countable work, or a plain line every tenth of it; a context manager.

    `update(done, total)` is what the simulator calls; the total is None for work without an end.
    """

    def __init__(self, title: str, noun: str, console: Console) -> None:
        self._title = title
        self._noun = noun
        self._console = console
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._next_line = 0.0

    def __enter__(self) -> CountProgress:
        """Draw the bar, if there is a terminal."""
        if self._console.is_terminal:
            self._progress = _count_bar(self._console, self._noun)
            self._task = self._progress.add_task(self._title, total=None)
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bar as it is."""
        if self._progress is not None:
            self._progress.stop()

    def update(self, done: int, total: int | None) -> None:
        """Show that `done` of `total` are done."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, total=total)
        elif done >= self._next_line:
            of = f" of {total:,}" if total else ""
            self._console.print(f"{self._title}: {done:,}{of} {self._noun}", markup=False, highlight=False)
            self._next_line = done + (total or done * 10) / 10


def _count_bar(console: Console, noun: str) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        MofNCompleteColumn(),
        TextColumn(noun),
    )
    return Progress(*columns, console=console)
