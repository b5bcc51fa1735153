# SPDX-License-Identifier: Apache-2.0
"""The exclusion node in front of a made-up camera."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Header

from turret_common.geometry import PinholeCamera, pixel_to_bearing
from turret_common.reason_codes import ReasonCode
from turret_common.ros.images import array_to_image, camera_to_info
from turret_common.ros.qos import IMAGE_OUT, STREAM
from turret_common.testing.ros_testing import RosHarness
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import PeopleArray
from turret_vision.detectors.detection import Box, Detection, View
from turret_vision.exclusion_node import ExclusionNode

CAMERA = PinholeCamera.from_field_of_view(320, 240, math.radians(60.0))


class Finder:
    """Sees a person wherever the image is white."""

    method, mode, width, exact_width = 'test', '', 0, False

    def tune(self, _: object) -> bool:
        return True

    def detect(self, view: View) -> list[Detection]:
        rows, columns = np.nonzero(view.gray == 255)
        if not len(rows):
            return []
        return [Detection('person', Box(float(columns.mean()), float(rows.mean()), 20.0, 40.0))]


class World:
    def __init__(self, ros: RosHarness) -> None:
        self.node = ros.add(ExclusionNode(context=ros.context, namespace='turret'))
        self.node._detectors = [Finder()]  # noqa: SLF001  replaces detectors that need footage
        self.seen = ros.collect(PeopleArray, 'exclusion/people', STREAM)
        self._clock = ros.probe.get_clock()
        self._images = ros.probe.create_publisher(Image, 'camera/image_raw', IMAGE_OUT)
        self._infos = ros.probe.create_publisher(CameraInfo, 'camera/camera_info', STREAM)
        self._joints = ros.probe.create_publisher(JointState, 'joint_states', STREAM)
        self.pixels = np.zeros((240, 320, 3), np.uint8)
        self.count = 0

    def show(self, change: bool = True, encoding: str = 'bgr8') -> list[Any]:
        """Publish an image and what belongs to it; return what has been seen."""
        self.count += 1
        if change:
            self.pixels[0, 0] = self.count % 200
        header = Header(stamp=self._clock.now().to_msg(), frame_id='camera_optical_frame')
        joints = JointState(header=header, name=['pan_joint', 'tilt_joint'], position=[0.2, 0.1], velocity=[0.0, 0.0])
        self._joints.publish(joints)
        self._infos.publish(camera_to_info(CAMERA, header))
        image = array_to_image(self.pixels, 'bgr8', header)
        image.encoding = encoding
        self._images.publish(image)
        time.sleep(0.02)  # paces the images
        return self.seen


def test_the_bearing_of_a_person_is_published(ros: RosHarness) -> None:
    world = World(ros)
    world.pixels[118:122, 198:202] = 255
    wait_until(lambda: (seen := world.show()) and seen[-1].people and math.isfinite(seen[-1].people[0].azimuth))
    person, = world.seen[-1].people
    assert (person.azimuth, person.elevation) == tuple(pixel_to_bearing(CAMERA, 199.5, 119.5, 0.2, 0.1))
    assert person.box.center_x == 199.5
    assert 0.0 < person.radius < 0.2
    assert world.seen[-1].unchanged_s == 0.0
    assert world.seen[-1].code == ReasonCode.OK


def test_the_time_without_change_of_the_image_is_published(ros: RosHarness) -> None:
    world = World(ros)
    wait_until(lambda: (seen := world.show(change=False)) and seen[-1].unchanged_s > 0.3)
    wait_until(lambda: (seen := world.show()) and seen[-1].unchanged_s == 0.0)


def test_unsupported_images_are_reported(ros: RosHarness) -> None:
    world = World(ros)
    wait_until(lambda: (seen := world.show(encoding='braille')) and seen[-1].code != ReasonCode.OK)
    assert 'braille' in world.seen[-1].message


def test_the_parameter_services_respond(ros: RosHarness) -> None:
    World(ros)
    names = ros.call(ListParameters, 'exclusion/list_parameters', ListParameters.Request()).result.names
    assert 'rate_hz' in names
    values = ros.call(GetParameters, 'exclusion/get_parameters', GetParameters.Request(names=['rate_hz'])).values
    assert values[0].double_value == 6.0
    found = ros.call(DescribeParameters, 'exclusion/describe_parameters', DescribeParameters.Request(names=['rate_hz']))
    assert found.descriptors[0].read_only
    change = SetParameters.Request(parameters=[Parameter('rate_hz', value=7.0).to_parameter_msg()])
    assert not ros.call(SetParameters, 'exclusion/set_parameters', change).results[0].successful
