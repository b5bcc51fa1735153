# SPDX-License-Identifier: Apache-2.0
"""What drivers can ask of the simulated hardware, as plain data; :mod:`plant_server` carries it over a socket.

Angles in rad, rates in rad/s, times in ns of CLOCK_MONOTONIC.

``read``
    Answers ``t``; ``pan``, ``tilt`` (counted since power-up: zero is not home), ``pan_rate``, ``tilt_rate``;
    ``enabled``; ``switches`` {``pan_lower``, ``pan_upper``, ``pan_home``, ``tilt_lower``, ``tilt_upper``,
    ``tilt_home``}. A home switch is a flag over the positive half of the axis: it closes at true zero.
``move`` with ``mode`` ("stop", "velocity", "position"), ``pan``, ``tilt`` (counted), ``pan_rate``, ``tilt_rate``
    Answers as ``read``. ``pan_acceleration`` and ``tilt_acceleration`` may be given, and ``until`` (time): from then on
    the motors brake.
``enable`` with ``on``
    Answers as ``read``.
``estop``
    Answers ``estop``: whether the emergency-stop input is pressed.
``pin`` with ``name``, ``level`` (0 to 1)
    Answers ``t``. The level stays when the client goes.
``pins``
    Answers for each pin ``level``, ``since_ns``, ``edges``, ``last_on_ns``, ``last_off_ns`` (null = never).
``scene`` with ``t``, up to a second back, and ``mount``, "head" or "base": where the camera is
    Answers as :meth:`turret_control.plant.plant.Plant.scene`.
``set`` with ``name``, ``value``
    For tests and demonstrations: "estop" (bool), "push" ([pan, tilt]: turned by hand), "scenario", "scenario_seed",
    "scenario_amplitude", "scenario_rate", "wall_range".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from turret_common import params
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_finite
from turret_control.plant.plant import Plant, Reading


class PlantPort:
    """The operations on a plant, which first catches up with the clock."""

    def __init__(self, plant: Plant, clock_ns: Callable[[], int]) -> None:
        """Serve ``plant``; ``clock_ns`` returns the time in ns."""
        self.plant = plant
        self._clock_ns = clock_ns
        self._operations: dict[str, Callable[..., dict[str, Any]]] = {
            'read': self._read, 'estop': self._estop, 'move': self._move, 'enable': self._enable, 'pin': self._pin,
            'pins': self._pins, 'scene': self._scene, 'set': self._set}

    def catch_up(self) -> None:
        """Let the plant's time pass until now."""
        self.plant.step(self._clock_ns())

    def call(self, op: str, **fields: Any) -> dict[str, Any]:
        """Do one operation and return its answer.

        Raises:
            TurretError: the operation, a field or a value is not allowed.
        """
        if op not in self._operations:
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'unknown op "{op}"')
        self.catch_up()
        try:
            return self._operations[op](**fields)
        except (AttributeError, TypeError, ValueError, OverflowError) as error:  # fields of another kind than described
            raise TurretError(ReasonCode.INVALID_ARGUMENT, str(error)) from error

    def close(self) -> None:
        """Do nothing; the counterpart of closing a connection."""

    def _read(self) -> dict[str, Any]:
        return _as_answer(self.plant.read())

    def _estop(self) -> dict[str, Any]:
        return {'estop': self.plant.estop}

    def _move(self, mode: str, until: int | None = None, **fields: float) -> dict[str, Any]:
        self.plant.command(mode, until_ns=until, **fields)
        return self._read()

    def _enable(self, on: bool) -> dict[str, Any]:
        self.plant.enable(on is True)
        return self._read()

    def _pin(self, name: str, level: float) -> dict[str, Any]:
        now = self._clock_ns()
        self.plant.set_pin(name, level, now)
        return {'t': now}

    def _pins(self) -> dict[str, Any]:
        return {name: {
            'level': pin.level, 'since_ns': pin.since_ns, 'edges': pin.edges,
            'last_on_ns': pin.last_on_ns, 'last_off_ns': pin.last_off_ns} for name, pin in self.plant.pins.items()}

    def _scene(self, t: int, mount: str = 'head') -> dict[str, Any]:
        require_finite(t=t)
        return self.plant.scene(int(t), mount)

    def _set(self, name: str, value: Any) -> dict[str, Any]:
        if name == 'estop':
            self.plant.estop = value is True
        elif name == 'push':
            self.plant.push(*value)
        elif name.startswith('scenario') or name == 'wall_range':
            self.plant.configure(params.replace(self.plant.config, {name: value}))
        else:
            raise ValueError(f'there is no "{name}" to set')
        return {}


def _as_answer(reading: Reading) -> dict[str, Any]:
    pan, tilt = reading.pan, reading.tilt
    return {
        't': reading.t_ns, 'pan': pan.position, 'tilt': tilt.position, 'pan_rate': pan.rate, 'tilt_rate': tilt.rate,
        'enabled': reading.enabled,
        'switches': {
            'pan_lower': pan.lower, 'pan_upper': pan.upper, 'pan_home': pan.home,
            'tilt_lower': tilt.lower, 'tilt_upper': tilt.upper, 'tilt_home': tilt.home}}
