"""Shows the story: `make staged-rollback`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tools.upgrade.deployment import Deployment, StageRunError
from tools.upgrade.feed import Feed
from tools.upgrade.ledger import LostError
from tools.upgrade.story import tell
from tools.upgrade.trees import TreeError, next_release, previous_commit, previous_release


def main() -> int:
    """Tell the story on a new warehouse; the exit code is 1 where a row was lost or a stage failed."""
    with tempfile.TemporaryDirectory(prefix="staged-rollback-") as folder:
        work = Path(folder)
        try:
            releases = {"1": previous_release(work / "1"), "2": next_release(work / "2")}
            print(
                f"1 is commit {previous_commit()[:12]}; 2 is this checkout, with a column more in its tables."
            )
            deployment = Deployment(work / "warehouse", Feed(work))
            for each, ledger in tell(deployment, releases):
                print(f"\n{each.title}\n  {each.runs}\n  {ledger.told()}", flush=True)
        except (TreeError, StageRunError, LostError) as error:
            print(f"staged-rollback: {error}", file=sys.stderr)
            return 1
    print("\nNothing lost, nothing doubled: every batch of every stage balances.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
