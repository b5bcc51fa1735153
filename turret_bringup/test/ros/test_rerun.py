# SPDX-License-Identifier: Apache-2.0
"""The re-run of a bag agrees with the nodes on the same inputs."""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rclpy.parameter import Parameter
from replay_bags import START_NS, Entry, write
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Header

from turret_bringup.bags.reader import Bag
from turret_bringup.rerun.history import deviations
from turret_bringup.rerun.ros_rerun import Rerun, Settings, rerun
from turret_common.geometry import BASE_CAMERA_FRAME, HEAD_CAMERA_FRAME, PinholeCamera
from turret_common.params import build
from turret_common.permit import lease_digest
from turret_common.reason_codes import ReasonCode
from turret_common.ros.images import array_to_image, camera_to_info
from turret_common.ros.qos import COMMAND, IMAGE_OUT, PERMIT, STATE, STREAM
from turret_common.ros.time import stamp_from, stamp_from_ns, wall_stamp
from turret_common.testing.ros_testing import RosHarness, signed
from turret_common.testing.waiting import wait_until
from turret_control.controller_node import ControllerNode
from turret_control.controller_parameters import ControllerParameters
from turret_msgs import msg
from turret_msgs.srv import SetMode
from turret_vision.vision_node import VisionNode
from turret_vision.vision_parameters import VisionParameters

LEASE = 'lease'
STOP, VELOCITY = msg.GimbalCommand.MODE_STOP, msg.GimbalCommand.MODE_VELOCITY
IMAGES = 20


def again(folder: Path, entries: list[Entry], vision: dict[str, Any] | None = None) -> Rerun:
    with Bag(write(folder, entries)) as bag:
        return rerun(bag, Settings(build(VisionParameters, vision or {}), ControllerParameters()))


def axis(name: str) -> msg.AxisState:
    return msg.AxisState(
        name=name, lower=-1.5, upper=1.5, max_velocity=3.0, max_acceleration=20.0, enabled=True, homed=True)


def gimbal() -> msg.GimbalState:
    return msg.GimbalState(pan=axis('pan'), tilt=axis('tilt'))


def tracks(azimuth: float) -> msg.TrackArray:
    return msg.TrackArray(tracks=[
        msg.Track(id='1', state=msg.Track.STATE_TRACKING, class_id='balloon', confidence=0.9, azimuth=azimuth)])


def permit(seq: int, monotonic_ns: int, stopped: bool) -> msg.SafetyPermit:
    return signed(msg.SafetyPermit(
        epoch=1, seq=seq, monotonic_ns=monotonic_ns, motion_ok=not stopped, lease_digest=lease_digest(LEASE),
        reasons=[int(ReasonCode.SOFTWARE_STOP)] if stopped else []))


def stamped(message: Any, at_s: float) -> Any:
    message.header.stamp = stamp_from_ns(START_NS + round(1e9 * at_s))
    return message


class Recording:
    """Subscribes to topics and keeps every message, as a bag would."""

    def __init__(self, ros: RosHarness, **topics: tuple[type, Any]) -> None:
        self.entries: list[Entry] = []
        for name, (message_type, qos) in topics.items():
            topic = name.replace('__', '/')
            ros.probe.create_subscription(
                message_type, topic, lambda message, topic=topic: self._take(topic, message), qos)

    def _take(self, topic: str, message: Any) -> None:
        self.entries.append(Entry(1e-9 * (time.time_ns() - START_NS), f'/turret/{topic}', message))

    def of(self, topic: str) -> list[Any]:
        return [entry.message for entry in self.entries[:] if entry.topic == f'/turret/{topic}']


# Against the controller node


@pytest.fixture
def stop_recording(ros: RosHarness) -> Iterator[Recording]:
    """Record a controller node that follows a target, is stopped, and follows again when asked to."""
    ros.add(ControllerNode(
        context=ros.context, namespace='turret', parameter_overrides=[Parameter('start_mode', value='track')]))
    recording = Recording(
        ros, joint_states=(JointState, STREAM), vision__tracks=(msg.TrackArray, STREAM),
        safety__permit=(msg.SafetyPermit, PERMIT), gimbal__state=(msg.GimbalState, STATE),
        gimbal__command=(msg.GimbalCommand, COMMAND), controller__state=(msg.ControllerState, STATE),
        controller__target=(msg.AimTarget, STREAM))
    create = ros.probe.create_publisher
    states, permits = create(msg.GimbalState, 'gimbal/state', STATE), create(msg.SafetyPermit, 'safety/permit', PERMIT)
    joints, images = create(JointState, 'joint_states', STREAM), create(msg.TrackArray, 'vision/tracks', STREAM)
    states.publish(gimbal())
    seq = 0

    def run(seconds: float, stopped: bool = False) -> None:
        nonlocal seq
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            seq += 1
            permits.publish(permit(seq, time.monotonic_ns(), stopped))
            pose = JointState(name=['pan_joint', 'tilt_joint'], position=[0.0, 0.0], velocity=[0.0, 0.0])
            pose.header.stamp = wall_stamp()
            joints.publish(pose)
            if seq % 4 == 0:
                message = tracks(0.4 * math.sin(time.monotonic()))
                message.header.stamp = stamp_from(time.time() - 0.01)
                images.publish(message)
            time.sleep(0.01)

    def moving() -> bool:
        run(0.3)
        commands = recording.of('gimbal/command')
        return bool(commands and commands[-1].mode == VELOCITY)
    wait_until(moving)
    run(0.5)
    run(0.5, stopped=True)
    run(0.5)
    client = ros.probe.create_client(SetMode, 'controller/set_mode')
    client.call_async(SetMode.Request(lease_id=LEASE, mode=msg.ControllerState.MODE_TRACK))
    wait_until(moving)
    run(0.5)
    yield recording
    ros.probe.destroy_client(client)


