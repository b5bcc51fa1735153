# SPDX-License-Identifier: Apache-2.0
"""The safety node: permit, operator lease, zones, stop."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState

from turret_common.errors import TurretError
from turret_common.geometry import Bearing
from turret_common.json_file import JsonFile
from turret_common.messages.run_key import run_id, run_key
from turret_common.operator_secret import obtain_secret
from turret_common.paths import state_dir
from turret_common.permit import lease_digest, permit_mac
from turret_common.plant_client import PlantLink, plant_socket
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_common.ros import qos
from turret_common.ros.background_log import BackgroundLog
from turret_common.ros.critical import critical
from turret_common.ros.joint_feed import pose_of
from turret_common.ros.node import answered, run
from turret_common.ros.params import RosParameters
from turret_common.ros.permit_feed import permit_of, sign_permit
from turret_common.ros.state_publisher import StatePublisher
from turret_common.ros.subscriptions import PolledSubscription
from turret_common.ros.time import nanoseconds, seconds
from turret_common.threads.saver import Saver
from turret_control.laser.ros_messages import grant_valid, sign_grant
from turret_control.safety.estop import EstopReader, SimEstop, debounced, gpio_estop, no_estop, watched
from turret_control.safety.interlocks import AimReport, CameraReport, GimbalReport, LaserReport, SafetyCore, Verdict
from turret_control.safety.lease import OperatorLease
from turret_control.safety.person_exclusion import PeopleReport, Person
from turret_control.safety.ros_messages import request_valid, sign_state, state_authentic
from turret_control.safety.stop_file import StopFile, StopRecord
from turret_control.safety.zones import Zone, ZoneKind, dump, parse, version_of
from turret_control.safety_parameters import SafetyParameters
from turret_msgs import msg, srv

_PERIOD_S = 0.02
_STATE_PERIOD_S = 0.1
#: What arrives on the own topics is checked with every 5th permit, automatic bursts are renewed with every second one.
_CHECK_EVERY, _RENEW_EVERY = 5, 2
_COUNT_PERIOD_S = 1.0  # between counts of the publishers
#: Topics with one publisher: all that can move the head or affect the laser.
_OWNED_TOPICS = (
    'safety/permit', 'safety/state', 'gimbal/command', 'gimbal/state', 'joint_states', 'laser/state', 'camera/state',
    'vision/tracks', 'controller/state', 'controller/fire_request', 'exclusion/people', 'safety/fire_grant')
#: Maximum age of the stamp of a state, and maximum time that it may lie in the future [s].
_STATE_AGE_MAX_S, _STATE_AGE_MIN_S = 0.5, -0.01
_OWN_MESSAGES = QoSProfile(depth=20, reliability=ReliabilityPolicy.BEST_EFFORT)
_NO_POSE = Pose(math.nan, math.nan)


class SafetyNode(Node):
    """Issues permits from a thread of its own and answers the operator."""

    def __init__(self, **node_kwargs: Any) -> None:
        super().__init__('safety', **node_kwargs)
        parameters = RosParameters(self, SafetyParameters).value
        namespace = self.get_namespace()
        self._key = run_key(namespace)
        self._zones_file = JsonFile(state_dir(namespace) / 'zones.json', 1, parse, dump)
        self._stop_file = StopFile(state_dir(namespace) / 'stop.record', run_id(self._key))
        record = self._stop_file.load()
        try:
            self._stop_file.save(record)  # so that a stop can be saved when the disk is full
        except TurretError as error:
            record = StopRecord(error.message, record.stops + 1, record.estops)
        self._saver: Saver[StopRecord] = Saver('stop record', self._stop_file.save, self._on_save_error)
        self._core = SafetyCore(
            parameters, OperatorLease(obtain_secret(namespace)), self._zones_file.load() or (), record)
        self._sim_estop: SimEstop | None = None
        self._read_estop = debounced(self._estop_reader(parameters))
        self._lock = threading.Lock()
        self._epoch = time.monotonic_ns()
        self._permit_seq = 0
        self._grant_seq = 0
        self._grant_lock = threading.Lock()  # both threads grant, in the order of their numbers

        self._permits = self.create_publisher(msg.SafetyPermit, 'safety/permit', qos.PERMIT)
        self._permit = msg.SafetyPermit(epoch=self._epoch)  # made once; all other fields are set each time
        self._grants = self.create_publisher(msg.FireGrant, 'safety/fire_grant', qos.PERMIT)
        self._states = StatePublisher(self, msg.SafetyState, 'safety/state', _STATE_PERIOD_S)

        self._inputs: list[tuple[PolledSubscription[Any], Callable[[Any, int], None]]] = [
            (PolledSubscription(self, JointState, 'joint_states', qos.NEWEST), self._on_joints),
            (PolledSubscription(self, msg.TrackArray, 'vision/tracks', qos.NEWEST), self._on_tracks),
            (PolledSubscription(self, msg.GimbalState, 'gimbal/state', qos.STATE), self._on_gimbal),
            (PolledSubscription(self, msg.LaserState, 'laser/state', qos.STATE), self._on_laser),
            (PolledSubscription(self, msg.CameraState, 'camera/state', qos.STATE), self._on_camera),
            (PolledSubscription(self, msg.ControllerState, 'controller/state', qos.STATE), self._on_controller),
            (PolledSubscription(self, msg.PeopleArray, 'exclusion/people', qos.STREAM), self._on_people)]
        self._own_messages: list[tuple[PolledSubscription[Any], Callable[[Any], tuple[int, bool]]]] = [
            (PolledSubscription(self, msg.SafetyPermit, 'safety/permit', _OWN_MESSAGES), self._check_permit),
            (PolledSubscription(self, msg.FireGrant, 'safety/fire_grant', _OWN_MESSAGES), self._check_grant),
            (PolledSubscription(self, msg.SafetyState, 'safety/state', _OWN_MESSAGES), self._check_state)]
        self._newest_own = [0, 0, 0]  # order of the newest message on each of these topics
        self.create_subscription(msg.FireRequest, 'controller/fire_request', self._on_fire_request, qos.COMMAND)

        self.create_service(srv.AcquireLease, 'safety/acquire_lease', self._acquire_lease)
        self.create_service(srv.ReleaseLease, 'safety/release_lease', self._release_lease)
        self.create_service(srv.Heartbeat, 'safety/heartbeat', self._heartbeat)
        self.create_service(srv.Stop, 'safety/stop', self._stop)
        self.create_service(srv.ResetStop, 'safety/reset', self._reset)
        self.create_service(srv.SetZones, 'safety/set_zones', self._set_zones)
        self.create_service(srv.ConfirmRegion, 'safety/confirm_region', self._confirm_region)
        self.create_service(srv.SetAutoFire, 'safety/set_auto_fire', self._set_auto_fire)

        self._log = BackgroundLog(self)
        self._thread = critical(self, 'permit', _PERIOD_S, self._update, real_time=True)
        self._count = critical(self, 'publishers', _COUNT_PERIOD_S, self._check_publishers)
        self._thread.start()
        self._count.start()

    def destroy_node(self) -> None:
        """Stop issuing permits, so that motion and emission end within 100 ms."""
        self._thread.stop()
        self._count.stop()
        self._log.close()
        if self._sim_estop is not None:
            self._sim_estop.stop()
        self._saver.close()
        super().destroy_node()

    def _estop_reader(self, parameters: SafetyParameters) -> EstopReader:
        if parameters.estop_driver == 'gpio':
            return watched(gpio_estop(parameters.estop_pin), self._stop_file.found)
        if parameters.estop_driver == 'sim':
            self._sim_estop = SimEstop(PlantLink(plant_socket(self.get_namespace())))
            self._sim_estop.start()
            return self._sim_estop
        return no_estop

    def _on_save_error(self, problem: str) -> None:
        self.get_logger().error(f'{problem}; it is tried again')

    # The permit, in a thread of its own

    def _update(self) -> None:
        estop = self._read_estop()
        received = [(handle, message) for inputs, handle in self._inputs for message in inputs.take()]
        with self._lock:
            now_ns, wall_ns = time.monotonic_ns(), time.time_ns()  # after the messages were taken
            before = self._core.record
            self._core.observe_estop(estop)
            self._core.observe_clock(wall_ns - now_ns, now_ns)
            for handle, message in received:
                handle(message, now_ns)
            verdict = self._core.decide(now_ns)
            record = self._core.record
            if record != before:  # by the emergency stop
                self._saver.put(record)
            digest = lease_digest(self._core.lease.lease_id)
            key = self._published_key(verdict, now_ns)
        self._permit_seq += 1
        permit = self._permit
        permit.seq, permit.monotonic_ns = self._permit_seq, now_ns
        permit.laser_ok, permit.motion_ok = verdict.laser_ok, verdict.motion_ok
        permit.lease_digest, permit.reasons = digest, verdict.reasons
        permit.stop_count, permit.estop_count = record.stops, record.estops
        self._permits.publish(sign_permit(permit, self._key))
        self._states.update(key, lambda: self._state(verdict, now_ns))
        if record != before:
            self._log.warning(f'stopped: {record.reason}')
        if self._permit_seq % _RENEW_EVERY == 0:
            self._renew_burst(now_ns)
        if self._permit_seq % _CHECK_EVERY == 0:
            self._check_own_topics()

    def _renew_burst(self, now_ns: int) -> None:
        with self._lock:
            on, burst = self._core.renew_burst(now_ns), self._core.burst_count
        if on is not None:
            self._grant(msg.FireGrant.SOURCE_AUTO, on, burst)

    def _check_publishers(self) -> None:
        """Count the publishers, in a thread of its own: asking the middleware takes long in a large graph."""
        names = {
            topic: [f'{end.node_namespace}/{end.node_name}' for end in self.get_publishers_info_by_topic(topic)]
            for topic in _OWNED_TOPICS}
        with self._lock:
            self._core.observe_publishers(names, f'{self.get_namespace()}/controller', time.monotonic_ns())

    def _check_own_topics(self) -> None:
        """Look for messages on this node's topics that it did not publish, or that it published before."""
        foreign = False
        for i, (messages, check) in enumerate(self._own_messages):
            for message in messages.take():
                order, authentic = check(message)
                foreign = foreign or not authentic or order <= self._newest_own[i]
                if authentic:
                    self._newest_own[i] = max(order, self._newest_own[i])
        if foreign:
            with self._lock:
                self._core.observe_foreign_message(time.monotonic_ns())

    def _check_permit(self, permit: msg.SafetyPermit) -> tuple[int, bool]:
        return permit.seq, permit.epoch == self._epoch and permit.mac == permit_mac(permit_of(permit), self._key)

    def _check_grant(self, grant: msg.FireGrant) -> tuple[int, bool]:
        return grant.seq, grant.epoch == self._epoch and grant_valid(grant, self._key)

    def _check_state(self, state: msg.SafetyState) -> tuple[int, bool]:
        return state.monotonic_ns, state_authentic(state, self._key)

    def _published_key(self, verdict: Verdict, now_ns: int) -> tuple[Any, ...]:
        """Return everything that is published at once when it changes."""
        core = self._core
        return (verdict, core.record, core.estop, core.lease.name, core.lease.trigger(now_ns), core.auto_fire,
                core.not_now, core.zones, core.region_confirmed, core.exclusion_required)

    def _state(self, verdict: Verdict, now_ns: int) -> msg.SafetyState:
        core = self._core
        age_ns = core.lease.age_ns(now_ns)
        message = f'stopped: {core.stop_reason}' if core.stop_reason is not None else core.not_now
        return sign_state(msg.SafetyState(
            laser_ok=verdict.laser_ok, motion_ok=verdict.motion_ok, reasons=verdict.reasons,
            software_stop=core.stop_reason is not None, estop=core.estop, operator_name=core.lease.name,
            heartbeat_age_s=math.nan if age_ns is None else 1e-9 * age_ns, trigger=core.lease.trigger(now_ns),
            auto_fire=core.auto_fire, auto_fire_remaining_s=core.auto_fire_remaining_s(now_ns),
            zones=[msg.Zone(**asdict(zone)) for zone in core.zones], zones_version=version_of(core.zones),
            region_confirmed=core.region_confirmed, confirm_remaining_s=core.confirm_remaining_s(now_ns),
            exclusion=_exclusion(core.exclusion_required, verdict.reasons), message=message,
            monotonic_ns=time.monotonic_ns()), self._key)

    # Reports of other nodes, in the permit's thread, which holds the lock

    def _on_joints(self, joints: JointState, now_ns: int) -> None:
        self._core.observe_pose(pose_of(joints) or _NO_POSE, self._age_s(joints), now_ns)

    def _on_tracks(self, tracks: msg.TrackArray, now_ns: int) -> None:
        self._core.observe_tracks(self._age_s(tracks), now_ns)

    def _on_people(self, seen: msg.PeopleArray, now_ns: int) -> None:
        people = tuple(Person(Bearing(person.azimuth, person.elevation), person.radius) for person in seen.people)
        report = PeopleReport(people, seen.unchanged_s, seen.code == ReasonCode.OK)
        self._core.observe_people(report, self._age_s(seen), now_ns)

    def _on_gimbal(self, state: msg.GimbalState, now_ns: int) -> None:
        if not self._is_new(state):
            return
        axes = (state.pan, state.tilt)
        limits = (value for axis in axes for value in (axis.lower, axis.upper, axis.home))
        self._core.observe_gimbal(GimbalReport(
            hardware=state.hardware, homed=all(axis.homed and axis.enabled for axis in axes),
            measured=all(axis.position_source == msg.AxisState.POSITION_MEASURED for axis in axes),
            decelerations=(state.pan.max_acceleration, state.tilt.max_acceleration),
            home_id=(seconds(state.started), state.home_count), geometry=tuple(limits)), now_ns)

    def _on_laser(self, state: msg.LaserState, now_ns: int) -> None:
        if not self._is_new(state):
            return
        armed = state.state not in (msg.LaserState.STATE_OFF, msg.LaserState.STATE_FAULT)
        ready = armed and state.state != msg.LaserState.STATE_ARMING
        firing = state.state == msg.LaserState.STATE_FIRING
        self._core.observe_laser(
            LaserReport(state.hardware, armed, ready, state.profile == 'class2_play', firing), now_ns)

    def _on_camera(self, state: msg.CameraState, now_ns: int) -> None:
        if self._is_new(state):
            self._core.observe_camera(CameraReport(state.hardware, state.on_base), now_ns)

    def _on_controller(self, state: msg.ControllerState, now_ns: int) -> None:
        if not self._is_new(state):
            return
        following = (state.mode == msg.ControllerState.MODE_TRACK
                     and state.tracking == msg.ControllerState.TRACKING_FOLLOWING)
        cross = state.crosshair
        boresight = Bearing(cross.boresight_azimuth, cross.boresight_elevation)
        self._core.observe_aim(AimReport(
            following, cross.calibrated, boresight, (cross.offset_y, cross.offset_z), state.target_id), now_ns)

    def _age_s(self, message: Any) -> float:
        """Return the age of the stamp of a message."""
        now_ns: int = self.get_clock().now().nanoseconds
        return 1e-9 * now_ns - seconds(message.header.stamp)

    def _is_new(self, message: Any) -> bool:
        """Return whether a state was published just now, neither delayed on its way nor in the future."""
        return _STATE_AGE_MIN_S <= self._age_s(message) <= _STATE_AGE_MAX_S

    def _on_fire_request(self, request: msg.FireRequest) -> None:
        if not request_valid(request, self._key):
            with self._lock:
                self._core.observe_foreign_message(time.monotonic_ns())
            return
        try:
            with self._lock:
                self._core.request_fire(
                    request.seq, request.track_id, self._age_s(request), request.aim_error, time.monotonic_ns(),
                    nanoseconds(request.header.stamp))
                burst = self._core.burst_count
        except TurretError:
            return  # the reason is in the message of the state
        self._grant(msg.FireGrant.SOURCE_AUTO, True, burst)

    def _grant(self, source: int, trigger: bool, burst: int = 0) -> None:
        with self._grant_lock:
            self._grant_seq += 1
            self._grants.publish(sign_grant(msg.FireGrant(
                epoch=self._epoch, seq=self._grant_seq, monotonic_ns=time.monotonic_ns(), source=source,
                trigger=trigger, burst=burst), self._key))

    # Requests

    @answered
    def _acquire_lease(self, request: Any, response: Any) -> None:
        with self._lock:
            before = self._core.lease.name
            response.lease_id, response.nonce = self._core.acquire(
                request.secret, request.name, request.take_over, time.monotonic_ns())
        response.message = f'taken over from {before}' if before else ''
        self._thread.wake()

    @answered
    def _release_lease(self, request: Any, _: Any) -> None:
        with self._lock:
            self._core.release(request.lease_id)
        self._thread.wake()

    @answered
    def _heartbeat(self, request: Any, response: Any) -> None:
        now_ns = time.monotonic_ns()
        with self._lock:
            lease = self._core.lease
            response.nonce, counted = lease.beat(request.lease_id, request.nonce, request.trigger, now_ns)
            pressed, needs_new_press = lease.trigger(now_ns), lease.needs_new_press()
            if pressed:
                self._core.note_act(now_ns)
        self._grant(msg.FireGrant.SOURCE_OPERATOR, pressed)
        if not counted:
            response.code = int(ReasonCode.HEARTBEAT_LOST)
            response.message = 'too late to count; continue with this nonce'
        elif request.trigger and needs_new_press:
            response.code = int(ReasonCode.TRIGGER_NEEDS_NEW_PRESS)
            response.message = 'release the trigger and press it again'

    @answered
    def _stop(self, request: Any, _: Any) -> None:
        with self._lock:
            self._core.stop(request.reason)
            record = self._core.record
            self._saver.put(record)
        self._thread.wake()
        self.get_logger().warning(f'stopped: {record.reason}')

    @answered
    def _reset(self, request: Any, _: Any) -> None:
        with self._lock:
            self._core.lease.check(request.lease_id)
            record = self._core.record
        self._stop_file.save(record._replace(reason=None))  # refused while that fails: the stop stays
        try:
            with self._lock:
                self._core.reset(request.lease_id, record.stops)
        finally:
            with self._lock:  # so that records are saved in the order in which they were made
                self._saver.put(self._core.record)

    @answered
    def _set_zones(self, request: Any, _: Any) -> None:
        zones = tuple(_zone(zone) for zone in request.zones)
        with self._lock:
            self._core.check_zones(request.lease_id, zones, request.base_version)
        self._zones_file.save(zones)  # refused while that fails: the zones stay
        try:
            with self._lock:
                self._core.set_zones(request.lease_id, zones, request.base_version)
        except TurretError:
            self._zones_file.save(self._core.zones)
            raise
        self._thread.wake()

    @answered
    def _confirm_region(self, request: Any, _: Any) -> None:
        with self._lock:
            self._core.confirm_region(request.lease_id, time.monotonic_ns())

    @answered
    def _set_auto_fire(self, request: Any, _: Any) -> None:
        with self._lock:
            self._core.set_auto_fire(request.lease_id, request.enabled, time.monotonic_ns())


def _exclusion(required: bool, reasons: Sequence[int]) -> int:
    if not required:
        return int(msg.SafetyState.EXCLUSION_OFF)
    if ReasonCode.EXCLUSION_SILENT in reasons or ReasonCode.FRAMES_FROZEN in reasons:
        return int(msg.SafetyState.EXCLUSION_SILENT)
    near = ReasonCode.PERSON_NEAR_BEAM in reasons
    return int(msg.SafetyState.EXCLUSION_BLOCKED if near else msg.SafetyState.EXCLUSION_CLEAR)


def _zone(zone: msg.Zone) -> Zone:
    if zone.kind not in set(ZoneKind):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'zone "{zone.name}" is of unknown kind {zone.kind}')
    return Zone(zone.name, ZoneKind(zone.kind), zone.pan_min, zone.pan_max, zone.tilt_min, zone.tilt_max)


def main() -> int:
    """Run the node."""
    return run(SafetyNode, real_time=True)


if __name__ == '__main__':
    raise SystemExit(main())
