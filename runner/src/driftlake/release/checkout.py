"""The checkout of the repository a command runs in, asked by git."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from driftlake.release.errors import CheckoutError


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit, as a plan shows it."""

    sha: str
    subject: str


@dataclass(frozen=True)
class Checkout:
    """A checkout; `root` is its top folder."""

    root: Path

    @classmethod
    def around(cls, folder: Path) -> Checkout:
        """The checkout that a folder lies in.

        Raises:
            CheckoutError: If it lies in none of this repository.
        """
        for root in (folder.resolve(), *folder.resolve().parents):
            if (root / "infra/live/root.hcl").is_file() and (root / "pants.toml").is_file():
                return cls(root)
        raise CheckoutError(
            f"{folder.resolve()} is in no checkout of Driftlake: run this command where the repository was cloned."
        )

    def git(self, *arguments: str) -> str:
        """What git says, without the last line's end.

        Raises:
            CheckoutError: If git fails.
        """
        try:
            ended = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise CheckoutError("git is not installed: a release names its commit.") from error
        if ended.returncode:
            raise CheckoutError(f"git {arguments[0]} failed in {self.root}: {ended.stderr.strip()}")
        return ended.stdout.rstrip("\n")

    def refuse_uncommitted(self, paths: Iterable[str]) -> None:
        """Stop where a file differs from its commit: a manifest would name a commit that the release is not.

        Raises:
            CheckoutError: If one differs, or the history was not fetched.
        """
        changed = self.git(
            "status", "--porcelain", "--untracked-files=all", "--", *sorted(paths)
        ).splitlines()
        if changed:
            raise CheckoutError(
                f"not committed: {', '.join(line[3:] for line in changed[:3])}"
                f"{' and more' if len(changed) > 3 else ''}. A release is made of a commit: commit, then build again."
            )
        if self.git("rev-parse", "--is-shallow-repository") == "true":
            raise CheckoutError(
                "the clone has no history; fetch it (`git fetch --unshallow`), then build again."
            )

    def newest_commit(self, paths: Iterable[str]) -> str:
        """The newest commit that changed one of the files."""
        return self.git("log", "-1", "--format=%H", "--", *sorted(paths))

    def commits_between(self, old: str, new: str, paths: Iterable[str]) -> list[Commit] | None:
        """Commits that changed one of the files after `old` and up to `new`, newest first; None if `old` is unknown."""
        try:
            listed = self.git("log", "--format=%H %s", f"{old}..{new}", "--", *sorted(paths))
        except CheckoutError:
            return None
        return [Commit(*line.split(" ", 1)) for line in listed.splitlines()]

    def commit_files(self, paths: Sequence[str], message: str) -> None:
        """Commit these files and nothing else.

        Raises:
            CheckoutError: If git refuses.
        """
        self.git("commit", "--quiet", "--message", message, "--only", "--", *paths)
