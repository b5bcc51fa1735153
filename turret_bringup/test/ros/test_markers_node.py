# SPDX-License-Identifier: Apache-2.0
"""The markers node draws what it receives, forgets what is old, and publishes only for subscribers."""

from __future__ import annotations

import math
from typing import Any

import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from turret_bringup.markers_node import MarkersNode
from turret_common.geometry import BASE_CAMERA_FRAME, PinholeCamera
from turret_common.ros import qos
from turret_common.ros.images import camera_to_info
from turret_common.testing.waiting import wait_until
from turret_msgs import msg

CAMERA = PinholeCamera.from_field_of_view(640, 480, math.radians(60.0))


class Rig:
    def __init__(self, ros: Any) -> None:
        publisher = ros.probe.create_publisher
        self.ros = ros
        self.joints = publisher(JointState, 'joint_states', qos.STREAM)
        self.tracks = publisher(msg.TrackArray, 'vision/tracks', qos.STREAM)
        self.target = publisher(msg.AimTarget, 'controller/target', qos.STREAM)
        self.info = publisher(type(camera_to_info(CAMERA, Header())), 'camera/camera_info', qos.STREAM)
        self.controller = publisher(msg.ControllerState, 'controller/state', qos.STATE)
        self.gimbal = publisher(msg.GimbalState, 'gimbal/state', qos.STATE)
        self.safety = publisher(msg.SafetyState, 'safety/state', qos.STATE)
        self.laser = publisher(msg.LaserState, 'laser/state', qos.STATE)
        self.node = ros.add(MarkersNode(
            context=ros.context, namespace='turret', parameter_overrides=[
                Parameter('frame_prefix', value='left/'), Parameter('draw_head', value=True),
                Parameter('base_camera', value=[0.4, 0.0, -0.1])]))
        self.arrays: list[MarkerArray] = []

    def listen(self) -> None:
        self.arrays = self.ros.collect(MarkerArray, 'markers', qos.STREAM)

    def tell(self, pan: float = 0.2, camera_frame: str = '') -> None:
        """Publish one of everything."""
        self.joints.publish(JointState(name=['pan_joint', 'tilt_joint'], position=[pan, 0.1]))
        self.info.publish(camera_to_info(CAMERA, Header(frame_id=camera_frame)))
        self.tracks.publish(msg.TrackArray(tracks=[
            msg.Track(id='t7', state=msg.Track.STATE_TRACKING, azimuth=0.3, elevation=0.1),
            msg.Track(id='t8', state=msg.Track.STATE_LOST)]))
        self.target.publish(msg.AimTarget(track_id='t7', azimuth=0.32, elevation=0.1))
        self.controller.publish(msg.ControllerState())
        self.gimbal.publish(msg.GimbalState(
            pan=msg.AxisState(lower=-1.0, upper=1.0), tilt=msg.AxisState(lower=-0.5, upper=0.5)))
        self.safety.publish(msg.SafetyState(zones=[
            msg.Zone(name='sofa', kind=msg.Zone.KIND_NO_FIRE, pan_min=-0.2, pan_max=0.2, tilt_min=-0.2, tilt_max=0.0)]))
        self.laser.publish(msg.LaserState(emitting=True))

    def layers(self) -> set[str]:
        return {marker.ns for marker in self.arrays[-1].markers} if self.arrays else set()


@pytest.fixture
def rig(ros: Any) -> Rig:
    return Rig(ros)


def test_every_layer_is_drawn_in_the_base_frame_and_dies_by_itself(rig: Rig) -> None:
    rig.listen()

    def drawn() -> bool:
        rig.tell()
        return rig.layers() == {
            'aim', 'camera', 'head', 'labels', 'limits', 'prediction', 'tracks', 'zones'}
    wait_until(drawn)
    drawing = rig.arrays[-1].markers
    assert {marker.header.frame_id for marker in drawing} == {'left/base_link'}
    assert all(0.0 < marker.lifetime.sec + 1e-9 * marker.lifetime.nanosec < 1.0 for marker in drawing)
    assert len({(marker.ns, marker.id) for marker in drawing}) == len(drawing)
    assert {marker.text for marker in drawing if marker.type == Marker.TEXT_VIEW_FACING} == {'t7', 'sofa'}
    (ray,) = (marker for marker in drawing if marker.ns == 'aim')
    assert math.atan2(ray.points[1].y, ray.points[1].x) == pytest.approx(0.2)
    for marker in drawing:
        turn = marker.pose.orientation
        assert turn.x**2 + turn.y**2 + turn.z**2 + turn.w**2 == pytest.approx(1.0)


@pytest.mark.parametrize('camera_frame', ['camera_optical_frame', BASE_CAMERA_FRAME])
def test_the_camera_is_drawn_where_it_is(rig: Rig, camera_frame: str) -> None:
    rig.listen()

    def drawn() -> bool:
        rig.tell(camera_frame=camera_frame)
        return {'camera', 'head'} <= rig.layers()
    wait_until(drawn)
    places = [marker.pose.position for marker in rig.arrays[-1].markers if marker.ns == 'head']
    on_base = any(abs(place.x - 0.4) < 0.1 and abs(place.z + 0.1) < 0.05 for place in places)
    assert on_base == (camera_frame == BASE_CAMERA_FRAME)


def test_what_is_old_is_not_drawn(rig: Rig) -> None:
    rig.listen()

    def drawn() -> bool:
        rig.tell()
        return 'tracks' in rig.layers()
    wait_until(drawn)
    wait_until(lambda: not rig.layers(), what='an empty drawing after silence')


def test_it_is_silent_while_no_one_listens(rig: Rig) -> None:
    published: list[Any] = []
    rig.node._publisher.publish = published.append  # noqa: SLF001  a subscription would change what is tested
    heard = rig.node._newest  # noqa: SLF001  likewise
    wait_until(lambda: rig.tell() or len(heard) == 8, what='every input')
    assert not published
    rig.listen()
    wait_until(lambda: published)
