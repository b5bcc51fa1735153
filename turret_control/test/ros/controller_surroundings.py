# SPDX-License-Identifier: Apache-2.0
"""What the controller node has around it: a pretended gimbal, vision, camera and safety."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from sensor_msgs.msg import CameraInfo, JointState

from turret_common.permit import lease_digest
from turret_common.ros.qos import PERMIT, STATE, STREAM
from turret_common.ros.time import stamp_from
from turret_common.testing.ros_testing import RosHarness, signed
from turret_msgs.msg import AxisState, GimbalCommand, GimbalState, SafetyPermit, Track, TrackArray

LEASE = 'the lease'


class Surroundings:
    """Publishes what the rest of the turret would, from plain attributes that a test may change."""

    def __init__(self, ros: RosHarness) -> None:
        self.motion_ok = True
        self.permitted = True
        self.operator = LEASE
        self.position = (0.0, 0.0)
        self.rates = (0.0, 0.0)  # at which the position changes
        self.target: Callable[[float], tuple[float, float]] | None = None
        self.joints = True
        node = ros.probe
        self._permit = node.create_publisher(SafetyPermit, 'safety/permit', PERMIT)
        self._joints = node.create_publisher(JointState, 'joint_states', STREAM)
        self._gimbal = node.create_publisher(GimbalState, 'gimbal/state', STATE)
        self._tracks = node.create_publisher(TrackArray, 'vision/tracks', STREAM)
        self._camera = node.create_publisher(CameraInfo, 'camera/camera_info', STREAM)
        self._started = time.monotonic()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._loop)
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._thread.join()

    def _loop(self) -> None:
        axis = {
            'lower': -1.5, 'upper': 1.5, 'max_velocity': 3.0, 'max_acceleration': 20.0, 'enabled': True, 'homed': True}
        self._gimbal.publish(GimbalState(pan=AxisState(name='pan', **axis), tilt=AxisState(name='tilt', **axis)))
        info = CameraInfo(width=640, height=480, k=[554.0, 0.0, 319.5, 0.0, 554.0, 239.5, 0.0, 0.0, 1.0])
        seq = 0
        while not self._ending.wait(0.01):
            seq += 1
            now = stamp_from(time.time())
            if self.permitted:
                self._permit.publish(signed(SafetyPermit(
                    epoch=1, seq=seq, monotonic_ns=time.monotonic_ns(), laser_ok=False, motion_ok=self.motion_ok,
                    lease_digest=lease_digest(self.operator))))
            if self.joints:
                pan, tilt = (at + 0.01 * rate for at, rate in zip(self.position, self.rates, strict=True))
                if any(self.rates):  # otherwise a position set by the test in between would be lost
                    self.position = (pan, tilt)
                joints = JointState(
                    name=['wheel', 'tilt_joint', 'pan_joint'], position=(5.0, tilt, pan),
                    velocity=(6.0, *reversed(self.rates)))
                joints.header.stamp = now
                self._joints.publish(joints)
            if seq % 3 == 0:
                self._publish_tracks(now)
                self._camera.publish(info)

    def _publish_tracks(self, now: Any) -> None:
        tracks = TrackArray()
        tracks.header.stamp = now
        if self.target is not None:
            azimuth, elevation = self.target(time.monotonic() - self._started)
            tracks.tracks = [Track(id='1', state=Track.STATE_TRACKING, azimuth=azimuth, elevation=elevation)]
        self._tracks.publish(tracks)


def moving_left(command: GimbalCommand) -> bool:
    return bool(command.mode == GimbalCommand.MODE_VELOCITY and command.pan_rate > 0.1)


def stopped(command: GimbalCommand) -> bool:
    return bool(command.mode == GimbalCommand.MODE_STOP)
