from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from turret_camera.camera_node import CameraNode
from turret_common.reason_codes import ReasonCode
from turret_common.ros_images import image_to_array
from turret_common.ros_qos import IMAGE_IN, STATE, STREAM
from turret_common.ros_testing import wait_until
from turret_msgs.msg import CameraState


def start(ros: Any, **parameters: Any) -> CameraNode:
    overrides = [Parameter(name.replace('__', '.'), value=value) for name, value in parameters.items()]
    return ros.add(CameraNode(namespace='turret', context=ros.context, parameter_overrides=overrides))


def newest(messages: list[Any]) -> Any:
    return messages[-1] if messages else None


def test_raw_jpeg_and_info_share_one_stamp_and_show_the_same(ros: Any, make_plant: Any) -> None:
    make_plant()
    start(ros)
    raw = ros.collect(Image, 'camera/image_raw', IMAGE_IN)
    jpeg = ros.collect(CompressedImage, 'camera/image_raw/compressed', IMAGE_IN)
    info = ros.collect(CameraInfo, 'camera/camera_info', STREAM)

    def shared() -> Any:
        stamps = [{(m.header.stamp.sec, m.header.stamp.nanosec): m for m in list(topic)} for topic in (raw, jpeg, info)]
        both = stamps[0].keys() & stamps[1].keys() & stamps[2].keys()
        return [messages[max(both)] for messages in stamps] if both else None
    image, compressed, camera = wait_until(shared, what='raw, JPEG and info of one stamp')
    pixels = image_to_array(image)
    decoded = cv2.imdecode(np.frombuffer(compressed.data, np.uint8), cv2.IMREAD_COLOR)
    assert image.encoding == 'bgr8'
    assert image.header.frame_id == camera.header.frame_id == 'camera_optical_frame'
    assert pixels.shape == (480, 640, 3) == (camera.height, camera.width, 3)
    assert np.abs(pixels.astype(int) - decoded).mean() < 8.0


def test_nothing_is_encoded_for_nobody(ros: Any, make_plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_plant()
    encoded: list[int] = []
    monkeypatch.setattr('turret_camera.frame.encode_jpeg', lambda pixels, quality: encoded.append(quality) or b'jpeg')
    start(ros, jpeg_quality=77)
    info = ros.collect(CameraInfo, 'camera/camera_info', STREAM)
    wait_until(lambda: len(info) > 5, what='frames')
    assert not encoded
    jpeg = ros.collect(CompressedImage, 'camera/image_raw/compressed', IMAGE_IN)
    wait_until(lambda: jpeg, what='JPEG')
    assert set(encoded) == {77}


def test_without_hardware_it_says_so_and_begins_when_it_comes(ros: Any, make_plant: Any) -> None:
    start(ros)
    states = ros.collect(CameraState, 'camera/state', STATE)
    absent = wait_until(lambda: newest(states), what='state')
    absent = wait_until(lambda: states[-1] if states[-1].code else None, what='fault')
    assert absent.status == CameraState.STATUS_STARTING
    assert absent.code == ReasonCode.CAMERA_ABSENT
    assert not absent.hardware
    make_plant()
    wait_until(lambda: states[-1].status == CameraState.STATUS_STREAMING, what='streaming')


def test_a_lost_camera_is_a_fault_until_it_is_back(ros: Any, make_plant: Any) -> None:
    plant = make_plant()
    start(ros)
    states = ros.collect(CameraState, 'camera/state', STATE)
    wait_until(lambda: states and states[-1].status == CameraState.STATUS_STREAMING, what='streaming')
    plant.die()
    wait_until(lambda: states[-1].code == ReasonCode.CAMERA_LOST, what='fault')
    assert states[-1].status == CameraState.STATUS_RECOVERING
    assert np.isnan(states[-1].rate_hz)
    beats = len(states)
    wait_until(lambda: len(states) >= beats + 2, what='beats of the state while lost')
    make_plant()
    wait_until(lambda: states[-1].status == CameraState.STATUS_STREAMING, what='streaming again')


def test_live_parameters_act_and_are_in_the_state(ros: Any, make_plant: Any) -> None:
    make_plant()
    node = start(ros, auto_exposure=False, exposure_us=10000)
    raw = ros.collect(Image, 'camera/image_raw', IMAGE_IN)
    states = ros.collect(CameraState, 'camera/state', STATE)
    before = image_to_array(wait_until(lambda: newest(raw), what='image')).mean()
    node.set_parameters([Parameter('exposure_us', value=2500), Parameter('width', value=320),
                         Parameter('height', value=240)])
    small = wait_until(lambda: raw[-1] if raw[-1].width == 320 else None, what='smaller image')
    assert image_to_array(small).mean() < 0.7 * before
    wait_until(lambda: states[-1].exposure_us == 2500.0 and states[-1].width == 320, what='state')
