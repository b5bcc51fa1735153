# SPDX-License-Identifier: Apache-2.0
"""Mock pins with wires on them: what happens on outputs moves a model, and the model presses switches."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPin

from turret_common.host.minimum_versions import require
from turret_control.drivers.step_dir import StepDirAxis, StepDirDriver, StepDirParameters


class WiredPin(MockPin):
    """A pin that notifies its factory when its level changes, and whose pull is weaker than what drives it."""

    def _set_pull(self, value: str) -> None:
        super()._set_pull(value)
        if self.info.name in self.factory.driven:
            self._change_state(self.factory.driven[self.info.name])

    def _change_state(self, value: Any) -> bool:
        changed = bool(super()._change_state(value))
        if changed and self._function == 'output':
            self.factory.changed(self.info.name, self._state)
        return changed


class WiredFactory(MockFactory):
    """Keeps every change of an output as (name, level), and calls who is wired to it."""

    def __init__(self) -> None:
        require('GPIO pins')
        self.driven: dict[str, bool] = {}
        self.trace: list[tuple[str, float]] = []
        self.wires: dict[str, Callable[[float], None]] = {}
        super().__init__(pin_class=WiredPin)

    def changed(self, name: str, level: float) -> None:
        self.trace.append((name, level))
        if name in self.wires:
            self.wires[name](level)

    def drive(self, number: int, high: bool) -> None:
        """Set the level of an input from outside."""
        self.driven[f'GPIO{number}'] = high
        pin = self.pin(number)
        (pin.drive_high if high else pin.drive_low)()


class WiredMotor:
    """A stepper on wires: counts pulses while it has current, and works its switches (normally closed).

    Attributes:
        position: steps from true zero; it cannot pass ``ends``.
        ignored: pulses that came without current.
    """

    def __init__(
            self, factory: WiredFactory, pins: StepDirAxis, common: StepDirParameters,
            ends: tuple[int, int], start: int = 0) -> None:
        self.position = start
        self.ignored = 0
        self.ends = ends
        self.powered = False
        self._factory, self._pins, self._common = factory, pins, common
        factory.wires[f'GPIO{pins.step_pin}'] = self._on_step
        factory.wires[f'GPIO{pins.enable_pin}'] = self._on_enable

    def press(self) -> None:
        """Bring the switches to where the motor is; they close 20 steps before the ends."""
        lower, upper = self.ends
        for pin, pressed in (
                (self._pins.lower_switch_pin, self.position <= lower + 20),
                (self._pins.upper_switch_pin, self.position >= upper - 20), (self._pins.home_pin, self.position >= 0)):
            if pin >= 0:
                self._factory.drive(pin, pressed is self._common.switches_normally_closed)

    def _on_enable(self, level: float) -> None:
        self.powered = bool(level) is not self._common.enable_active_low

    def _on_step(self, level: float) -> None:
        if not level:
            return
        if not self.powered:
            self.ignored += 1
            return
        forward = bool(self._factory.pin(self._pins.direction_pin).state) is not self._pins.invert
        self.position = max(self.ends[0], min(self.ends[1], self.position + (1 if forward else -1)))
        self.press()


class LockstepClock:
    """A clock that stands until the test lets it continue, and then runs as fast as the thread that waits on it."""

    def __init__(self) -> None:
        self._now_ns = 0
        self._horizon_ns = 0
        self._waiting = False
        self._change = threading.Condition()

    def now_ns(self) -> int:
        return self._now_ns

    def sleep_until(self, t_ns: int) -> None:
        with self._change:
            while t_ns > self._horizon_ns:
                self._waiting = True
                self._change.notify_all()
                self._change.wait(10.0)
            self._waiting = False
            self._now_ns = max(self._now_ns, t_ns)

    def go_on(self, seconds: float) -> None:
        """Let time pass; return when the thread has done all of it."""
        with self._change:
            self._horizon_ns += round(1e9 * seconds)
            self._waiting = False
            self._change.notify_all()
            assert self._change.wait_for(lambda: self._waiting, 10.0), 'the thread does not wait'

    def release(self) -> None:
        """Let the waiting thread run to its end."""
        with self._change:
            self._horizon_ns = 2**62
            self._change.notify_all()

    def hold(self) -> None:
        """Stand again."""
        self._horizon_ns = self._now_ns


class Lockstep:
    """Mixed into a driver with a thread: its clock stands still between the steps of a test."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.lockstep = LockstepClock()
        super().__init__(*args, clock=self.lockstep, **kwargs)

    def close(self) -> None:
        self._ended.set()  # type: ignore[attr-defined]
        self.lockstep.release()
        super().close()  # type: ignore[misc]
        self.lockstep.hold()


class SteppedDriver(Lockstep, StepDirDriver):
    """The stepper driver."""


#: Two motors with 1600 steps per revolution.
WIRING = StepDirParameters(
    pan=StepDirAxis(
        step_pin=20, direction_pin=21, enable_pin=4, lower_switch_pin=5, upper_switch_pin=6, home_pin=7, microsteps=8),
    tilt=StepDirAxis(
        step_pin=8, direction_pin=9, enable_pin=10, lower_switch_pin=11, upper_switch_pin=12, home_pin=13, microsteps=8,
        invert=True))
