# SPDX-License-Identifier: Apache-2.0
"""Bearing check: errors in focal length and roll of the camera are found."""

from __future__ import annotations

import dataclasses
import math

import pytest

from turret_bringup.bench.aim.rig import CAMERA, Rig, TurretFollower
from turret_common.errors import TurretError
from turret_common.geometry import Bearing, bearing_to_pixel
from turret_common.params import replace
from turret_common.reason_codes import ReasonCode
from turret_control.actions.bearing_check import CheckBearings, Sighting, compare
from turret_control.controller_parameters import ControllerParameters
from turret_control.plant.plant import Hidden

TARGET = Bearing(0.2, 0.1)


def sightings(scale: float, roll: float) -> list[Sighting]:
    """Return the sightings of a camera with another focal length and a roll."""
    true = dataclasses.replace(CAMERA, fx=CAMERA.fx * scale, fy=CAMERA.fy * scale)
    seen = []
    for pan in (-0.1, 0.05, 0.2, 0.35, 0.5):
        for tilt in (-0.2, 0.1, 0.4):
            pixel = bearing_to_pixel(true, TARGET, pan, tilt)
            assert pixel is not None
            x, y = pixel[0] - CAMERA.cx, pixel[1] - CAMERA.cy
            across, down = x * math.cos(roll) + y * math.sin(roll), y * math.cos(roll) - x * math.sin(roll)
            seen.append(Sighting(CAMERA.cx + across, CAMERA.cy + down, pan, tilt))
    return seen


@pytest.mark.parametrize(('scale', 'roll'), [(1.0, 0.0), (1.05, 0.0), (0.95, 0.02)])
def test_scale_and_roll_are_found(scale: float, roll: float) -> None:
    checked = compare(CAMERA, sightings(scale, roll))
    assert (checked.scale, checked.roll) == (pytest.approx(scale, abs=1e-3), pytest.approx(roll, abs=1e-3))
    assert (checked.rms < 1e-6) == (scale == 1.0)
    assert checked.rms <= checked.worst


@pytest.mark.parametrize(('fov_scale', 'right'), [(1.0, True), (1.08, False)])
def test_the_check_finds_a_wrong_field_of_view(fov_scale: float, right: bool) -> None:
    wrong = dataclasses.replace(CAMERA, fx=CAMERA.fx / fov_scale, fy=CAMERA.fy / fov_scale)
    follower = TurretFollower(replace(ControllerParameters(), {'start_mode': 'track'}), wrong)
    task = CheckBearings(0.25)
    for instant in Rig(follower, 'still', 1, hidden=Hidden()).run(16.0):
        if task.done:
            break
        if instant.time > 1.0 and follower.controller.task is None:
            follower.controller.start(task, instant.time)
    checked = task.result()
    assert checked.images > 50
    assert checked.scale == pytest.approx(fov_scale, abs=0.01)
    assert (math.degrees(checked.rms) < 0.2) == right


def test_a_camera_on_the_base_cannot_check_itself() -> None:
    follower = TurretFollower(
        replace(ControllerParameters(), {'start_mode': 'track'}), dataclasses.replace(CAMERA, on_base=True))
    task = CheckBearings(0.2)
    for instant in Rig(follower, 'still', 1, 'base', Hidden()).run(2.0):
        if instant.time > 1.0 and not task.done and follower.controller.task is None:
            follower.controller.start(task, instant.time)
    with pytest.raises(TurretError) as refusal:
        task.result()
    assert refusal.value.code is ReasonCode.NOT_SUPPORTED
