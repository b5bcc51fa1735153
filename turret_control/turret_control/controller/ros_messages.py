# SPDX-License-Identifier: Apache-2.0
"""Conversions between messages and the types of the controller core."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from turret_common.reason_codes import ReasonCode
from turret_common.ros.time import seconds, stamp_from
from turret_common.track_state import TrackState
from turret_control.aiming.pid import Pid
from turret_control.aiming.selection import Candidate
from turret_control.controller import presets
from turret_control.controller.controller import Controller
from turret_control.controller.head_command import GimbalReadiness
from turret_control.controller.target_follower import Aim
from turret_control.motion import AxisLimits, Command, HeadLimits
from turret_msgs.msg import (
    AimTarget,
    AxisState,
    ControllerState,
    CrosshairState,
    GimbalCommand,
    GimbalState,
    PatternState,
    PidState,
    Preset,
    Track,
    TrackArray,
)


def candidate_from(track: Track) -> Candidate:
    """Return a track as a candidate for aiming."""
    return Candidate(
        track.id, TrackState(track.state), track.class_id, track.confidence, track.azimuth, track.elevation,
        track.azimuth_rate, track.elevation_rate, track.angular_width, track.angular_height, track.unseen_s,
        (track.box.center_x, track.box.center_y) if track.unseen_s == 0.0 else None,
        (track.box.width, track.box.height))


def tracks_from(tracks: TrackArray, to_steady: float) -> tuple[float, list[Candidate]]:
    """Return the stamp of an image and its tracks; ``to_steady`` + stamp = time on the clock of the core, in s."""
    return seconds(tracks.header.stamp) + to_steady, [candidate_from(track) for track in tracks.tracks]


def readiness_from(state: GimbalState) -> GimbalReadiness:
    """Return limits and readiness from the state of the gimbal."""
    return GimbalReadiness(HeadLimits(_limits(state.pan), _limits(state.tilt)), _readiness(state))


def _limits(axis: AxisState) -> AxisLimits:
    return AxisLimits(axis.lower, axis.upper, axis.max_velocity, axis.max_acceleration)


def _readiness(state: GimbalState) -> ReasonCode:
    axes = state.pan, state.tilt
    if any(axis.state == AxisState.STATE_FAULT for axis in axes):
        return ReasonCode.DRIVER_FAULT
    if state.motion in (GimbalState.MOTION_HOMING, GimbalState.MOTION_CALIBRATING):
        return ReasonCode.BUSY
    if not all(axis.homed for axis in axes):
        return ReasonCode.NOT_HOMED
    if not all(axis.enabled for axis in axes):
        return ReasonCode.NOT_ENABLED
    return ReasonCode.OK


def write_command(message: GimbalCommand, command: Command, seq: int, stamp: Any) -> GimbalCommand:
    """Write a command into a reused message, whose frame_id is kept, and return the message."""
    message.header.stamp = stamp
    message.seq, message.mode = seq, int(command.mode)
    message.pan, message.tilt = command.pan, command.tilt
    message.pan_rate, message.tilt_rate = command.pan_rate, command.tilt_rate
    return message


def aim_message(aim: Aim | None, to_steady: float, stamp: Any, frame_id: str) -> AimTarget:
    """Return the aim as a message; ``stamp`` is the stamp of a message without a target."""
    message = AimTarget()
    message.header.frame_id = frame_id
    if aim is None:
        message.header.stamp = stamp
        message.azimuth = message.elevation = message.aim_error = math.nan
    else:
        message.header.stamp = stamp_from(aim.time - to_steady)
        message.track_id, message.lead_s, message.aim_error = aim.target.id, aim.time - aim.stamp, aim.error
        (message.azimuth, message.elevation), message.azimuth_rate, message.elevation_rate = aim.motion
    return message


def state_message(
        controller: Controller, saved: Mapping[str, presets.Preset], pattern: PatternState,
        rate_hz: float) -> ControllerState:
    """Return the controller state as a message; its publisher fills ``header.stamp`` and ``started``."""
    status, parameters, aim = controller.status, controller.parameters, controller.target.aim
    pan, tilt = controller.head.aimer.axes
    following = aim is not None
    return ControllerState(
        mode=int(status.mode), tracking=int(status.tracking), target_id=status.target_id,
        selected_id=status.selected_id, priority=int(status.priority), recenter_on_loss=parameters.recenter_on_loss,
        predictive=parameters.aim.predictive, aim_error=aim.error if aim else math.nan, on_target=status.on_target,
        rate_hz=rate_hz, pan_pid=_pid_state(pan, following), tilt_pid=_pid_state(tilt, following),
        crosshair=_crosshair(controller), pattern=pattern, code=int(status.code),
        message=status.message,
        presets=[Preset(name=name, pan=p.pan, tilt=p.tilt) for name, p in saved.items()])


def _pid_state(pid: Pid, running: bool) -> PidState:
    gains = pid.gains
    error, p, i, d, feedforward, output = pid.terms if running else (math.nan,) * 6
    return PidState(kp=gains.kp, ki=gains.ki, kd=gains.kd, error=error, p_term=p, i_term=i, d_term=d,
                    feedforward=feedforward, output=output)


def _crosshair(controller: Controller) -> CrosshairState:
    boresight = controller.target.boresight
    x, y = controller.crosshair() or (math.nan, math.nan)
    return CrosshairState(
        x=x, y=y, range=controller.target.range_m,
        range_estimated=controller.target.estimated_range_m is not None, calibrated=boresight.calibrated,
        boresight_azimuth=boresight.azimuth, boresight_elevation=boresight.elevation, offset_y=boresight.offset_y,
        offset_z=boresight.offset_z, residual=boresight.residual)
