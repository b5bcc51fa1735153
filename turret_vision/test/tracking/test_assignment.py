# SPDX-License-Identifier: Apache-2.0
"""The assignment found is the cheapest there is."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from turret_vision.tracking.assignment import assign

costs = st.integers(0, 5).flatmap(lambda rows: st.integers(0, 5).flatmap(lambda columns: st.lists(
    st.lists(st.one_of(st.integers(0, 9), st.just(float('inf'))), min_size=columns, max_size=columns),
    min_size=rows, max_size=rows).map(lambda lists: np.array(lists, float).reshape(rows, columns))))


def total(cost: np.ndarray, pairs: list[tuple[int, int]], limit: float) -> float:
    return sum(cost[pair] for pair in pairs) + limit * (cost.shape[0] - len(pairs))


@given(costs, st.integers(1, 12))
def test_the_total_cost_is_minimal(cost: np.ndarray, limit: int) -> None:
    pairs = assign(cost, float(limit))
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert all(cost[pair] < limit for pair in pairs)
    rows, columns = cost.shape
    best = min(
        total(cost, list(zip(chosen, order, strict=True)), float(limit))
        for count in range(min(rows, columns) + 1)
        for chosen in itertools.combinations(range(rows), count)
        for order in itertools.permutations(range(columns), count))
    assert total(cost, pairs, float(limit)) == best


def test_the_nearest_pair_yields_where_that_is_better_for_all() -> None:
    assert sorted(assign(np.array([[1.0, 2.0], [1.1, 9.0]]), 100.0)) == [(0, 1), (1, 0)]
