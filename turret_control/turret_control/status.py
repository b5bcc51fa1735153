# SPDX-License-Identifier: Apache-2.0
"""What is wrong with the turret, from what its nodes say and from their silence. Times are monotonic seconds."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import NamedTuple

from turret_common.reason_codes import ReasonCode
from turret_control.status_parameters import StatusParameters

#: Nodes that publish their state at 10 Hz; the others do at 2 Hz.
FAST_NODES = frozenset({'gimbal', 'laser', 'safety', 'controller'})
#: Faults over that are kept for the record.
_HISTORY = 200


class Severity(IntEnum):
    """The constants ``SEVERITY_*`` of ``Fault.msg``."""

    UNKNOWN = 0
    WARNING = 1
    ERROR = 2


class Condition(NamedTuple):
    """Something that is wrong now: the node that it concerns, why, in words, and how bad."""

    node: str
    code: ReasonCode
    message: str
    severity: Severity


class FaultRecord(NamedTuple):
    """A condition with the time that it began, and whether it still holds."""

    condition: Condition
    since: float
    active: bool


#: What a node may report that is a fault of it. Everything else that it reports is its ordinary business: not homed, no
#: target, an interlock at work.
_FAULTS: dict[ReasonCode, Severity] = {
    ReasonCode.INTERNAL_ERROR: Severity.ERROR,
    ReasonCode.IO_ERROR: Severity.ERROR,
    ReasonCode.STORAGE_FULL: Severity.WARNING,
    ReasonCode.CLOCK_JUMPED: Severity.WARNING,
    ReasonCode.ESTOP_UNREADABLE: Severity.ERROR,
    ReasonCode.SECOND_PUBLISHER: Severity.ERROR,
    ReasonCode.EXCLUSION_SILENT: Severity.ERROR,
    ReasonCode.FRAMES_FROZEN: Severity.ERROR,
    ReasonCode.BACKEND_MIXED: Severity.ERROR,
    ReasonCode.GUARDIAN_LOST: Severity.ERROR,
    ReasonCode.SWITCH_UNREADABLE: Severity.ERROR,
    ReasonCode.HOMING_FAILED: Severity.ERROR,
    ReasonCode.CALIBRATION_FAILED: Severity.WARNING,
    ReasonCode.DRIVER_FAULT: Severity.ERROR,
    ReasonCode.CAMERA_LOST: Severity.ERROR,
    ReasonCode.CAMERA_ABSENT: Severity.ERROR,
    ReasonCode.NO_FRAMES: Severity.ERROR,
    ReasonCode.DETECTOR_FAILED: Severity.ERROR,
    ReasonCode.NO_POSE: Severity.WARNING,
    ReasonCode.RECORDING_FAILED: Severity.WARNING,
    ReasonCode.CLOCK_OFFSET: Severity.ERROR,
}


class NodeWatch:
    """One node: when its state last arrived, and what it says of itself."""

    def __init__(self, name: str, parameters: StatusParameters) -> None:
        self.name = name
        self._parameters = parameters
        self._silent_s = parameters.silent_fast_s if name in FAST_NODES else parameters.silent_slow_s
        self._seen: float | None = None
        self._started = 0.0
        self._restarted = -math.inf
        self._reported: list[Condition] = []

    def see(self, started: float, codes: Iterable[int], message: str, now: float) -> None:
        """Take a state that arrived: when its node started (on any clock), the reason codes in it, and its words."""
        if self._seen is not None and started != self._started:
            self._restarted = now
        self._seen, self._started = now, started
        self._reported = [
            Condition(self.name, ReasonCode(code), message or ReasonCode(code).words, _FAULTS[ReasonCode(code)])
            for code in codes if code in _FAULTS]

    def age(self, now: float) -> float:
        """Return the seconds since the newest state; NaN = never seen."""
        return math.nan if self._seen is None else now - self._seen

    def conditions(self, up_s: float, now: float) -> Iterator[Condition]:
        """Give what is wrong with the node; its last report is not repeated while it is silent.

        Args:
            up_s: how long the watcher has been running.
            now: time.
        """
        parameters = self._parameters
        if self._seen is None:
            if self.name in parameters.expected_nodes and up_s >= parameters.start_grace_s:
                yield Condition(self.name, ReasonCode.NODE_SILENT, f'{self.name} was never seen', Severity.ERROR)
            return
        if now - self._seen >= self._silent_s:
            yield Condition(self.name, ReasonCode.NODE_SILENT, f'{self.name} does not report', Severity.ERROR)
        else:
            yield from self._reported
        if now - self._restarted < parameters.restart_shown_s:
            yield Condition(self.name, ReasonCode.NODE_RESTARTED, f'{self.name} was restarted', Severity.WARNING)


class FaultBook:
    """What is wrong now and since when, and what was."""

    def __init__(self) -> None:
        self._active: dict[tuple[str, ReasonCode], FaultRecord] = {}
        self._over: deque[FaultRecord] = deque(maxlen=_HISTORY)

    def update(self, conditions: Iterable[Condition], now: float) -> None:
        """Take everything that is wrong now; what is missing from it is over."""
        before = self._active
        self._active = {}
        for condition in conditions:
            key = (condition.node, condition.code)
            since = before[key].since if key in before else now
            self._active[key] = FaultRecord(condition, since, True)
        self._over.extend(record._replace(active=False) for key, record in before.items() if key not in self._active)

    def active(self) -> list[FaultRecord]:
        """Return what is wrong now, worst first, then oldest first."""
        return sorted(self._active.values(), key=lambda record: (-record.condition.severity, record.since))

    def all(self) -> list[FaultRecord]:
        """Return what is and what was wrong, the latest to begin first."""
        return sorted((*self._active.values(), *self._over), key=lambda record: -record.since)
