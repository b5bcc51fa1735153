# SPDX-License-Identifier: Apache-2.0
"""Delay calibration: delays and backlash, measured by oscillating the head in front of a stationary target.

The oscillation is small and slow, within the soft limits. Commands compared with reported positions give the delay of
the motors; pixels of the target compared with motor positions give the delay of the image stamps and the backlash.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from turret_common.errors import TurretError
from turret_common.geometry import Array, PinholeCamera, pixel_to_bearing, wrap_angle
from turret_common.reason_codes import ReasonCode
from turret_control.controller.head_command import HeadCommander
from turret_control.controller.target_follower import TargetFollower
from turret_control.controller.task import Task
from turret_control.motion import Command

_SETTLE_S = 1.5               # to center the target in the image
_SWING_S = 8.0
_HIDDEN_S = 1.0               # maximum time without the target, such as with late images
_FREQUENCIES_HZ = (0.75, 0.5)  # of pan and tilt; different, so that the axes can be distinguished
_MAX_MISFIT = 0.01            # rad RMS; more means that the target moves
_MIN_SIGHTINGS = 40
_ACTUATOR_S = np.arange(0.0, 0.2001, 0.001)
_CAMERA_S = np.arange(-0.04, 0.1001, 0.002)
_BACKLASH = np.arange(0.0, 0.0201, 0.0005)


class Measured(NamedTuple):
    """Result of the calibration; ``camera_s`` and ``backlash`` are NaN for a camera on the base.

    Attributes:
        actuator_s: delay from command to reported motion, in s.
        camera_s: delay from exposure to time stamp, in s.
        processing_s: median delay from time stamp to tracks at the controller, in s.
        backlash: backlash of pan and tilt, in rad.
    """

    actuator_s: float
    camera_s: float
    processing_s: float
    backlash: tuple[float, float]

    def parameters(self) -> dict[str, float]:
        """Return the values by controller parameter; the actuator is given the whole delay of a command."""
        values = {
            'aim.delay.camera_s': self.camera_s, 'aim.delay.transport_s': 0.0, 'aim.delay.processing_s': 0.0,
            'aim.delay.actuator_s': self.actuator_s,
            'aim.pan.backlash': self.backlash[0], 'aim.tilt.backlash': self.backlash[1]}
        return {name: value for name, value in values.items() if not math.isnan(value)}


class _AxisRecord:
    """Record of one axis: commanded rates, reported positions, and offsets of the target, each with a time."""

    def __init__(self) -> None:
        self.commands: list[tuple[float, float]] = []
        self.positions: list[tuple[float, float]] = []
        self.offsets: list[tuple[float, float]] = []


class MeasureDelay(Task):
    """Task that centers the target, oscillates the head, and keeps the record for :meth:`result`."""

    name = 'measuring delays'

    def __init__(self, travel: float) -> None:
        """``travel`` is the maximum excursion in rad."""
        super().__init__()
        self._travel = travel
        self._began: float | None = None
        self._axes = (_AxisRecord(), _AxisRecord())
        self._sighted = self._stamp = -math.inf
        self._lags: list[float] = []
        self._on_base = False

    def step(self, head: HeadCommander, target: TargetFollower, now: float, dt: float) -> Command | None:
        """Return the next command; None when complete."""
        self._sighted = now if target.aim is not None or self._began is None else self._sighted
        if now - self._sighted > _HIDDEN_S:
            raise TurretError(ReasonCode.NO_TARGET, 'a stationary target must be visible')
        self._began = now if self._began is None else self._began
        swung = now - self._began - _SETTLE_S
        self.progress = min(1.0, (now - self._began) / (_SETTLE_S + _SWING_S))
        if swung < 0.0:
            return head.stop() if target.aim is None else head.follow(
                target.reference(now + head.lead_s(dt)), now, dt)
        self._record(head, target)
        if swung > _SWING_S:
            return None
        rates = [
            self._travel * 2.0 * math.pi * f * math.cos(2.0 * math.pi * f * swung) * _fade(swung)
            for f in _FREQUENCIES_HZ]
        command = head.rotate(rates[0], rates[1], now, dt)
        for axis, rate in zip(self._axes, (command.pan_rate, command.tilt_rate), strict=True):
            axis.commands.append((now, rate))
        return command

    def result(self) -> Measured:
        """Return the measured values; the computation takes about 0.1 s.

        Raises:
            TurretError: the reason for an early end, or NO_TARGET when the target was detected too rarely or moves.
        """
        self.check()
        pan, tilt = self._axes
        if len(self._lags) < _MIN_SIGHTINGS:
            raise TurretError(ReasonCode.NO_TARGET, 'the target was detected too rarely')
        actuators = [fit_actuator(np.array(axis.commands), np.array(axis.positions)) for axis in self._axes]
        actuator_s, processing_s = float(np.mean(actuators)), float(np.median(self._lags))
        if self._on_base:
            return Measured(actuator_s, math.nan, processing_s, (math.nan, math.nan))
        pan_fit = fit_optics(np.array(pan.positions), np.array(pan.offsets), np.array(tilt.positions))
        tilt_fit = fit_optics(np.array(tilt.positions), np.array(tilt.offsets), np.array(pan.positions))
        return Measured(actuator_s, 0.5 * (pan_fit[0] + tilt_fit[0]), processing_s, (pan_fit[1], tilt_fit[1]))

    def _record(self, head: HeadCommander, target: TargetFollower) -> None:
        model = head.model
        for axis, position in zip(self._axes, head.motor_pose[:2], strict=True):
            if not axis.positions or model.stamp > axis.positions[-1][0]:
                axis.positions.append((model.stamp, position))
        aim = target.aim
        if aim is None or aim.stamp <= self._stamp or aim.target.pixel is None or target.camera is None:
            return
        self._stamp = aim.stamp
        motors = model.motor_pose_at(aim.stamp)
        if motors is not None and aim.stamp >= self._axes[0].positions[0][0]:
            self._lags.append(aim.time - aim.stamp)
            self._on_base = target.camera.on_base
            for axis, offset in zip(self._axes, _offsets(target.camera, aim.target.pixel, motors.tilt), strict=True):
                axis.offsets.append((aim.stamp, offset))


def _fade(swung: float) -> float:
    """Return the amplitude, 0 to 1, that starts and ends the oscillation smoothly."""
    return max(0.0, min(1.0, 4.0 * swung, 4.0 * (_SWING_S - swung)))


def _offsets(camera: PinholeCamera, pixel: tuple[float, float], tilt: float) -> tuple[float, float]:
    """Return the offset of a pixel from the boresight of the head, as differences of azimuth and elevation in rad."""
    bearing = pixel_to_bearing(camera, *pixel, 0.0, tilt)
    return wrap_angle(bearing.azimuth), bearing.elevation - tilt


def fit_actuator(commands: Array, positions: Array) -> float:
    """Return the best fit of the delay in s from commanded rates to positions, both rows of (time, value)."""
    times, rates = commands.T
    turned = np.concatenate([[0.0], np.cumsum(rates[:-1] * np.diff(times))])
    at, position = positions[positions[:, 0] > times[0] + _ACTUATOR_S[-1]].T
    misfit = [float(np.var(position - np.interp(at - delay, times, turned))) for delay in _ACTUATOR_S]
    return _lowest(_ACTUATOR_S, np.array(misfit))


def fit_optics(positions: Array, offsets: Array, other: Array) -> tuple[float, float]:
    """Return the best fit of the stamp delay in s and the backlash in rad.

    The target is stationary, so its offset is a constant minus the angle of the head. The fit also allows for a drift,
    a scale (focal length) and a share of the other axis (roll of the camera).

    Args:
        positions: positions of the motor, rows of (time, rad).
        offsets: offsets of the target, rows of (stamp, rad).
        other: positions of the other axis, rows of (time, rad).
    """
    times, motor = positions.T
    heads = _with_backlash(motor)
    first = times[0] + 1.0 / min(_FREQUENCIES_HZ)  # by then the backlash has been taken up from both sides
    stamps, seen = offsets[(offsets[:, 0] > first) & (offsets[:, 0] < times[-1] + _CAMERA_S[0])].T
    misfit = np.empty((len(_CAMERA_S), len(_BACKLASH)))
    for i, delay in enumerate(_CAMERA_S):
        across = np.interp(stamps - delay, other[:, 0], other[:, 1])
        nuisance, _ = np.linalg.qr(np.stack([np.ones_like(across), across, stamps], axis=1))
        angles = np.stack([np.interp(stamps - delay, times, head) for head in heads], axis=1)
        angles -= nuisance @ (nuisance.T @ angles)
        rest = seen - nuisance @ (nuisance.T @ seen)
        misfit[i] = rest @ rest - (rest @ angles) ** 2 / np.sum(angles**2, axis=0)
    best = np.unravel_index(np.argmin(misfit), misfit.shape)
    if misfit[best] > len(seen) * _MAX_MISFIT**2:
        raise TurretError(ReasonCode.NO_TARGET, 'the target must be stationary')
    return _lowest(_CAMERA_S, misfit[:, best[1]]), max(0.0, _lowest(_BACKLASH, misfit[best[0], :]))


def _with_backlash(motor: Array) -> list[Array]:
    """Return the angles of the head for each backlash of the search."""
    half = 0.5 * _BACKLASH
    head = np.full(len(_BACKLASH), motor[0])
    heads = np.empty((len(motor), len(_BACKLASH)))
    for i, position in enumerate(motor):
        head = heads[i] = np.clip(head, position - half, position + half)
    return list(heads.T)


def _lowest(grid: Array, misfit: Array) -> float:
    """Return the minimum of a sampled curve, interpolated by a parabola."""
    i = int(np.argmin(misfit))
    if not 0 < i < len(grid) - 1:
        return float(grid[i])
    left, low, right = misfit[i - 1:i + 2]
    return float(grid[i] + 0.5 * (grid[1] - grid[0]) * (left - right) / (left - 2.0 * low + right))
