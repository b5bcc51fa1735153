# SPDX-License-Identifier: Apache-2.0
"""All readers of a message agree on its content, also for messages of foreign nodes."""

from __future__ import annotations

import ast
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Header

from turret_bringup.evaluation.series import Series
from turret_common.images import ENCODINGS, to_bgr
from turret_common.messages.cdr import Codec
from turret_common.messages.ros_schema import schema
from turret_common.pose_history import Pose
from turret_common.ros.images import image_to_array
from turret_common.ros.joint_feed import JointFeed, PoseFeed, pose_of
from turret_common.ros.qos import STREAM
from turret_common.ros.time import stamp_from
from turret_common.testing.ros_testing import RosHarness
from turret_common.testing.waiting import wait_until
from turret_web.video.image_encoding import from_image

ROOT = Path(__file__).parents[3]
PAN, TILT = 1.0, 0.2
JOINT_STATES = {
    'own order': JointState(name=['pan_joint', 'tilt_joint'], position=[PAN, TILT], velocity=[0.0, 0.0]),
    'other order': JointState(name=['tilt_joint', 'pan_joint'], position=[TILT, PAN], velocity=[0.0, 0.0]),
    'a third joint': JointState(
        name=['roll_joint', 'tilt_joint', 'pan_joint'], position=[9.0, TILT, PAN], velocity=[9.0, 0.0, 0.0])}
#: Modules that may name JointState: publishers, the shared reader, callers of ``pose_of``, and the link to a head of
#: another node, whose joints have other names.
JOINT_STATE_MODULES = {
    'turret_common/ros/joint_feed.py', 'turret_control/gimbal_node.py', 'turret_control/safety_node.py',
    'turret_bringup/markers_node.py', 'turret_bringup/rerun/ros_rerun.py', 'turret_bringup/bench/ros_bag_source.py',
    'turret_control/drivers/ros/head_link.py'}


def stamped(message: JointState) -> JointState:
    return JointState(
        header=Header(stamp=stamp_from(10.0)), name=message.name, position=message.position, velocity=message.velocity)


@pytest.mark.parametrize('name', JOINT_STATES)
def test_joint_states_are_read_by_name(ros: RosHarness, name: str) -> None:
    message = stamped(JOINT_STATES[name])
    assert pose_of(message) == Pose(PAN, TILT)

    series = Series()
    values = Codec(schema(JointState)).to_json(serialize_message(message))
    series.add('joint_states', 0.0, 10.0, values)
    assert [series.angles[axis][1] for axis in ('pan', 'tilt')] == [[math.degrees(PAN)], [math.degrees(TILT)]]

    samples, poses = JointFeed(ros.probe), PoseFeed(ros.probe)
    publisher = ros.probe.create_publisher(JointState, 'joint_states', STREAM)
    wait_until(lambda: publisher.get_subscription_count() == 2, what='two subscriptions')
    publisher.publish(message)
    assert wait_until(lambda: list(samples.take()), what='a sample') == [(10.0, Pose(PAN, TILT))]
    assert poses.at(10.0, 10.0) == Pose(PAN, TILT)


def test_no_other_module_reads_joint_states() -> None:
    modules = {
        path.relative_to(ROOT / path.relative_to(ROOT).parts[0]).as_posix(): path
        for package in ROOT.glob('turret_*') for path in (package / package.name).rglob('*.py')}
    naming = {
        name for name, path in modules.items()
        if 'JointState' in path.read_text() and any(
            isinstance(node, ast.ImportFrom) and any(alias.name == 'JointState' for alias in node.names)
            for node in ast.walk(ast.parse(path.read_text())))}
    assert naming == JOINT_STATE_MODULES


def image(encoding: str, width: int, height: int) -> Image:
    """Return an image with the color of each pixel, but for the encoding, equal: so JPEG keeps it."""
    kind, channels = ENCODINGS[encoding]
    pixel = np.array([40, 110, 200, 255][:channels], np.uint8)
    if encoding == 'yuv422_yuy2':
        pixel = np.array([120, 100, 120, 160], np.uint8)  # Y U Y V: two pixels
    if kind == 'u2':
        pixel = np.array([0, 90], np.uint8)  # little endian
    size = channels * np.dtype(kind).itemsize
    rows = np.tile(pixel, (height, width * size // len(pixel)))
    padded = np.pad(rows, ((0, 0), (0, 6)))
    return Image(width=width, height=height, encoding=encoding, step=padded.shape[1], data=padded.tobytes())


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_images_of_every_encoding_are_read_alike(encoding: str) -> None:
    message = image(encoding, 32, 16)
    expected = to_bgr(image_to_array(message), encoding)
    assert expected.shape == (16, 32, 3)
    jpeg = from_image(
        bytes(message.data), (32, 16), encoding, message.step, bool(message.is_bigendian), 0, 0, 100)
    decoded: Any = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(decoded.astype(int) - expected).max() <= 4