def test_the_re_run_commands_what_the_controller_node_did(stop_recording: Recording, tmp_path: Path) -> None:
    result = again(tmp_path / 'bag', stop_recording.entries)
    recorded, repeated = result.recorded.commands, result.again.commands
    stamps = sorted(recorded.keys() & repeated.keys())
    assert len(stamps) > 100
    modes = [recorded[stamp].mode for stamp in stamps]
    assert modes.count(VELOCITY) > 50 < modes.count(STOP)
    assert sum(recorded[stamp].mode == repeated[stamp].mode for stamp in stamps) > 0.95 * len(stamps)
    differences = [abs(recorded[s].pan_rate - repeated[s].pan_rate) for s in stamps
                   if recorded[s].mode == repeated[s].mode == VELOCITY]
    assert statistics.median(differences) < 0.06  # of up to 2 rad/s; more on a busy machine


def test_a_stop_halts_the_re_run_until_the_next_request(tmp_path: Path) -> None:
    """The states alone do not show the stop, as in a bag whose recorder missed a message."""
    state = msg.ControllerState(mode=msg.ControllerState.MODE_TRACK)
    entries = [Entry(0.0, '/turret/gimbal/state', stamped(gimbal(), 0.0)),
               Entry(0.0, '/turret/controller/state', stamped(state, 0.0))]
    for i in range(200):
        at = 0.01 * i
        entries += [
            Entry(at, '/turret/safety/permit', permit(i, 10**9 + round(1e9 * at), 0.8 < at < 1.2)),
            Entry(at, '/turret/joint_states', stamped(JointState(
                name=['pan_joint', 'tilt_joint'], position=[0.0, 0.0], velocity=[0.0, 0.0]), at)),
            Entry(at + 0.002, '/turret/vision/tracks', stamped(tracks(0.4), at)),
            Entry(at + 0.006, '/turret/gimbal/command', stamped(msg.GimbalCommand(), at + 0.006))]
    commands = again(tmp_path / 'bag', entries).again.commands
    modes = {stamp - START_NS: command.mode for stamp, command in commands.items()}
    assert {mode for at, mode in modes.items() if 0.2e9 < at < 0.8e9} == {VELOCITY}
    assert {mode for at, mode in modes.items() if at > 0.85e9} == {STOP}


# Against the vision node


def balloon(camera: PinholeCamera, i: int) -> Any:
    image = np.full((camera.height, camera.width, 3), 128, np.uint8)
    cv2.circle(image, (100 + 4 * i, 120), 14, (30, 30, 220), -1)
    return image


@pytest.mark.parametrize(('mount', 'enabled'), [('base', True), ('head', True), ('base', False)])
def test_the_re_run_tracks_what_the_vision_node_did(
        ros: RosHarness, tmp_path: Path, mount: str, enabled: bool) -> None:
    """A camera on the base needs no joint_states, and there are none then."""
    vision = {'method': 'balloon', 'enabled': enabled}
    ros.add(VisionNode(context=ros.context, namespace='turret', parameter_overrides=[
        Parameter(name, value=value) for name, value in vision.items()]))
    recording = Recording(
        ros, camera__image_raw=(Image, IMAGE_OUT), camera__camera_info=(CameraInfo, STREAM),
        joint_states=(JointState, STREAM), vision__detections=(msg.DetectionArray, STREAM),
        vision__tracks=(msg.TrackArray, STREAM))
    create = ros.probe.create_publisher
    images, infos = create(Image, 'camera/image_raw', IMAGE_OUT), create(CameraInfo, 'camera/camera_info', STREAM)
    joints = create(JointState, 'joint_states', STREAM)
    camera = dataclasses.replace(
        PinholeCamera.from_field_of_view(320, 240, math.radians(60.0)), on_base=mount == 'base')
    wait_until(lambda: images.get_subscription_count() == 2 == infos.get_subscription_count())

    def publish(i: int) -> None:
        header = Header(stamp=wall_stamp(), frame_id=BASE_CAMERA_FRAME if mount == 'base' else HEAD_CAMERA_FRAME)
        infos.publish(camera_to_info(camera, header))
        if mount == 'head':
            pose = JointState(name=['pan_joint', 'tilt_joint'], position=[0.0, 0.0], velocity=[0.0, 0.0])
            pose.header.stamp = header.stamp
            joints.publish(pose)
        images.publish(array_to_image(balloon(camera, i), 'bgr8', header))

    for i in range(IMAGES):
        publish(i)
        if enabled:
            wait_until(lambda i=i: len(recording.of('vision/detections')) > i)
        else:
            time.sleep(0.02)
    wait_until(lambda: len(recording.of('camera/image_raw')) == IMAGES)
    if enabled:
        wait_until(lambda: len(recording.of('vision/tracks')) == IMAGES)
    result = again(tmp_path / 'bag', recording.entries, vision)
    expected = IMAGES if enabled else 0
    assert [len(history.tracks) for history in (result.recorded, result.again)] == [expected, expected]
    assert not deviations(result.recorded, result.again, 1e-3)
    assert enabled == any(result.again.tracks.values())
