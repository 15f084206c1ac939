"""An isolation forest as plain arrays: grown by scikit-learn, scored by numpy alone.

A stored forest thus needs no scikit-learn to be read, and no version of it can change what it says. A test proves the
scores equal, bit by bit, to those of the fitted estimator.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

TREES = 100
TREE_ROWS = 256
"""The forest of Liu, Ting and Zhou: more rows per tree make strange windows look more usual, not less."""

ROWS_AT_ONCE = 8192
"""Rows that go down a tree together: their columns and the tree stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees one behind the other; nodes are numbered within their tree, and a leaf's children are -1.

    Attributes:
        tree_start: Place of each tree's first node.
        left: Node for values up to the threshold.
        right: Node for values above it.
        feature: Column that a node asks for.
        threshold: What it is compared with.
        samples: Training rows that reached the node.
        rows_per_tree: Training rows each tree was grown from.
    """

    tree_start: npt.NDArray[np.int32]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    feature: npt.NDArray[np.int32]
    threshold: Floats
    samples: npt.NDArray[np.int32]
    rows_per_tree: int

    @property
    def digest(self) -> str:
        """The same trees have the same."""
        state = blake2b(str(self.rows_per_tree).encode(), digest_size=16)
        for part in (self.tree_start, self.left, self.right, self.feature, self.threshold, self.samples):
            state.update(part.tobytes())
        return state.hexdigest()

    def scores(self, matrix: Floats) -> Floats:
        """Anomaly score of each row, 0 to 1, higher is stranger."""
        # The trees were grown on, and the estimator compares, single precision; so must we.
        single = np.ascontiguousarray(matrix, dtype="float32")
        parts = [
            self._scores(single[first : first + ROWS_AT_ONCE])
            for first in range(0, len(single), ROWS_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _scores(self, rows: npt.NDArray[np.float32]) -> Floats:
        columns = np.ascontiguousarray(rows.T).reshape(-1)
        depth = np.zeros(len(rows))
        ends = np.append(self.tree_start[1:], len(self.left))
        for start, end in zip(self.tree_start, ends, strict=True):
            depth += self._path_lengths(columns, len(rows), slice(start, end))
        usual = len(self.tree_start) * average_path_length(np.array([self.rows_per_tree]))
        if usual[0] == 0.0:  # grown from one row, it knows nothing but that row
            return np.full(len(rows), 0.5)
        return np.asarray(2 ** -(depth / usual))

    def _path_lengths(self, columns: npt.NDArray[np.float32], count: int, tree: slice) -> Floats:
        """Edges down one tree, and what an unsplit leaf would still have had."""
        left, right, feature = self.left[tree], self.right[tree], self.feature[tree].astype("int64")
        is_leaf = left < 0
        itself = np.arange(len(left))
        children = np.stack([np.where(is_leaf, itself, left), np.where(is_leaf, itself, right)], axis=1)
        children = children.reshape(-1)
        threshold = self.threshold[tree]
        offset = np.where(is_leaf, 0, feature) * count
        node, place = np.zeros(count, dtype="int64"), np.arange(count)
        depth_of = _depths(left, right)
        for _ in range(int(depth_of.max(initial=0))):
            above = columns[offset[node] + place] > threshold[node]
            node = children[2 * node + above]
        # Counted as scikit-learn does: nodes on the way, the leaf's own share, minus the root.
        return (depth_of[node] + 1.0 + average_path_length(self.samples[tree])[node]) - 1.0


def fit_forest(training: Floats, seed: int) -> Forest:
    """Grow a forest; same rows and seed, same forest.

    Args:
        training: Rows of features, without nulls; at least one row.
        seed: Of scikit-learn's IsolationForest.
    """
    from sklearn.ensemble import IsolationForest

    fitted = IsolationForest(
        n_estimators=TREES, max_samples=min(TREE_ROWS, len(training)), random_state=seed, n_jobs=1
    ).fit(training)
    trees = [estimator.tree_ for estimator in fitted.estimators_]
    sizes = [tree.node_count for tree in trees]

    def together(name: str, kind: str) -> npt.NDArray[np.int32]:
        return np.concatenate([getattr(tree, name) for tree in trees]).astype(kind)

    return Forest(
        tree_start=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype("int32"),
        left=together("children_left", "int32"),
        right=together("children_right", "int32"),
        feature=together("feature", "int32"),
        threshold=together("threshold", "float64").astype("float64"),
        samples=together("n_node_samples", "int32"),
        rows_per_tree=int(fitted.max_samples_),
    )


def average_path_length(samples: npt.NDArray[np.int32]) -> Floats:
    """Mean length of an unsuccessful search in a binary tree of so many rows (equation 1 of the paper)."""
    size = np.maximum(samples.astype("float64"), 2.0)
    length = 2.0 * (np.log(size - 1.0) + np.euler_gamma) - 2.0 * (size - 1.0) / size
    return np.asarray(np.where(samples <= 1, 0.0, np.where(samples == 2, 1.0, length)))


def _depths(left: npt.NDArray[np.int32], right: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Edges from the root to each node; scikit-learn numbers a node before its children."""
    depth = np.zeros(len(left), dtype="int64")
    for node in np.flatnonzero(left >= 0):
        depth[left[node]] = depth[right[node]] = depth[node] + 1
    return depth
