# SPDX-License-Identifier: Apache-2.0
"""Aim controller: axis rates that bring the head to a moving reference."""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from typing import NamedTuple

from turret_common.params import group, param
from turret_common.pose_history import Pose
from turret_control.aiming.backlash import BacklashModel
from turret_control.aiming.pid import Pid, PidGains
from turret_control.aiming.rate_limiter import RateLimiter
from turret_control.motion import AxisLimits, HeadLimits, braking_speed

_CLOSING_SHARE = 0.8  # share of the acceleration limit used to close an error; the rest follows the reference
# Backlash is taken up in the direction of the reference if its rate exceeds the first value (rad/s), otherwise in the
# direction of the error if that exceeds the second (rad).
_SIDE_RATE = math.radians(1.0)
_SIDE_ERROR = math.radians(0.08)


@dataclasses.dataclass(frozen=True)
class Delays:
    """Delays that time stamps do not show; the target is predicted over them."""

    camera_s: float = param(
        0.0, 'Delay from the exposure to the time stamp of an image', unit='s', minimum=-0.2, maximum=0.5, live=True)
    transport_s: float = param(
        0.0, 'Delay from publishing a command until the driver receives it', unit='s', minimum=0.0, maximum=0.5,
        live=True)
    processing_s: float = param(
        0.0, 'Delay from receiving a command until the driver acts on it', unit='s', minimum=0.0, maximum=0.5,
        live=True)
    actuator_s: float = param(
        0.02, 'Delay from the action of the driver to the motion of the head', unit='s', minimum=0.0, maximum=0.5,
        live=True)

    @property
    def command_s(self) -> float:
        """Delay from publishing a command to motion, in s."""
        return self.transport_s + self.processing_s + self.actuator_s


@dataclasses.dataclass(frozen=True)
class AxisAiming(PidGains):
    """Gains and backlash of one axis."""

    backlash: float = param(0.0, 'Backlash between motor and head', unit='rad', minimum=0.0, maximum=0.05, live=True)


@dataclasses.dataclass(frozen=True)
class AimingParameters:
    """Parameters of the aim controller."""

    predictive: bool = param(True, 'Prediction of the target with rate feed-forward', live=True)
    dead_zone: float = param(
        0.0, 'Aim error below which the head does not move', unit='rad', minimum=0.0, maximum=0.1, live=True)
    pan: AxisAiming = group(AxisAiming)
    tilt: AxisAiming = group(AxisAiming)
    delay: Delays = group(Delays)


class Reference(NamedTuple):
    """Reference pose of the head in rad, and its rates in rad/s."""

    pan: float
    tilt: float
    pan_rate: float = 0.0
    tilt_rate: float = 0.0


class CommandHistory:
    """Integral of the commanded rates over the last second: the motion that is still to come of sent commands."""

    def __init__(self, span_s: float = 1.0) -> None:
        self._span_s = span_s
        self._sums: deque[tuple[float, float, float]] = deque()
        self._rates = (0.0, 0.0)

    def clear(self) -> None:
        """Remove all commands."""
        self._sums.clear()
        self._rates = (0.0, 0.0)

    def add(self, now: float, pan_rate: float, tilt_rate: float) -> None:
        """Add a command: rates in rad/s, in force from ``now`` until the next one."""
        pan, tilt = self._at(now)
        self._sums.append((now, pan, tilt))
        self._rates = (pan_rate, tilt_rate)
        while self._sums[0][0] < now - self._span_s:
            self._sums.popleft()

    def displacement(self, since: float, until: float) -> tuple[float, float]:
        """Return the commanded motion of pan and tilt in rad between two times in s."""
        (pan0, tilt0), (pan1, tilt1) = self._at(since), self._at(until)
        return pan1 - pan0, tilt1 - tilt0

    def _at(self, time: float) -> tuple[float, float]:
        if not self._sums:
            return 0.0, 0.0
        newest, pan, tilt = self._sums[-1]
        if time >= newest:
            dt = time - newest
            return pan + self._rates[0] * dt, tilt + self._rates[1] * dt
        later = self._sums[-1]
        for entry in reversed(self._sums):
            if entry[0] <= time:
                w = (time - entry[0]) / (later[0] - entry[0]) if later[0] > entry[0] else 0.0
                return entry[1] + w * (later[1] - entry[1]), entry[2] + w * (later[2] - entry[2])
            later = entry
        return later[1], later[2]


