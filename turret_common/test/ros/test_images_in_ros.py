# SPDX-License-Identifier: Apache-2.0
"""Images and camera_info to messages and back."""

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from turret_common.geometry import PinholeCamera
from turret_common.ros import images
from turret_common.ros.images import (
    CameraFeed,
    CameraInfoPublisher,
    array_to_image,
    camera_to_info,
    image_to_array,
    info_to_camera,
)
from turret_common.ros.qos import STREAM
from turret_common.ros.time import stamp_from
from turret_common.testing.ros_testing import RosHarness
from turret_common.testing.waiting import wait_until


@pytest.mark.parametrize(('shape', 'encoding'), [((4, 6, 3), 'bgr8'), ((4, 6), 'mono8'), ((4, 6, 4), 'rgba8')])
def test_pixels_to_message_and_back(shape: tuple[int, ...], encoding: str) -> None:
    array = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    msg = array_to_image(array, encoding, Header(frame_id='camera_optical_frame'))
    assert (msg.height, msg.width, msg.encoding, msg.header.frame_id) == (4, 6, encoding, 'camera_optical_frame')
    assert np.array_equal(image_to_array(msg), array)


def test_camera_to_message_and_back() -> None:
    camera = PinholeCamera(640, 480, 550.0, 552.0, 322.0, 238.0, (-0.12, 0.05, 0.001, -0.0008, -0.01))
    assert info_to_camera(camera_to_info(camera, Header())) == camera


def test_an_uncalibrated_camera_is_none() -> None:
    assert info_to_camera(CameraInfo(width=640, height=480)) is None


def test_every_image_is_described(ros: RosHarness) -> None:
    received = ros.collect(CameraInfo, 'camera/camera_info', STREAM)
    publisher = CameraInfoPublisher(ros.probe)
    matched = publisher._publisher.get_subscription_count  # noqa: SLF001  no other way to know that it is matched
    wait_until(matched, 10.0, 'the connection')
    near = PinholeCamera.from_field_of_view(640, 480, 1.0)
    far = PinholeCamera(640, 480, 2550.0, 2552.0, 322.0, 238.0, (-0.12, 0.05, 0.001, -0.0008, -0.01))
    described = [(near, 1.25, 'a'), (near, 2.5, 'a'), (near, 2.75, 'b'), (far, 3.5, 'b'), (near, 2e9, 'a')]
    sent = []
    for camera, stamp, frame_id in described:
        header = Header(stamp=stamp_from(stamp), frame_id=frame_id)
        publisher.publish(camera, header)
        sent.append(camera_to_info(camera, header))
        wait_until(lambda: len(received) == len(sent), 10.0, 'the description')
    assert received == sent


def test_the_feed_decodes_only_a_changed_camera(ros: RosHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = CameraFeed(ros.probe)
    assert feed.catch_up() is None
    decoded: list[bytes] = []

    def decode(data: bytes, kind: type[CameraInfo]) -> CameraInfo:
        decoded.append(data)
        return deserialize_message(data, kind)

    def after(*described: tuple[float, PinholeCamera]) -> PinholeCamera | None:
        messages = [serialize_message(camera_to_info(camera, Header(stamp=stamp_from(stamp), frame_id='a')))
                    for stamp, camera in described]
        monkeypatch.setattr(images.PolledSubscription, 'take', lambda _: iter(messages))
        return feed.catch_up()
    monkeypatch.setattr(images, 'deserialize_message', decode)
    near, far = PinholeCamera.from_field_of_view(640, 480, 1.0), PinholeCamera.from_field_of_view(640, 480, 0.2)
    assert after((1.0, near), (2.5, near)) == near
    assert after((3.0, near)) == near
    assert len(decoded) == 1
    assert after((3.0, far)) == far
    assert after((4.0, near), (4.0, far), (5.5, far)) == far
    assert len(decoded) == 4
    assert after() == far
