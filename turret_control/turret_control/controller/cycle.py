# SPDX-License-Identifier: Apache-2.0
"""One control cycle: inputs received since the previous cycle in, head command and aim out.

The controller node, the aim benchmark and the re-run of a bag all call :func:`run_cycle`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from turret_common.geometry import PinholeCamera
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_control.aiming.selection import Candidate
from turret_control.controller.controller import Controller
from turret_control.controller.head_command import GimbalReadiness
from turret_control.controller.target_follower import Aim, FireDecision
from turret_control.motion import Command


class Inputs(NamedTuple):
    """Inputs of one control cycle. Times in s on the steady clock of the controller.

    Attributes:
        now: time of the cycle.
        permit: reason why motion is not permitted; OK when it is.
        stopped: a stop is in force, or there was one since the last cycle.
        camera: calibration of the camera; None = unknown or uncalibrated.
        gimbal: newest state of the gimbal; None = no new one.
        poses: measured poses since the previous cycle, each with its stamp.
        tracks: all tracks of each new image, each with the stamp of the image.
    """

    now: float
    permit: ReasonCode
    stopped: bool = False
    camera: PinholeCamera | None = None
    gimbal: GimbalReadiness | None = None
    poses: Sequence[tuple[float, Pose]] = ()
    tracks: Sequence[tuple[float, Sequence[Candidate]]] = ()


class Outputs(NamedTuple):
    """Results of one control cycle.

    Attributes:
        command: command for the gimbal.
        new_image: the cycle has used the tracks of a new image.
        aim: target and aim error; None without a target.
        fire: automatic fire request that follows from a new image; None = none.
    """

    command: Command
    new_image: bool
    aim: Aim | None
    fire: FireDecision | None


def run_cycle(controller: Controller, inputs: Inputs) -> Outputs:
    """Run one control cycle; ``controller`` is the only state between cycles."""
    now = inputs.now
    controller.target.camera = inputs.camera
    if inputs.gimbal is not None:
        controller.head.observe_gimbal(inputs.gimbal)
    for stamp, pose in inputs.poses:
        controller.head.observe_pose(stamp, pose, now)
    for stamp, tracks in inputs.tracks:
        controller.target.observe(stamp, tracks, now)
    if inputs.stopped:
        controller.halt(now)
    command = controller.update(now, inputs.permit)
    new_image = bool(inputs.tracks)
    return Outputs(command, new_image, controller.target.aim, controller.fire_decision() if new_image else None)
