"""Bronze 2 is deployed, silver is kept at 1, bronze goes back to 1; then silver does the same. Data flows all the time.

Four rounds, each of all stages in the order of the flow, are the shortest way on which every stage works on what the
other release of its neighbour wrote, in both directions, and goes back to 1 on its own wider tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tools.upgrade.deployment import FLOW, OBJECTS_PER_RUN, Deployment
from tools.upgrade.ledger import Ledger, checked_ledger
from tools.upgrade.trees import Tree


@dataclass(frozen=True)
class Round:
    """What is deployed while all stages run.

    Attributes:
        title: What has changed.
        runs: Release and its stages, in the order they run.
    """

    title: str
    runs: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def deployed(self) -> list[str]:
        """Stage and release of every run."""
        return [f"{stage}-{release}" for release, stages in self.runs for stage in stages]


STORY = (
    Round("every stage is at 1", (("1", FLOW),)),
    Round(
        "bronze 2 is deployed, silver is kept at 1; gold and drift do not wait for it",
        (("2", ("bronze",)), ("1", ("silver",)), ("2", ("gold", "drift")), ("1", ("metrics",))),
    ),
    Round(
        "bronze is rolled back to 1, gold and drift too; silver 2 is deployed between them",
        (("1", ("bronze",)), ("2", ("silver",)), ("1", ("gold", "drift", "metrics"))),
    ),
    Round(
        "silver is rolled back to 1; metrics 2 is deployed and rolled back",
        (("1", ("bronze", "silver", "gold", "drift")), ("2", ("metrics",)), ("1", ("metrics",))),
    ),
)


def tell(deployment: Deployment, releases: Mapping[str, Tree]) -> Iterator[tuple[Round, Ledger]]:
    """Go through the rounds.

    Args:
        deployment: A new warehouse.
        releases: Trees by release, `1` and `2`.

    Yields:
        Each round with its ledger, which was found without a gap.

    Raises:
        StageRunError: If a stage failed on what another release left.
        LostError: If a row is missing or doubled.
    """
    with deployment.feed.flowing(keep_back=len(STORY) * OBJECTS_PER_RUN):
        for each in STORY:
            for release, stages in each.runs:
                deployment.run(stages, releases[release])
            yield each, checked_ledger(deployment)
