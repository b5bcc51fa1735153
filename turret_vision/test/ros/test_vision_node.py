# SPDX-License-Identifier: Apache-2.0
"""The vision node between a made-up camera and a made-up gimbal."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState
from std_msgs.msg import Header

from turret_common.geometry import Bearing, PinholeCamera, bearing_to_pixel
from turret_common.reason_codes import ReasonCode
from turret_common.ros.images import array_to_image, camera_to_info
from turret_common.ros.qos import IMAGE_OUT, NEWEST, STATE, STREAM
from turret_common.ros.time import seconds, stamp_from
from turret_common.testing.ros_testing import RosHarness
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import DetectionArray, Track, TrackArray, VisionState
from turret_msgs.srv import GetTime, TeachColor
from turret_vision.vision_node import VisionNode

CAMERA = PinholeCamera.from_field_of_view(320, 240, math.radians(60.0))
TARGET = Bearing(0.2, 0.05)
PAN_RATE = 0.5


class World:
    """A head that turns at a constant rate in front of a red balloon on a gray wall, on ROS topics."""

    def __init__(self, harness: RosHarness) -> None:
        self.harness = harness
        probe = harness.probe
        self.images = probe.create_publisher(Image, 'camera/image_raw', IMAGE_OUT)
        self.infos = probe.create_publisher(CameraInfo, 'camera/camera_info', STREAM)
        self.joints = probe.create_publisher(JointState, 'joint_states', STREAM)
        self.detections = harness.collect(DetectionArray, 'vision/detections', STREAM)
        self.tracks = harness.collect(TrackArray, 'vision/tracks', STREAM)
        self.states = harness.collect(VisionState, 'vision/state', STATE)
        self.stamps: list[float] = []
        self.color = (20, 20, 230)
        self.poses = True
        self.jump = False
        self._began = time.time()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def pan(self, stamp: float) -> float:
        """Swing to and fro between -0.2 and 0.3 rad."""
        phase = (stamp - self._began) * PAN_RATE % 1.0
        return -0.2 + min(phase, 1.0 - phase)

    def _run(self) -> None:
        tick = 0
        while not self._ended.wait(0.01):
            now = time.time()
            if self.poses:
                self.joints.publish(JointState(
                    header=Header(stamp=stamp_from(now)), name=['pan_joint', 'tilt_joint'],
                    position=[self.pan(now), 0.0], velocity=[0.0, 0.0]))
            tick += 1
            if tick % 4 == 0:
                self._publish_image(now - 0.015)

    def _publish_image(self, stamp: float) -> None:
        image = np.full((CAMERA.height, CAMERA.width, 3), 128, np.uint8)
        target = TARGET._replace(elevation=0.15 * math.sin(6.0 * stamp)) if self.jump else TARGET
        pixel = bearing_to_pixel(CAMERA, target, self.pan(stamp), 0.0)
        assert pixel is not None
        cv2.circle(image, tuple(round(16.0 * v) for v in pixel), 16 * 12, self.color, -1, cv2.LINE_AA, 4)
        header = Header(stamp=stamp_from(stamp), frame_id='camera_optical_frame')
        self.infos.publish(camera_to_info(CAMERA, header))
        self._publish_pixels(header, image)
        self.stamps.append(seconds(header.stamp))

    def _publish_pixels(self, header: Header, image: Any) -> None:
        self.images.publish(array_to_image(image, 'bgr8', header))

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def tracked(self) -> list[Track]:
        """Return the confirmed tracks of the newest image."""
        return [t for t in self.tracks[-1].tracks if t.state == Track.STATE_TRACKING] if self.tracks else []

    def set(self, **changes: Any) -> str:
        """Set live parameters; return why they were refused."""
        request = SetParameters.Request(parameters=[
            Parameter(name.replace('__', '.'), value=value).to_parameter_msg() for name, value in changes.items()])
        answer = self.harness.call(SetParameters, 'vision/set_parameters', request)
        return next((result.reason for result in answer.results if not result.successful), '')


@pytest.fixture
def world(ros: RosHarness) -> Iterator[World]:
    ros.add(VisionNode(
        context=ros.context, namespace='turret', parameter_overrides=[Parameter('method', value='balloon')]))
    world = World(ros)
    yield world
    world.close()


def test_a_viewer_changes_nothing(ros: RosHarness, world: World) -> None:
    inputs = ('camera/image_raw', 'camera/camera_info', 'joint_states')
    remaps = [word for name in inputs for word in ('-r', f'{name}:=/turret/{name}')]
    ros.add(VisionNode(
        context=ros.context, namespace='unwatched', cli_args=['--ros-args', *remaps],
        parameter_overrides=[Parameter('method', value='balloon')]))
    unwatched = ros.collect(DetectionArray, '/unwatched/vision/detections', STREAM)
    images = ros.collect(CompressedImage, 'vision/image_annotated/compressed', NEWEST)
    wait_until(lambda: len(images) >= 5)

    def alike() -> list[bool]:
        """Compare what both see in each image that both have looked at while the one was watched."""
        watched = {seconds(m.header.stamp): m for m in world.detections[:]}
        pairs = [(watched.get(seconds(m.header.stamp)), m) for m in unwatched[:]]
        since = seconds(images[0].header.stamp)
        return [a.detections == b.detections for a, b in pairs if a is not None and seconds(a.header.stamp) >= since]
    wait_until(lambda: len(alike()) >= 10)
    assert all(alike())


class RemoteWorld(World):
    """The same camera on another host, whose clock is behind by ``ahead_s``: it publishes JPEG images only."""

    ahead_s = 0.0

    def __init__(self, harness: RosHarness) -> None:
        self.jpegs = harness.probe.create_publisher(CompressedImage, 'camera/image_raw/compressed', IMAGE_OUT)
        harness.probe.create_service(GetTime, 'camera/get_time', self._get_time)
        super().__init__(harness)

    def _get_time(self, _: GetTime.Request, response: GetTime.Response) -> GetTime.Response:
        response.success, response.stamp = True, stamp_from(time.time() - self.ahead_s)
        return response

    def _publish_pixels(self, header: Header, image: Any) -> None:
        _, jpeg = cv2.imencode('.jpg', image)
        self.jpegs.publish(CompressedImage(header=header, format='jpeg', data=jpeg.tobytes()))


@pytest.fixture
def remote_world(ros: RosHarness) -> Iterator[RemoteWorld]:
    ros.add(VisionNode(context=ros.context, namespace='turret', parameter_overrides=[
        Parameter('method', value='balloon'), Parameter('camera_remote', value=True)]))
    world = RemoteWorld(ros)
    yield world
    world.close()


def test_images_of_a_remote_camera_are_tracked_while_the_clocks_agree(remote_world: RemoteWorld) -> None:
    wait_until(remote_world.tracked)
    wait_until(lambda: any(abs(track.azimuth - TARGET.azimuth) < 5e-3 for track in remote_world.tracked()))
    measured = wait_until(lambda: next((s for s in remote_world.states[-1:] if s.round_trip_s > 0.0), None))
    assert abs(measured.clock_offset_s) <= measured.round_trip_s / 2.0 + 1e-4

    remote_world.ahead_s = 0.2
    state = wait_until(lambda: next((s for s in remote_world.states[-1:] if s.code == ReasonCode.CLOCK_OFFSET), None))
    assert abs(state.clock_offset_s - 0.2) <= state.round_trip_s / 2.0 + 1e-3
    assert 'synchronize' in state.message
    count, seen = len(remote_world.tracks), len(remote_world.detections)
    wait_until(lambda: len(remote_world.detections) > seen + 5)
    assert len(remote_world.tracks) <= count + 1

    remote_world.ahead_s = 0.0
    wait_until(lambda: len(remote_world.tracks) > count + 3)
    wait_until(lambda: remote_world.states[-1].code == ReasonCode.OK)


def test_detections_carry_the_stamp_of_their_image(world: World) -> None:
    wait_until(lambda: len(world.detections) >= 5)
    message = world.detections[-1]
    assert seconds(message.header.stamp) in world.stamps
    assert message.header.frame_id == 'camera_optical_frame'
    assert (message.method, message.width, message.height) == ('balloon', CAMERA.width, CAMERA.height)
    assert [d.class_id for d in message.detections] == ['balloon']


def test_a_target_seen_by_a_turning_head_is_tracked_at_its_true_bearing(world: World) -> None:
    wait_until(world.tracked)
    first = world.tracked()[0].id
    seen = len(world.tracks)
    wait_until(lambda: len(world.tracks) > seen + 60)
    for array in world.tracks[seen + 20:]:
        (track,) = array.tracks
        assert array.header.frame_id == 'base_link'
        assert track.id == first
        assert track.azimuth == pytest.approx(TARGET.azimuth, abs=2e-3)
        assert track.elevation == pytest.approx(TARGET.elevation, abs=2e-3)
        assert abs(track.azimuth_rate) < 0.1 * PAN_RATE
    diameter = 2.0 * 12.0 / CAMERA.fx
    assert track.angular_width == pytest.approx(diameter, rel=0.15)


def test_without_poses_nothing_is_tracked_and_the_state_reports_it(world: World) -> None:
    world.poses = False
    wait_until(lambda: any(state.code == ReasonCode.NO_POSE for state in world.states))
    arrays = len(world.tracks)
    detections = len(world.detections)
    wait_until(lambda: len(world.detections) > detections + 3)
    assert len(world.tracks) == arrays
    world.poses = True
    wait_until(world.tracked)
    wait_until(lambda: world.states[-1].code == ReasonCode.OK)


def test_the_method_is_switched_live(world: World) -> None:
    wait_until(lambda: len(world.detections) >= 2)
    assert world.set(method='haar') == ''
    wait_until(lambda: world.detections[-1].method == 'haar')
    wait_until(lambda: world.states[-1].detection.method == 'haar')
    assert world.states[-1].detection.mode == 'face'
    assert 'motion' in world.states[-1].detection.available


@pytest.mark.parametrize('method', ['motion', 'haar', 'hog', 'aruco'])
def test_every_method_publishes_its_detections(world: World, method: str) -> None:
    assert world.set(method=method, motion__min_area=50) == ''
    wait_until(lambda: world.detections and world.detections[-1].method == method)
    seen = len(world.detections)
    wait_until(lambda: len(world.detections) > seen + 15)
    if method == 'motion':
        world.jump = True  # the balloon moves although the head does not
        wait_until(lambda: any(message.detections for message in world.detections[seen:]))
        wait_until(lambda: any(array.tracks for array in world.tracks[-10:]))
    assert world.states[-1].code == ReasonCode.OK


def test_bad_parameters_are_refused_and_change_nothing(world: World) -> None:
    assert 'method' in world.set(method='magic')
    assert 'region' in world.set(region=[0.5, 0.5, 0.4, 1.0])
    assert world.set(haar__scale_factor=1.001) != ''
    assert world.set(tracker__gate=math.nan) != ''
    assert world.set(frame_prefix='other/') != ''
    wait_until(lambda: world.detections)
    assert world.detections[-1].method == 'balloon'


def test_the_annotated_image_exists_only_for_viewers(world: World) -> None:
    wait_until(world.tracked)
    images = world.harness.collect(CompressedImage, 'vision/image_annotated/compressed', NEWEST)
    wait_until(lambda: images)
    image = cv2.imdecode(np.frombuffer(images[-1].data, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (CAMERA.height, CAMERA.width, 3)
    assert seconds(images[-1].header.stamp) in world.stamps


def test_the_mask_exists_only_for_viewers_and_covers_what_is_detected(world: World) -> None:
    wait_until(lambda: world.tracked() and world.states[-1].detection.has_mask)
    images = world.harness.collect(CompressedImage, 'vision/mask/compressed', NEWEST)
    wait_until(lambda: images)
    mask = cv2.imdecode(np.frombuffer(images[-1].data, np.uint8), cv2.IMREAD_UNCHANGED)
    stamp = images[-1].header.stamp
    found = wait_until(lambda: next((m for m in world.detections if m.header.stamp == stamp), None))
    factor = CAMERA.width / mask.shape[1]
    left, top, width, height = cv2.boundingRect(mask)
    box = found.detections[0].box
    assert (left + width / 2) * factor == pytest.approx(box.center_x, abs=factor + 1.0)
    assert (top + height / 2) * factor == pytest.approx(box.center_y, abs=factor + 1.0)


def test_a_color_is_taught_from_the_newest_image(world: World) -> None:
    world.color = (200, 90, 80)  # a bluish violet too pale for "saturated" with this limit
    assert world.set(balloon__min_saturation=0.9) == ''
    wait_until(lambda: world.detections and not world.detections[-1].detections)
    assert world.harness.call(TeachColor, 'vision/teach_color', TeachColor.Request(x=1e4, y=0.0)).code == (
        ReasonCode.OUT_OF_RANGE)
    gray = world.harness.call(TeachColor, 'vision/teach_color', TeachColor.Request(x=3.0, y=236.0))
    assert not gray.success

    def taught() -> Any:
        pixel = bearing_to_pixel(CAMERA, TARGET, world.pan(world.stamps[-1]), 0.0)
        assert pixel is not None
        answer = world.harness.call(TeachColor, 'vision/teach_color', TeachColor.Request(x=pixel[0], y=pixel[1]))
        return answer if answer.success else None
    answer = wait_until(taught)
    assert answer.hsv_center[0] == pytest.approx(0.653, abs=0.02)
    wait_until(lambda: world.detections[-1].detections)


def test_a_stopped_stream_is_reported(world: World) -> None:
    wait_until(world.tracked)
    world.close()
    wait_until(lambda: world.states[-1].code == ReasonCode.NO_FRAMES)
    assert world.states[-1].track_count == 0
