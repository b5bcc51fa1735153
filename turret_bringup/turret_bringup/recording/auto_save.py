# SPDX-License-Identifier: Apache-2.0
"""When the last seconds are saved without being asked for: after a fault or a shot. Times are monotonic seconds."""

from __future__ import annotations

import math
from collections.abc import Iterable

from turret_bringup.bag_parameters import AutoParameters

#: Pulses that follow each other within this time are one series [s].
_SERIES_S = 2.0


class AutoSave:
    """Decides from faults and the fire count when to save a bag, and its label."""

    def __init__(self) -> None:
        self._faults: frozenset[tuple[str, int]] | None = None
        self._fire_count: int | None = None
        self._fired = -math.inf
        self._label = ''
        self._due = math.inf
        self._saved = -math.inf

    def see_faults(
            self, faults: Iterable[tuple[str, int]], parameters: AutoParameters, now: float) -> list[tuple[str, int]]:
        """Take the node and reason of every fault that is an error now; return those that were not there before."""
        current = frozenset(faults)
        new = frozenset() if self._faults is None else current - self._faults
        self._faults = current
        if new and parameters.on_fault:
            self._want(f'fault {min(new)[0]}', parameters, now)
        return sorted(new)

    def see_fire_count(self, count: int, parameters: AutoParameters, now: float) -> bool:
        """Take the number of pulses since the laser's start or reset; return whether it began to fire."""
        grown = self._fire_count is not None and count > self._fire_count
        self._fire_count = count
        if not grown:
            return False
        begins, self._fired = now - self._fired > _SERIES_S, now
        if parameters.on_fire:
            self._want('fire', parameters, now)
        return begins

    def due(self, now: float) -> str | None:
        """Return the label of a bag that is to be saved now, once; None while none is."""
        if now < self._due:
            return None
        self._due, self._saved = math.inf, now
        return self._label

    def _want(self, label: str, parameters: AutoParameters, now: float) -> None:
        if math.isinf(self._due) and now - self._saved >= parameters.gap_s:
            self._label, self._due = label, now + parameters.after_s
