"""Bronze 2 is deployed, silver is kept at 1, bronze goes back to 1; then silver does the same. Data flows all the time.

Five rounds, each of all stages in the order of the flow, are the shortest way on which every stage works on what the
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
    """What is deployed while all stages run once.

    Attributes:
        title: What has changed.
        releases: One digit per stage, in the order of the flow.
    """

    title: str
    releases: str

    @property
    def deployed(self) -> dict[str, str]:
        """Release by stage."""
        return dict(zip(FLOW, self.releases, strict=True))


STORY = (
    Round("every stage is at 1", "11111"),
    Round("bronze 2 is deployed, silver is kept at 1; gold and drift do not wait for it", "21221"),
    Round("bronze is rolled back to 1, gold and drift too; metrics 2 is deployed", "11112"),
    Round("silver 2 is deployed between neighbours at 1; metrics is rolled back", "12111"),
    Round("silver is rolled back to 1", "11111"),
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
            for stage, release in each.deployed.items():
                deployment.run(stage, releases[release])
            yield each, checked_ledger(deployment)
