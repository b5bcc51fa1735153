# SPDX-License-Identifier: Apache-2.0
"""The node ``markers``: what the turret knows, drawn for rviz and Foxglove. It only looks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Quaternion, Vector3
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, JointState
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from turret_bringup.markers import markers
from turret_bringup.markers.markers import Shape, TrackView
from turret_bringup.markers_parameters import MarkersParameters
from turret_bringup.settings import description
from turret_common.geometry import Bearing, quaternion
from turret_common.ros import qos as ros_qos
from turret_common.ros.images import info_to_camera
from turret_common.ros.joint_feed import pose_of
from turret_common.ros.node import run
from turret_common.ros.params import RosParameters
from turret_common.ros.subscriptions import PolledSubscription
from turret_control.boresight.boresight import Boresight
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.safety.zones import Zone, ZoneKind
from turret_msgs.msg import AimTarget, ControllerState, GimbalState, LaserState, SafetyState, Track, TrackArray

#: Data older than this is not drawn.
_STALE_S = 1.0
_TRACK_COLORS = {
    Track.STATE_DETECTING: markers.GRAY, Track.STATE_TRACKING: markers.GREEN, Track.STATE_COASTING: markers.AMBER}


class _Input(NamedTuple):
    """The newest message of a topic and when it arrived."""

    message: Any
    seen_s: float


class MarkersNode(Node):
    """Draws at a steady rate while there is a subscriber."""

    def __init__(self, **node_kwargs: Any) -> None:
        super().__init__('markers', **node_kwargs)
        self._settings: RosParameters[MarkersParameters] = RosParameters(self, MarkersParameters)
        self._publisher = self.create_publisher(MarkerArray, 'markers', ros_qos.STREAM)
        self._newest: dict[type, _Input] = {}
        self._subscriptions_ = [
            PolledSubscription(self, kind, topic, qos) for kind, topic, qos in (
                (JointState, 'joint_states', ros_qos.NEWEST), (TrackArray, 'vision/tracks', ros_qos.NEWEST),
                (AimTarget, 'controller/target', ros_qos.NEWEST), (CameraInfo, 'camera/camera_info', ros_qos.NEWEST),
                (ControllerState, 'controller/state', ros_qos.STATE), (GimbalState, 'gimbal/state', ros_qos.STATE),
                (SafetyState, 'safety/state', ros_qos.STATE), (LaserState, 'laser/state', ros_qos.STATE))]
        self._timer = self.create_timer(1.0 / self._settings.value.rate_hz, self._tick)

    def _tick(self) -> None:
        now = time.monotonic()
        for subscription in self._subscriptions_:
            for message in subscription.take():
                self._newest[type(message)] = _Input(message, now)
        if self._publisher.get_subscription_count():
            self._publisher.publish(self._drawing(now))

    def _drawing(self, now: float) -> MarkerArray:
        stamp = self.get_clock().now().to_msg()
        drawn = [*(_marker(shape) for shape in self._shapes(now)), *self._head(now)]
        numbers: dict[str, int] = {}
        lifetime = _duration(3.0 / self._settings.value.rate_hz)
        for marker in drawn:
            marker.header.frame_id = self._settings.frame('base_link')
            marker.header.stamp = stamp
            marker.lifetime = lifetime
            marker.id = numbers[marker.ns] = numbers.get(marker.ns, -1) + 1
        return MarkerArray(markers=drawn)

    def _shapes(self, now: float) -> Iterator[Shape]:
        distance = self._settings.value.distance_m
        gimbal, safety = self._fresh(GimbalState, now), self._fresh(SafetyState, now)
        if gimbal is not None:
            yield markers.rectangle(
                'limits', (gimbal.pan.lower, gimbal.pan.upper), (gimbal.tilt.lower, gimbal.tilt.upper), markers.AMBER,
                distance)
        for area in safety.zones if safety is not None else ():
            yield from markers.zone(_zone(area), distance)
        tracks, target = self._fresh(TrackArray, now), self._fresh(AimTarget, now)
        for track in tracks.tracks if tracks is not None else ():
            if track.state in _TRACK_COLORS:
                yield from markers.track(_track_view(track), distance)
        if target is not None:
            yield from markers.prediction(Bearing(target.azimuth, target.elevation), distance)
        if (pose := self._pose(now)) is not None:
            camera, controller = self._fresh(CameraInfo, now), self._fresh(ControllerState, now)
            lens = info_to_camera(camera) if camera is not None else None
            if lens is not None:
                yield markers.frustum(lens, *pose, distance)
            if controller is not None:
                laser = self._fresh(LaserState, now)
                emitting = laser is not None and laser.emitting
                yield markers.aim_ray(_boresight(controller), *pose, emitting, distance)

    def _head(self, now: float) -> Iterator[Marker]:
        pose = self._pose(now) if self._settings.value.draw_head else None
        controller = self._fresh(ControllerState, now)
        if pose is None or controller is None:
            return
        info = self._fresh(CameraInfo, now)
        camera = info_to_camera(info) if info is not None else None
        place = self._settings.value.base_camera if camera is not None and camera.on_base else None
        urdf = description.robot_description(GimbalParameters(), _boresight(controller), place)
        kinds = {'box': Marker.CUBE, 'cylinder': Marker.CYLINDER}
        for visual in description.visuals(urdf, {'pan_joint': pose.azimuth, 'tilt_joint': pose.elevation}):
            marker = Marker(ns='head', type=kinds[visual.shape], color=_color(visual.color))
            marker.scale = Vector3(**dict(zip('xyz', visual.size, strict=True)))
            marker.pose.position = Point(**dict(zip('xyz', map(float, visual.position), strict=True)))
            marker.pose.orientation = Quaternion(**dict(zip('xyzw', quaternion(visual.rotation), strict=True)))
            yield marker

    def _fresh(self, kind: type, now: float) -> Any:
        """Return the newest message of a type, None when there is none or it is old."""
        newest = self._newest.get(kind)
        return newest.message if newest is not None and now - newest.seen_s < _STALE_S else None

    def _pose(self, now: float) -> Bearing | None:
        joints = self._fresh(JointState, now)
        pose = pose_of(joints) if joints is not None else None
        return Bearing(pose.pan, pose.tilt) if pose is not None else None


def _track_view(track: Track) -> TrackView:
    return TrackView(
        track.id, _TRACK_COLORS[track.state], track.azimuth, track.elevation, track.azimuth_rate, track.elevation_rate,
        track.angular_width, track.angular_height)


def _zone(area: Any) -> Zone:
    return Zone(area.name, ZoneKind(area.kind), area.pan_min, area.pan_max, area.tilt_min, area.tilt_max)


def _boresight(state: ControllerState) -> Boresight:
    crosshair = state.crosshair
    return Boresight(
        crosshair.boresight_azimuth, crosshair.boresight_elevation, crosshair.offset_y, crosshair.offset_z)


def _marker(shape: Shape) -> Marker:
    marker = Marker(ns=shape.layer, type=int(shape.kind), text=shape.text, color=_color(shape.color))
    marker.pose.orientation.w = 1.0
    marker.scale = Vector3(x=shape.size, y=shape.size, z=shape.size)
    points = [Point(x=x, y=y, z=z) for x, y, z in shape.points.tolist()]
    if shape.kind in (markers.Kind.SPHERE, markers.Kind.TEXT_VIEW_FACING):
        marker.pose.position = points[0]
    else:
        marker.points = points
    return marker


def _color(color: Iterable[float]) -> ColorRGBA:
    return ColorRGBA(**dict(zip('rgba', color, strict=True)))


def _duration(seconds: float) -> Duration:
    return Duration(sec=int(seconds), nanosec=int(seconds % 1.0 * 1e9))


def main() -> int:
    """Run the node."""
    return run(MarkersNode)


if __name__ == '__main__':
    raise SystemExit(main())
