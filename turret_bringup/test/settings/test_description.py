# SPDX-License-Identifier: Apache-2.0
"""The robot description: the same limits, frames and signs as the code."""

import dataclasses
import math

import numpy as np
import pytest
from urdf_parser_py.urdf import URDF

from turret_bringup.settings.description import robot_description, visuals
from turret_common.geometry import (
    BASE_CAMERA_FRAME,
    BODY_FROM_OPTICAL,
    HEAD_CAMERA_FRAME,
    Bearing,
    base_from_head,
    direction,
)
from turret_control.boresight.boresight import Boresight
from turret_control.gimbal_parameters import GimbalParameters

GIMBAL = GimbalParameters()
TILTED = Boresight(azimuth=0.02, elevation=-0.01, offset_y=0.03, offset_z=-0.04)


def parsed(gimbal: GimbalParameters = GIMBAL, boresight: Boresight = TILTED) -> URDF:
    return URDF.from_xml_string(robot_description(gimbal, boresight))


def test_it_is_a_tree_with_the_frames_of_the_design() -> None:
    robot = parsed()
    assert robot.get_root() == 'world'
    assert robot.get_chain('world', 'camera_optical_frame', joints=False) == [
        'world', 'base_link', 'pan_link', 'tilt_link', 'camera_link', 'camera_optical_frame']
    assert robot.get_chain('tilt_link', 'laser_link', joints=False) == ['tilt_link', 'laser_link']


def test_a_camera_on_the_base_has_its_frame_there_and_none_on_the_head() -> None:
    robot = URDF.from_xml_string(robot_description(GIMBAL, TILTED, (0.05, -0.1, 0.2)))
    assert robot.get_chain('world', BASE_CAMERA_FRAME, joints=False) == [
        'world', 'base_link', 'camera_link', BASE_CAMERA_FRAME]
    assert HEAD_CAMERA_FRAME not in robot.link_map
    assert robot.joint_map['camera_joint'].origin.xyz == pytest.approx([0.05, -0.1, 0.2])
    assert turn_of(robot.joint_map['camera_optical_joint'].origin.rpy) == pytest.approx(BODY_FROM_OPTICAL, abs=1e-9)


def test_limits_and_rates_are_those_of_the_gimbal() -> None:
    narrow = dataclasses.replace(GIMBAL, pan=dataclasses.replace(GIMBAL.pan, lower=-0.5, max_velocity=1.25))
    for gimbal in (GIMBAL, narrow):
        joints = parsed(gimbal).joint_map
        for name, axis in (('pan_joint', gimbal.pan), ('tilt_joint', gimbal.tilt)):
            limit = joints[name].limit
            assert (limit.lower, limit.upper, limit.velocity) == (axis.lower, axis.upper, axis.max_velocity)


def test_the_defaults_of_the_file_are_those_of_the_gimbal() -> None:
    from importlib import resources

    import xacro
    source = resources.files('turret_bringup') / 'urdf' / 'turret.urdf.xacro'
    alone = URDF.from_xml_string(xacro.process_file(str(source)).toxml())
    ours = parsed(boresight=Boresight())
    assert alone.to_xml_string() == ours.to_xml_string()


def turn_of(origin_rpy: list[float]) -> np.ndarray:
    roll, pitch, yaw = origin_rpy
    c, s = math.cos, math.sin
    about_x = np.array([[1, 0, 0], [0, c(roll), -s(roll)], [0, s(roll), c(roll)]])
    about_y = np.array([[c(pitch), 0, s(pitch)], [0, 1, 0], [-s(pitch), 0, c(pitch)]])
    about_z = np.array([[c(yaw), -s(yaw), 0], [s(yaw), c(yaw), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def test_camera_and_laser_look_where_the_code_says() -> None:
    joints = parsed().joint_map
    assert turn_of(joints['camera_optical_joint'].origin.rpy) == pytest.approx(BODY_FROM_OPTICAL, abs=1e-9)
    laser = joints['laser_joint'].origin
    assert laser.xyz == pytest.approx([0.0, TILTED.offset_y, TILTED.offset_z])
    beam = turn_of(laser.rpy) @ [1.0, 0.0, 0.0]
    assert beam == pytest.approx(direction(Bearing(TILTED.azimuth, TILTED.elevation)), abs=1e-9)


@pytest.mark.parametrize(('pan', 'tilt'), [(0.0, 0.0), (0.7, 0.0), (0.0, 0.4), (-0.6, -0.3)])
def test_the_drawn_laser_turns_as_the_head_does(pan: float, tilt: float) -> None:
    urdf = robot_description(GIMBAL, Boresight(offset_y=0.05))
    drawn = list(visuals(urdf, {'pan_joint': pan, 'tilt_joint': tilt}))
    laser = next(visual for visual in drawn if visual.size == (0.012, 0.012, 0.05))
    head = base_from_head(pan, tilt)
    assert laser.position == pytest.approx(head @ [0.0, 0.05, 0.0], abs=1e-9)
    assert laser.rotation[:, 2] == pytest.approx(head[:, 0], abs=1e-9)  # a cylinder lies along its z axis


def test_the_base_does_not_rotate() -> None:
    urdf = robot_description(GIMBAL, Boresight())
    still, turned = (next(iter(visuals(urdf, {'pan_joint': pan}))) for pan in (0.0, 1.0))
    assert still.rotation == pytest.approx(turned.rotation)
    assert still.position == pytest.approx(turned.position)
