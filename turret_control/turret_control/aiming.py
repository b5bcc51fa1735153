"""From where a target will be to how fast each axis shall turn now."""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import NamedTuple

from turret_common.geometry import Bearing
from turret_common.params import group, param
from turret_common.pose_history import Pose
from turret_control.pid import Pid, PidGains
from turret_control.selection import Target
from turret_control.trajectory import AxisLimits, RateLimiter, stopping_rate


@dataclasses.dataclass(frozen=True)
class Delays:
    """Delays that the time stamps do not show; the aim point is predicted beyond them."""

    camera_s: float = param(
        0.0, 'Light to time stamp: how much later than the light the camera stamps', unit='s', minimum=-0.2,
        maximum=0.5, live=True)
    transport_s: float = param(
        0.0, 'Command published to command received by the driver', unit='s', minimum=0.0, maximum=0.5, live=True)
    processing_s: float = param(
        0.0, 'Command received to command acted on by the driver', unit='s', minimum=0.0, maximum=0.5, live=True)
    actuator_s: float = param(
        0.02, 'Command acted on to motion of the head', unit='s', minimum=0.0, maximum=0.5, live=True)

    @property
    def command_s(self) -> float:
        """Command published to motion, in s."""
        return self.transport_s + self.processing_s + self.actuator_s


@dataclasses.dataclass(frozen=True)
class AimingParameters:
    """The aiming law."""

    predictive: bool = param(True, 'Predict the target and feed its rate forward', live=True)
    dead_zone: float = param(
        0.0, 'Aiming error below which the head is left alone', unit='rad', minimum=0.0, maximum=0.1, live=True)
    pan: PidGains = group(PidGains)
    tilt: PidGains = group(PidGains)
    delay: Delays = group(Delays)


class Reference(NamedTuple):
    """A pose that the head shall have at one instant, in rad, and the rates of that pose in rad/s."""

    pan: float
    tilt: float
    pan_rate: float = 0.0
    tilt_rate: float = 0.0


class Limits(NamedTuple):
    """What both axes may do."""

    pan: AxisLimits
    tilt: AxisLimits


def predict(target: Target, stamp: float, at: float) -> Bearing:
    """Return the bearing of a target at a time, from its state at ``stamp``, at constant rates. Times in s."""
    dt = at - stamp
    return Bearing(target.azimuth + target.azimuth_rate * dt, target.elevation + target.elevation_rate * dt)


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
    def __init__(self) -> None:
        self.pid = Pid(PidGains())
        self.limiter = RateLimiter()

    def step(self, reference: float, reference_rate: float, head: float, dt: float, gains: PidGains,
             limits: AxisLimits, dead_zone: float) -> float:
        self.pid.gains = gains
        error = reference - head
        if abs(error) <= dead_zone:
            error = 0.0
        feedforward = (1.0 + gains.kd) * reference_rate
        wanted = self.pid.step(error, head, dt, feedforward=feedforward, limit=limits.rate)
        closing = stopping_rate(abs(error), 0.8 * limits.acceleration, dt)
        wanted = max(reference_rate - closing, min(reference_rate + closing, wanted)) if error else wanted
        return self.limiter.step(wanted, head, limits, dt)


class Aimer:
    """Both axes: PID on the aiming error, feed-forward of the reference's rate, limits.

    The error is taken where the command issued now will act: against the pose that the head will have by then, which is
    the newest measured pose and what earlier commands have yet to turn (a Smith predictor for a delayed integrator).
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
        """Take over from a head that has the pose's rates now."""
        for axis, rate in ((self._pan, pose.pan_rate), (self._tilt, pose.tilt_rate)):
            axis.pid.reset()
            axis.limiter.reset(rate)
        self._commands.clear()

    def head_at_action(self, now: float, measured: Pose, measured_at: float, delay_s: float) -> Pose:
        """Return the pose that the head will have when a command issued now acts; rates as measured."""
        pan, tilt = self._commands.turned(measured_at - delay_s, now)
        return measured._replace(pan=measured.pan + pan, tilt=measured.tilt + tilt)

    def step(self, reference: Reference, now: float, dt: float, measured: Pose, measured_at: float, limits: Limits,
             parameters: AimingParameters) -> tuple[float, float]:
        """Return the pan and tilt rates to command now, in rad/s.

        Args:
            reference: where the head shall be when the command acts.
            now: in s.
            dt: time since the last step in s, > 0.
            measured: newest pose of the head.
            measured_at: when it was measured, in s.
            limits: of both axes.
            parameters: gains, delays, dead zone.
        """
        head = self.head_at_action(now, measured, measured_at, parameters.delay.command_s)
        pan = self._pan.step(limits.pan.clamp(reference.pan), reference.pan_rate, head.pan, dt, parameters.pan,
                             limits.pan, parameters.dead_zone)
        tilt = self._tilt.step(limits.tilt.clamp(reference.tilt), reference.tilt_rate, head.tilt, dt, parameters.tilt,
                               limits.tilt, parameters.dead_zone)
        self._commands.add(now, pan, tilt)
        return pan, tilt

    def limit(self, pan_rate: float, tilt_rate: float, now: float, dt: float, measured: Pose, measured_at: float,
              limits: Limits, parameters: AimingParameters) -> tuple[float, float]:
        """Return wanted rates in rad/s as the limits allow them; arguments as :meth:`step`."""
        head = self.head_at_action(now, measured, measured_at, parameters.delay.command_s)
        pan = self._pan.limiter.step(pan_rate, head.pan, limits.pan, dt)
        tilt = self._tilt.limiter.step(tilt_rate, head.tilt, limits.tilt, dt)
        self._commands.add(now, pan, tilt)
        return pan, tilt
