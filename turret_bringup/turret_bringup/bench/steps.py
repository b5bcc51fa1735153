# SPDX-License-Identifier: Apache-2.0
"""How fast and how evenly this machine makes step pulses.

Both axes turn at a steady rate through the stepper driver's own code. The figures are of the instants at which the
STEP pins were written. Without ``--pins`` the pins are imitated, which shows what Python and the kernel allow but not
what the pins cost; with it real pins are driven (no motor may be connected). A row "limit" gives the maximum rate
that was reached within 2 % with 99 % of the intervals within a quarter of what they should be.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from turret_common.bench import Row
from turret_common.host.minimum_versions import require
from turret_control.devices.gpio_pins import pin_factory
from turret_control.devices.motion_profile import AxisMotion
from turret_control.drivers.step_dir import StepDirAxis, StepDirDriver, StepDirParameters

_PINS = (20, 21, 16, 26, 19, 13)  # STEP, DIR, ENABLE of pan, then of tilt
_RATES = (250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
_SETTLE_S = 0.3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    parser.add_argument('--rates', type=float, nargs='+', default=_RATES, metavar='HZ', help='steps per second')
    parser.add_argument('--seconds', type=float, default=1.0, help='time at each rate')
    parser.add_argument(
        '--pins', type=int, nargs=6, metavar='BCM',
        help='drive these real pins: STEP, DIR, ENABLE of pan, then of tilt; no motor may be connected')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Yield the figures of each rate, then the limit."""
    limit = math.nan
    variant = 'real pins' if args.pins else 'imitated pins'
    for rate in sorted(args.rates):
        times, cpu = _run(rate, args.seconds, args.pins)
        gaps = sorted(abs(rate * 1e-9 * (b - a) - 1.0) for a, b in pairwise(times))
        reached = 1e9 * (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0
        p99 = gaps[int(0.99 * len(gaps))] if gaps else math.inf
        if abs(reached / rate - 1.0) < 0.02 and p99 < 0.25:
            limit = rate
        scenario = f'{rate:g} steps/s'
        yield Row(scenario, variant, 'rate reached', reached, 'steps/s')
        for name, share in (('median', 0.5), ('p99', 0.99), ('worst', 1.0)):
            value = gaps[min(len(gaps) - 1, int(share * len(gaps)))] if gaps else math.nan
            yield Row(scenario, variant, f'interval error {name}', 1e6 * value / rate, 'us')
        yield Row(scenario, variant, 'CPU', 100.0 * cpu, '% of a core')
    yield Row('limit', variant, 'rate', limit, 'steps/s')


def _run(rate: float, seconds: float, pins: Sequence[int] | None) -> tuple[list[int], float]:
    """Return when the pan axis was stepped [ns] and the CPU that it took, after it came up to speed."""
    step, direction, enable, *tilt = pins or _PINS
    axes = [
        StepDirAxis(step_pin=numbers[0], direction_pin=numbers[1], enable_pin=numbers[2])
        for numbers in ((step, direction, enable), tilt)]
    speed = rate * axes[0].step_angle
    motion = AxisMotion(1e6, speed, speed / (0.3 * _SETTLE_S))
    times: list[int] = []
    driver = StepDirDriver(
        StepDirParameters(pan=axes[0], tilt=axes[1], max_step_rate=50_000.0), _timed(bool(pins), step, times))
    driver.open()
    try:
        driver.enable(True)
        driver.command(motion, motion, time.monotonic_ns() + round(1e9 * (_SETTLE_S + seconds + 1.0)))
        time.sleep(_SETTLE_S)
        times.clear()
        cpu, wall = time.process_time(), time.monotonic()
        time.sleep(seconds)
        return list(times), (time.process_time() - cpu) / (time.monotonic() - wall)
    finally:
        driver.close()


def _timed(real: bool, step_pin: int, times: list[int]) -> Any:
    """Return a pin factory that notes when the step pin is raised."""
    require('GPIO pins')
    from gpiozero.pins.mock import MockFactory, MockPin

    class Quiet(MockPin):
        """An imitated pin that keeps no history."""

        def _change_state(self, value: Any) -> bool:
            self._state = value
            return True

    factory = pin_factory() if real else MockFactory(pin_class=Quiet)

    base: Any = factory.pin_class

    class Timed(base):
        """A pin that notes when it is raised."""

        def _set_state(self, value: Any) -> None:
            super()._set_state(value)
            if value and self.info.name == f'GPIO{step_pin}':
                times.append(time.monotonic_ns())

    factory.pin_class = Timed
    return factory