class _AxisController:
    """PID, rate limiter and backlash compensation of one axis."""

    def __init__(self) -> None:
        self.pid = Pid(PidGains())
        self.limiter = RateLimiter()
        self._side = 0.0  # direction in which the backlash is taken up

    def reset(self, rate: float) -> None:
        self.pid.reset()
        self.limiter.reset(rate)

    def step(self, reference: float, reference_rate: float, head: float, motor: float, dt: float,
             parameters: AxisAiming, limits: AxisLimits, dead_zone: float) -> float:
        """Return the motor rate in rad/s; all poses are predicted to the time when the command acts."""
        self._choose_side(reference - head, reference_rate)
        goal = limits.clamp(reference + 0.5 * parameters.backlash * self._side)
        error = goal - motor - 0.5 * reference_rate * dt
        if abs(error) <= dead_zone:
            error = 0.0
        self.pid.gains = parameters
        feedforward = (1.0 + parameters.kd) * reference_rate
        wanted = self.pid.step(error, motor, dt, feedforward=feedforward, limit=limits.max_velocity)
        closing = braking_speed(abs(error), _CLOSING_SHARE * limits.max_acceleration, dt)
        wanted = max(reference_rate - closing, min(reference_rate + closing, wanted)) if error else wanted
        return self.limiter.step(wanted, motor, limits, dt)

    def _choose_side(self, error: float, reference_rate: float) -> None:
        """Take up the backlash in the direction of motion; keep the side while motion and error are small."""
        if abs(reference_rate) > _SIDE_RATE:
            self._side = math.copysign(1.0, reference_rate)
        elif abs(error) > _SIDE_ERROR:
            self._side = math.copysign(1.0, error)


class Aimer:
    """Controller of both axes: PID on the aim error, feed-forward of the reference rates, velocity and position limits.

    The error is evaluated at the time when the command acts. The motor pose at that time is the newest reported pose
    plus the motion still to come of earlier commands (a Smith predictor for a delayed integrator).
    """

    def __init__(self) -> None:
        self._pan = _AxisController()
        self._tilt = _AxisController()
        self._commands = CommandHistory()

    @property
    def axes(self) -> tuple[Pid, Pid]:
        """PID controllers of pan and tilt."""
        return self._pan.pid, self._tilt.pid

    def reset(self, pose: Pose) -> None:
        """Start from the present rates of the motors, without a jump in the command."""
        self._pan.reset(pose.pan_rate)
        self._tilt.reset(pose.tilt_rate)
        self._commands.clear()

    def step(self, reference: Reference, now: float, dt: float, model: BacklashModel, limits: HeadLimits,
             parameters: AimingParameters) -> tuple[float, float]:
        """Return the pan and tilt rates to command now, in rad/s.

        Args:
            reference: reference of the head half a period after the command acts.
            now: in s.
            dt: period in s, > 0.
            model: backlash model with at least one reported pose.
            limits: limits of both axes.
            parameters: gains, delays, backlash, dead zone.
        """
        pan, tilt = self._pending(now, model, parameters)
        head, motors = model.head_pose, model.motor_pose
        assert motors is not None
        pan_rate = self._pan.step(
            reference.pan, reference.pan_rate, head.pan + pan, motors.pan + pan, dt, parameters.pan, limits.pan,
            parameters.dead_zone)
        tilt_rate = self._tilt.step(
            reference.tilt, reference.tilt_rate, head.tilt + tilt, motors.tilt + tilt, dt, parameters.tilt, limits.tilt,
            parameters.dead_zone)
        self._commands.add(now, pan_rate, tilt_rate)
        return pan_rate, tilt_rate

    def limit(self, pan_rate: float, tilt_rate: float, now: float, dt: float, model: BacklashModel, limits: HeadLimits,
              parameters: AimingParameters) -> tuple[float, float]:
        """Return requested rates in rad/s, limited; arguments as for :meth:`step`."""
        pan, tilt = self._pending(now, model, parameters)
        assert model.motor_pose is not None
        pan_rate = self._pan.limiter.step(pan_rate, model.motor_pose.pan + pan, limits.pan, dt)
        tilt_rate = self._tilt.limiter.step(tilt_rate, model.motor_pose.tilt + tilt, limits.tilt, dt)
        self._commands.add(now, pan_rate, tilt_rate)
        return pan_rate, tilt_rate

    def _pending(self, now: float, model: BacklashModel, parameters: AimingParameters) -> tuple[float, float]:
        """Return the motion in rad from the newest reported pose until a command issued now acts."""
        return self._commands.displacement(model.stamp - parameters.delay.command_s, now)
