"""From where a target will be to how fast each axis shall turn now."""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from typing import NamedTuple

from turret_common.params import group, param
from turret_common.pose_history import Pose
from turret_control.aiming.backlash import HeadModel
from turret_control.aiming.pid import Pid, PidGains
from turret_control.aiming.rate_limiter import RateLimiter
from turret_control.motion import AxisLimits, HeadLimits, braking_speed

_CLOSING_SHARE = 0.8  # of the acceleration, to brake with when an error closes; the rest is for the reference
# The backlash of an axis is taken up on the side to which the reference moves faster than this, in rad/s, or, when it
# stands, on the side to which the head is further off than this, in rad.
_SIDE_RATE = math.radians(1.0)
_SIDE_ERROR = math.radians(0.08)


@dataclasses.dataclass(frozen=True)
class Delays:
    """Delays that the time stamps do not show; the aim point is predicted beyond them."""

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
        """Command published to motion, in s."""
        return self.transport_s + self.processing_s + self.actuator_s


@dataclasses.dataclass(frozen=True)
class AxisAiming(PidGains):
    """Gains of one axis, and what is known of its mechanics."""

    backlash: float = param(0.0, 'Backlash between motor and head', unit='rad', minimum=0.0, maximum=0.05, live=True)


@dataclasses.dataclass(frozen=True)
class AimingParameters:
    """The aiming law."""

    predictive: bool = param(True, 'Prediction of the target with rate feed-forward', live=True)
    dead_zone: float = param(
        0.0, 'Aim error below which the head does not move', unit='rad', minimum=0.0, maximum=0.1, live=True)
    pan: AxisAiming = group(AxisAiming)
    tilt: AxisAiming = group(AxisAiming)
    delay: Delays = group(Delays)


class Reference(NamedTuple):
    """A pose that the head shall have, in rad, and the rates of that pose in rad/s."""

    pan: float
    tilt: float
    pan_rate: float = 0.0
    tilt_rate: float = 0.0


class CommandHistory:
    """How far the head was told to turn lately: what is still to come of commands that have not acted yet."""

    def __init__(self, span_s: float = 1.0) -> None:
        self._span_s = span_s
        self._sums: deque[tuple[float, float, float]] = deque()
        self._rates = (0.0, 0.0)

    def clear(self) -> None:
        """Forget every command."""
        self._sums.clear()
        self._rates = (0.0, 0.0)

    def add(self, now: float, pan_rate: float, tilt_rate: float) -> None:
        """Add a command: these rates in rad/s from ``now`` on, until the next."""
        pan, tilt = self._at(now)
        self._sums.append((now, pan, tilt))
        self._rates = (pan_rate, tilt_rate)
        while self._sums[0][0] < now - self._span_s:
            self._sums.popleft()

    def turned(self, since: float, until: float) -> tuple[float, float]:
        """Return the angles in rad that were commanded between two times in s."""
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


class _Axis:
    """One axis: controller, limits, and the side on which its backlash is taken up."""

    def __init__(self) -> None:
        self.pid = Pid(PidGains())
        self.limiter = RateLimiter()
        self._side = 0.0

    def reset(self, rate: float) -> None:
        self.pid.reset()
        self.limiter.reset(rate)

    def step(self, reference: float, reference_rate: float, head: float, motor: float, dt: float,
             parameters: AxisAiming, limits: AxisLimits, dead_zone: float) -> float:
        """Return the rate of the motor that brings the head to the reference, all where the command will act."""
        self._take_side(reference - head, reference_rate)
        aimed = limits.clamp(reference + 0.5 * parameters.backlash * self._side)
        error = aimed - motor - 0.5 * reference_rate * dt
        if abs(error) <= dead_zone:
            error = 0.0
        self.pid.gains = parameters
        feedforward = (1.0 + parameters.kd) * reference_rate
        wanted = self.pid.step(error, motor, dt, feedforward=feedforward, limit=limits.max_velocity)
        closing = braking_speed(abs(error), _CLOSING_SHARE * limits.max_acceleration, dt)
        wanted = max(reference_rate - closing, min(reference_rate + closing, wanted)) if error else wanted
        return self.limiter.step(wanted, motor, limits, dt)

    def _take_side(self, error: float, reference_rate: float) -> None:
        """Push from the side to which the head must go; stay where it hardly matters."""
        if abs(reference_rate) > _SIDE_RATE:
            self._side = math.copysign(1.0, reference_rate)
        elif abs(error) > _SIDE_ERROR:
            self._side = math.copysign(1.0, error)


class Aimer:
    """Both axes: PID on the aiming error, feed-forward of the reference's rate, limits.

    The error is taken where the command issued now will act: against the pose that the motors will have by then, which
    is the newest reported one and what earlier commands have yet to turn (a Smith predictor for a delayed integrator).
    """

    def __init__(self) -> None:
        self._pan = _Axis()
        self._tilt = _Axis()
        self._commands = CommandHistory()

    @property
    def axes(self) -> tuple[Pid, Pid]:
        """The controllers of pan and tilt."""
        return self._pan.pid, self._tilt.pid

    def reset(self, pose: Pose) -> None:
        """Take over from motors that have the pose's rates now."""
        self._pan.reset(pose.pan_rate)
        self._tilt.reset(pose.tilt_rate)
        self._commands.clear()

    def step(self, reference: Reference, now: float, dt: float, head: HeadModel, limits: HeadLimits,
             parameters: AimingParameters) -> tuple[float, float]:
        """Return the pan and tilt rates to command now, in rad/s.

        Args:
            reference: where the head shall be half a period after the command acts.
            now: in s.
            dt: period in s, > 0.
            head: where the head is; it must know.
            limits: of both axes.
            parameters: gains, delays, backlash, dead zone.
        """
        pan, tilt = self._to_come(now, head, parameters)
        assert head.motors is not None
        pan_rate = self._pan.step(
            reference.pan, reference.pan_rate, head.head.pan + pan, head.motors.pan + pan, dt, parameters.pan,
            limits.pan, parameters.dead_zone)
        tilt_rate = self._tilt.step(
            reference.tilt, reference.tilt_rate, head.head.tilt + tilt, head.motors.tilt + tilt, dt, parameters.tilt,
            limits.tilt, parameters.dead_zone)
        self._commands.add(now, pan_rate, tilt_rate)
        return pan_rate, tilt_rate

    def limit(self, pan_rate: float, tilt_rate: float, now: float, dt: float, head: HeadModel, limits: HeadLimits,
              parameters: AimingParameters) -> tuple[float, float]:
        """Return wanted rates in rad/s as the limits allow them; arguments as :meth:`step`."""
        pan, tilt = self._to_come(now, head, parameters)
        assert head.motors is not None
        pan_rate = self._pan.limiter.step(pan_rate, head.motors.pan + pan, limits.pan, dt)
        tilt_rate = self._tilt.limiter.step(tilt_rate, head.motors.tilt + tilt, limits.tilt, dt)
        self._commands.add(now, pan_rate, tilt_rate)
        return pan_rate, tilt_rate

    def _to_come(self, now: float, head: HeadModel, parameters: AimingParameters) -> tuple[float, float]:
        """Return by how much the axes will turn, in rad, from the newest report until a command issued now acts."""
        return self._commands.turned(head.at - parameters.delay.command_s, now)
