# SPDX-License-Identifier: Apache-2.0
"""The robot description of the head, from its parameters, and what it looks like in a pose."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from xml.etree import ElementTree

import numpy as np
import xacro

from turret_common.geometry import Array
from turret_control.boresight.boresight import Boresight
from turret_control.gimbal_parameters import GimbalParameters


@dataclass(frozen=True)
class Visual:
    """One primitive of the description, placed in ``base_link``.

    Attributes:
        shape: ``box`` or ``cylinder``.
        size: edges of a box along its axes, or diameter, diameter and length of a cylinder along its z axis, in m.
        rotation: from the primitive's axes to ``base_link``, shape (3, 3).
        position: of its middle in ``base_link``, shape (3,), in m.
        color: red, green, blue and opacity, each 0 to 1.
    """

    shape: str
    size: tuple[float, float, float]
    rotation: Array
    position: Array
    color: tuple[float, ...]


def robot_description(
        gimbal: GimbalParameters, boresight: Boresight, base_camera: Sequence[float] | None = None) -> str:
    """Return the URDF of the head with its limits and the place and direction of its laser.

    Args:
        gimbal: parameters of the node.
        boresight: of the laser.
        base_camera: place in ``base_link`` of a camera that is fixed to the base, in m; None for one on the head.
    """
    values: dict[str, float | str] = {
        'laser_y': boresight.offset_y, 'laser_z': boresight.offset_z,
        'laser_azimuth': boresight.azimuth, 'laser_elevation': boresight.elevation}
    for name, axis in (('pan', gimbal.pan), ('tilt', gimbal.tilt)):
        values |= {f'{name}_lower': axis.lower, f'{name}_upper': axis.upper, f'{name}_rate': axis.max_velocity}
    if base_camera is not None:
        values |= {'camera_mount': 'base', **{f'base_camera_{n}': v for n, v in zip('xyz', base_camera, strict=True)}}
    source = resources.files('turret_bringup') / 'urdf' / 'turret.urdf.xacro'
    text: str = xacro.process_file(str(source), mappings={k: str(v) for k, v in values.items()}).toxml()
    return text


def visuals(urdf: str, joints: Mapping[str, float]) -> Iterator[Visual]:
    """Give the primitives of a description, those below ``base_link``.

    Args:
        urdf: the description.
        joints: angles by name of joint, in rad; those that are missing are zero.
    """
    robot = ElementTree.fromstring(urdf)
    colors = {
        material.get('name'): _numbers(color.get('rgba', ''))
        for material in robot.findall('material') if (color := material.find('color')) is not None}
    poses = {'base_link': np.eye(4)}
    below = [joint for joint in robot.findall('joint') if _link(joint, 'child') != 'base_link']
    for joint in below:  # xacro keeps the order of the file: a parent before its children
        if (parent := poses.get(_link(joint, 'parent'))) is not None:
            rotation = _axis_rotation(joint.find('axis'), joints.get(joint.get('name', ''), 0.0))
            poses[_link(joint, 'child')] = parent @ _origin(joint.find('origin')) @ rotation
    for link in robot.findall('link'):
        if (pose := poses.get(link.get('name', ''))) is None:
            continue
        for visual in link.findall('visual'):
            placed = pose @ _origin(visual.find('origin'))
            material = visual.find('material')
            shade = colors.get(material.get('name') if material is not None else None, (0.5, 0.5, 0.5, 1.0))
            shape, size = _primitive(visual)
            yield Visual(shape, size, placed[:3, :3], placed[:3, 3], shade)


def _link(joint: ElementTree.Element, end: str) -> str:
    element = joint.find(end)
    return '' if element is None else element.get('link', '')


def _primitive(visual: ElementTree.Element) -> tuple[str, tuple[float, float, float]]:
    box, cylinder = visual.find('geometry/box'), visual.find('geometry/cylinder')
    if box is not None:
        x, y, z = _numbers(box.get('size', ''))
        return 'box', (x, y, z)
    if cylinder is None:
        raise ValueError('only boxes and cylinders are drawn')
    diameter = 2.0 * float(cylinder.get('radius', ''))
    return 'cylinder', (diameter, diameter, float(cylinder.get('length', '')))


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(word) for word in text.split())


def _origin(element: ElementTree.Element | None) -> Array:
    """Return a URDF origin as a homogeneous matrix: fixed axes, roll about x, then pitch about y, then yaw about z."""
    pose = np.eye(4)
    if element is not None:
        roll, pitch, yaw = _numbers(element.get('rpy', '0 0 0'))
        pose[:3, :3] = (
            _rotation(np.array([0.0, 0.0, 1.0]), yaw) @ _rotation(np.array([0.0, 1.0, 0.0]), pitch)
            @ _rotation(np.array([1.0, 0.0, 0.0]), roll))
        pose[:3, 3] = _numbers(element.get('xyz', '0 0 0'))
    return pose


def _axis_rotation(axis: ElementTree.Element | None, angle: float) -> Array:
    turn = np.eye(4)
    if axis is not None:
        turn[:3, :3] = _rotation(np.array(_numbers(axis.get('xyz', '1 0 0'))), angle)
    return turn


def _rotation(axis: Array, angle: float) -> Array:
    """Return the rotation about a unit axis (Rodrigues' formula)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    rotation: Array = np.eye(3) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * (cross @ cross)
    return rotation
