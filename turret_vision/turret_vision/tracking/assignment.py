# SPDX-License-Identifier: Apache-2.0
"""Assignment of detections to tracks at minimum total cost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def assign(cost: npt.NDArray[np.float64], limit: float) -> list[tuple[int, int]]:
    """Return the pairs (row, column) of minimum total cost, where an unassigned row costs ``limit``.

    Shortest augmenting paths with potentials (Jonker and Volgenant, Computing 38, 1987).

    Args:
        cost: shape (rows, columns), finite or infinite; an infinite cost forbids a pair.
        limit: finite; no pair that costs this or more is made.
    """
    rows, columns = cost.shape
    if rows == 0 or columns == 0:
        return []
    possible = cost < limit
    if possible.sum(axis=0).max() <= 1 and possible.sum(axis=1).max() <= 1:  # no choice to make
        return [(int(row), int(column)) for row, column in zip(*possible.nonzero(), strict=True)]
    # One column more per row, which stands for leaving that row alone.
    padded = np.concatenate([np.minimum(cost, limit), np.full((rows, rows), limit)], axis=1)
    total = columns + rows
    row_price, column_price = np.zeros(rows), np.zeros(total)
    row_of = np.full(total, -1)
    for start in range(rows):
        distance = np.full(total, np.inf)
        previous = np.full(total, -1)
        done = np.zeros(total, bool)
        row, column, reached = start, -1, 0.0
        while True:
            through = reached + padded[row] - row_price[row] - column_price
            shorter = ~done & (through < distance)
            distance[shorter] = through[shorter]
            previous[shorter] = column
            column = int(np.argmin(np.where(done, np.inf, distance)))
            reached = float(distance[column])
            done[column] = True
            if row_of[column] < 0:
                break
            row = int(row_of[column])
        gain = np.where(done, reached - distance, 0.0)
        column_price -= gain
        visited = row_of[done]
        row_price[visited[visited >= 0]] += gain[done][visited >= 0]
        row_price[start] += reached
        while column >= 0:
            before = int(previous[column])
            row_of[column] = start if before < 0 else row_of[before]
            column = before
    return [(int(row_of[c]), c) for c in range(columns) if row_of[c] >= 0 and cost[row_of[c], c] < limit]
