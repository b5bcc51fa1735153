# SPDX-License-Identifier: Apache-2.0
"""Pacing of the control loop: while tracking is steady, new images alone trigger the cycles."""

from __future__ import annotations

from turret_control.controller.task import Mode
from turret_control.motion import STOP, Command, CommandMode

#: Commands are steady if no rate changes by more than this, in rad/s: 0.02 degrees in the 33 ms between two images.
_STEADY_RATE = 0.02
#: Additional time in s until the next cycle; a camera with 20 images/s or more then sets the pace.
_EXTRA_S = 0.03


class Pacing:
    """Decides how long a caller may wait for an image beyond the usual period.

    Attributes:
        extra_s: additional time until the next cycle, in s.
    """

    def __init__(self) -> None:
        self.extra_s = 0.0
        self._command = STOP

    def update(self, mode: Mode, command: Command) -> None:
        """Add the command of a cycle and the mode of the controller."""
        before, self._command = self._command, command
        self.extra_s = _EXTRA_S if mode is Mode.TRACK and _steady(before, command) else 0.0


def _steady(a: Command, b: Command) -> bool:
    return a.mode == b.mode == CommandMode.STOP or (
        a.mode == b.mode == CommandMode.VELOCITY
        and abs(a.pan_rate - b.pan_rate) < _STEADY_RATE and abs(a.tilt_rate - b.tilt_rate) < _STEADY_RATE)
