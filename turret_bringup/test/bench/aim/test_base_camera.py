# SPDX-License-Identifier: Apache-2.0
"""Camera on the base: only the laser moves with the head."""

from __future__ import annotations

import dataclasses
import math

import pytest

from turret_bringup.bench.aim.rig import CAMERA, Rig, TurretFollower
from turret_common.geometry import Bearing, PinholeCamera, angle_between, bearing_to_pixel, pixel_to_bearing
from turret_common.params import replace
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_common.track_state import TrackState
from turret_control.actions.delay_calibration import MeasureDelay
from turret_control.aiming.selection import Candidate
from turret_control.boresight.boresight import Boresight, Sight
from turret_control.controller.controller import Controller
from turret_control.controller.cycle import Inputs, run_cycle
from turret_control.controller.head_command import GimbalReadiness
from turret_control.controller.task import Mode
from turret_control.controller_parameters import ControllerParameters
from turret_control.motion import AxisLimits, HeadLimits
from turret_control.plant.plant import Hidden, Plant
from turret_control.plant_parameters import PlantParameters

ON_BASE = dataclasses.replace(CAMERA, on_base=True)
BUILT = Hidden(beam=(0.012, -0.02), laser_at=(0.03, -0.04))
TRUE = Boresight(*BUILT.beam, *BUILT.laser_at, calibrated=True)
LIMITS = HeadLimits(AxisLimits(-1.5, 1.5, 3.0, 30.0), AxisLimits(-0.7, 0.9, 3.0, 30.0))


def test_the_bearing_of_a_pixel_does_not_depend_on_the_head() -> None:
    bearing = pixel_to_bearing(ON_BASE, 100.0, 200.0, 0.7, 0.2)
    assert bearing == pixel_to_bearing(CAMERA, 100.0, 200.0, 0.0, 0.0)
    assert bearing_to_pixel(ON_BASE, bearing, -0.3, 0.1) == pytest.approx((100.0, 200.0))


@pytest.mark.parametrize('mount', ['head', 'base'])
def test_the_simulated_beam_agrees_with_the_geometry(mount: str) -> None:
    plant = Plant(PlantParameters(scenario='empty', wall_range=2.0), 0, BUILT)
    plant.push(0.4, 0.15)
    plant.step(50_000_000)
    truth, laser = plant.truth(), plant.scene(plant.t_ns, mount)['laser']
    sight = Sight(TRUE, plant.config.base_camera if mount == 'base' else None)  # type: ignore[arg-type]
    assert angle_between(
        sight.spot(truth.pan, truth.tilt, laser['range']), Bearing(laser['azimuth'], laser['elevation'])) < 1e-6


def test_the_beam_lands_on_a_target_that_is_in_its_way() -> None:
    plant = Plant(PlantParameters(scenario='still', wall_range=8.0), 0, Hidden())
    assert plant.truth().spot_range == 8.0
    balloon = plant.truth().targets[0]
    plant.push(balloon.azimuth - plant.truth().pan, balloon.elevation - plant.truth().tilt)
    plant.step(50_000_000)
    assert plant.truth().spot_range == balloon.range


def follower(boresight: Boresight = TRUE) -> TurretFollower:
    parameters = replace(ControllerParameters(), {'start_mode': 'track', 'aim.delay.actuator_s': 0.035})
    result = TurretFollower(parameters, ON_BASE)
    result.controller.target.boresight = boresight
    return result


@pytest.mark.parametrize(('scenario', 'max_deg'), [('still', 0.15), ('sine_0.2', 0.4)])
def test_the_laser_follows_a_target_of_the_camera(scenario: str, max_deg: float) -> None:
    """The error is the angle between laser dot and target, both from the center of the head."""
    rig, errors = Rig(follower(), scenario, 1, 'base', BUILT), []
    for instant in rig.run(5.0):
        truth = rig.plant.truth()
        if instant.time > 2.0:
            target = truth.targets[0]
            errors.append(angle_between(
                Bearing(truth.spot_azimuth, truth.spot_elevation), Bearing(target.azimuth, target.elevation)))
    assert math.degrees(sorted(errors)[int(0.95 * len(errors))]) < max_deg


def test_delay_calibration_measures_only_the_delay_of_commands() -> None:
    own, task = follower(), MeasureDelay(travel=0.1)
    for instant in Rig(own, 'still', 1, 'base', BUILT).run(12.0):
        if task.done:
            break
        if instant.time > 1.0 and own.controller.task is None:
            own.controller.start(task, instant.time)
    measured = task.result()
    assert measured.actuator_s == pytest.approx(0.035, abs=0.004)
    assert measured.processing_s == pytest.approx(0.06, abs=0.01)
    assert set(measured.parameters()) == {
        'aim.delay.transport_s', 'aim.delay.processing_s', 'aim.delay.actuator_s'}


def test_automatic_fire_with_a_base_camera_requires_a_boresight() -> None:
    """Without a boresight the bearing of the laser is not known to a camera on the base."""
    def decisions(boresight: Boresight, camera: PinholeCamera) -> int:
        controller = Controller(replace(ControllerParameters(), {'start_mode': 'track'}))
        controller.target.boresight = boresight
        count = 0
        for i in range(30):
            now = 1.0 + 0.01 * i
            bearing = controller.target.sight.spot(0.0, 0.0, 3.0)
            track = Candidate('1', TrackState.TRACKING, 'balloon', 0.9, *bearing, 0.0, 0.0, 0.1, 0.1)
            outputs = run_cycle(controller, Inputs(
                now, ReasonCode.OK, camera=camera, gimbal=GimbalReadiness(LIMITS, ReasonCode.OK),
                poses=[(now, Pose(0.0, 0.0, 0.0, 0.0))], tracks=[(now, [track])]))
            count += outputs.fire is not None
        assert controller.mode is Mode.TRACK
        return count
    assert decisions(Boresight(), CAMERA) > 0
    assert decisions(Boresight(calibrated=True), ON_BASE) > 0
    assert decisions(Boresight(), ON_BASE) == 0
