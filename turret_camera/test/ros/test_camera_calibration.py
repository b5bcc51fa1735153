# SPDX-License-Identifier: Apache-2.0
"""The action that measures the lens, on a node whose camera shows images of a board."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from board_images import LENS, board_image, poses
from rclpy.action import ActionClient
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from turret_camera.camera_node import CameraNode
from turret_camera.lens.calibrator import Board, BoardKind
from turret_common.reason_codes import ReasonCode
from turret_common.ros.images import array_to_image
from turret_common.ros.qos import IMAGE_OUT, STREAM
from turret_common.testing.waiting import wait_until
from turret_msgs.action import CalibrateCamera

_LOOKS = 4  # at each image


class Shows:
    """Publishes images as a camera's driver would; the next one after a few looks of the calibration."""

    def __init__(self, ros: Any) -> None:
        board = Board(BoardKind.CHARUCO, 9, 6, 0.75)
        self.looks = 0
        self._images = [board_image(board, *pose) for pose in poses()[:20]]
        self._out = ros.probe.create_publisher(Image, '/other/image_raw', IMAGE_OUT)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._show)
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._thread.join()

    def _show(self) -> None:
        while not self._ending.wait(0.05):
            pixels = self._images[self.looks // _LOOKS % len(self._images)]
            self._out.publish(array_to_image(pixels, 'mono8', Header()))


@pytest.fixture
def shows(ros: Any) -> Iterator[Shows]:
    shows = Shows(ros)
    yield shows
    shows.close()


def start(ros: Any) -> Any:
    return ros.add(CameraNode(namespace='turret', context=ros.context, parameter_overrides=[
        Parameter('source', value='topic'), Parameter('image_topic', value='/other/image_raw')]))


def run(ros: Any, on_feedback: Any = lambda _: None, **goal: Any) -> Any:
    client = ActionClient(ros.probe, CalibrateCamera, 'camera/calibrate')
    try:
        assert client.wait_for_server(10.0)
        sending = client.send_goal_async(
            CalibrateCamera.Goal(**goal), lambda message: on_feedback(message.feedback))
        wait_until(sending.done)
        result = sending.result().get_result_async()
        wait_until(result.done, 120.0, 'a result')
        return result.result().result
    finally:
        client.destroy()


def test_the_lens_is_measured_used_at_once_and_again_after_a_restart(ros: Any, shows: Shows) -> None:
    node = start(ros)
    infos = ros.collect(CameraInfo, 'camera/camera_info', STREAM)
    wait_until(lambda: infos, what='frames')
    assert infos[-1].k[0] != pytest.approx(LENS.fx, rel=0.01)
    prompts = []

    def on_feedback(feedback: Any) -> None:
        shows.looks += 1
        prompts.append(feedback.prompt)
    result = run(ros, on_feedback, views=5)
    assert (result.success, result.message) == (True, '5 views; used from now on')
    assert result.rms < 0.5
    assert any('Bring the board' in prompt for prompt in prompts)
    wait_until(lambda: infos[-1].k[0] == pytest.approx(LENS.fx, rel=0.02), what='the new lens')
    restarted = node._make_source(node._ros_parameters.value, None)  # noqa: SLF001  what a restart does
    assert restarted.camera(640, 480).fx == pytest.approx(LENS.fx, rel=0.02)


def test_a_board_that_cannot_be_is_refused(ros: Any) -> None:
    start(ros)
    result = run(ros, columns=2)
    assert (result.success, result.code) == (False, ReasonCode.OUT_OF_RANGE)
