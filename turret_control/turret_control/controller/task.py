# SPDX-License-Identifier: Apache-2.0
"""Modes of the controller, and the base class of tasks that move the head for a limited time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import IntEnum

from turret_common.errors import TurretError
from turret_control.controller.head_command import HeadCommander
from turret_control.controller.target_follower import TargetFollower
from turret_control.motion import Command


class Mode(IntEnum):
    """Controller modes; the values are those of ``ControllerState.MODE_*``."""

    IDLE = 0
    MANUAL = 1
    TRACK = 2
    PATTERN = 3
    OVERLAY = 4


class Task(ABC):
    """A pattern, calibration or check: commands the head until it is complete, fails or is cancelled.

    Attributes:
        name: shown to the operator.
        mode: mode of the controller while the task runs, MANUAL or PATTERN.
        progress: share that is complete, 0 to 1.
        done: whether the task has ended.
        error: reason for an early end; None while running and after completion.
        on_step: called with the time in s after every step.
        on_end: called once with ``error``.
    """

    name = ''
    mode = Mode.MANUAL

    def __init__(self) -> None:
        self.progress = 0.0
        self.done = False
        self.error: TurretError | None = None
        self.on_step: Callable[[float], None] = _ignore
        self.on_end: Callable[[TurretError | None], None] = _ignore

    @abstractmethod
    def step(self, head: HeadCommander, target: TargetFollower, now: float, dt: float) -> Command | None:
        """Return the next command; None when the task is complete.

        Raises:
            TurretError: the task failed.
        """

    def end(self, error: TurretError | None) -> None:
        """End the task; ``error`` is None when it is complete."""
        self.error, self.done = error, True
        self.on_end(error)

    def check(self) -> None:
        """Raise the error that ended the task early, if any."""
        if self.error is not None:
            raise self.error.again()


def _ignore(*_: object) -> None:
    """Default of the callbacks."""
