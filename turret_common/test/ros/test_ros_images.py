"""Images and camera descriptions to messages and back."""

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from turret_common.geometry import PinholeCamera
from turret_common.ros_images import array_to_image, camera_to_info, image_to_array, info_to_camera


@pytest.mark.parametrize(('shape', 'encoding'), [((4, 6, 3), 'bgr8'), ((4, 6), 'mono8'), ((4, 6, 4), 'rgba8')])
def test_pixels_survive(shape: tuple[int, ...], encoding: str) -> None:
    array = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    msg = array_to_image(array, encoding, Header(frame_id='camera_optical_frame'))
    assert (msg.height, msg.width, msg.encoding, msg.header.frame_id) == (4, 6, encoding, 'camera_optical_frame')
    assert np.array_equal(image_to_array(msg), array)


def test_a_camera_survives() -> None:
    camera = PinholeCamera(640, 480, 550.0, 552.0, 322.0, 238.0, (-0.12, 0.05, 0.001, -0.0008, -0.01))
    assert info_to_camera(camera_to_info(camera, Header())) == camera


def test_an_uncalibrated_camera_is_none() -> None:
    assert info_to_camera(CameraInfo(width=640, height=480)) is None
