"""Bronze 2 is deployed, silver is kept at 1, bronze goes back to 1; then silver does the same. Data flows all the time.

Four rounds, each of all stages in the order of the flow, are the shortest way on which every stage works on what the
other release of its neighbour wrote, in both directions, and goes back to 1 on its own wider tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tools.upgrade.deployment import OBJECTS_PER_RUN, Deployment
from tools.upgrade.ledger import Ledger, checked_ledger
from tools.upgrade.trees import Tree


@dataclass(frozen=True)
class Round:
    """What is deployed while all stages run.

    Attributes:
        title: What has changed.
        runs: Each stage with its release, in the order they run.
    """

    title: str
    runs: str


STORY = (
    Round("every stage is at 1", "bronze-1 silver-1 gold-1 drift-1 metrics-1"),
    Round(
        "bronze 2 is deployed, silver is kept at 1; gold and drift do not wait for it",
        "bronze-2 silver-1 gold-2 drift-2 metrics-1",
    ),
    Round(
        "bronze is rolled back to 1, gold and drift too; silver 2 is deployed between them",
        "bronze-1 silver-2 gold-1 drift-1 metrics-1",
    ),
    Round(
        "silver is rolled back to 1; metrics 2 is deployed and rolled back",
        "bronze-1 silver-1 gold-1 drift-1 metrics-2 metrics-1",
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
    with deployment, deployment.feed.flowing(keep_back=len(STORY) * OBJECTS_PER_RUN):
        for each in STORY:
            for stage, _, release in (run.partition("-") for run in each.runs.split()):
                deployment.run(stage, releases[release])
            yield each, checked_ledger(deployment)
