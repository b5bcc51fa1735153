"""The safety node: permit, operator lease, zones, software stop."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState

from turret_common.errors import TurretError
from turret_common.geometry import Bearing
from turret_common.operator_secret import obtain_secret
from turret_common.paths import state_dir, write_atomically
from turret_common.permit import lease_digest
from turret_common.plant_client import PlantLink, plant_socket
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_common.ros import qos
from turret_common.ros.node import answered, run
from turret_common.ros.params import RosParameters
from turret_common.ros.subscriptions import PolledSubscription
from turret_common.ros.time import seconds
from turret_common.threads.periodic import Periodic
from turret_control.safety.estop import EstopReader, debounced, gpio_estop, no_estop, sim_estop
from turret_control.safety.interlocks import AimReport, CameraReport, GimbalReport, LaserReport, SafetyCore, Verdict
from turret_control.safety.lease import OperatorLease
from turret_control.safety.person_exclusion import PeopleReport, Person
from turret_control.safety.zones import Zone, ZoneKind, from_json, to_json
from turret_control.safety_parameters import SafetyParameters
from turret_msgs import msg, srv

_PERIOD_S = 0.02
#: The state is published, and publishers are counted, with every so manyth permit.
_STATE_EVERY, _COUNT_EVERY = 5, 50
#: Topics that have one publisher: all that can move the head or decides about the laser. (Permits are told apart by
#: their epoch.)
_OWNED_TOPICS = (
    'gimbal/command', 'gimbal/state', 'joint_states', 'laser/state', 'camera/state', 'vision/tracks',
    'controller/state', 'controller/fire_request', 'exclusion/people', 'safety/fire_grant')
#: States are taken up to this age of their stamp, in s; stamps may lie so far in the future.
_STATE_AGE_MAX_S, _STATE_AGE_MIN_S = 0.5, -0.01
_SOME_PERMITS = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
_JOINTS = ('pan_joint', 'tilt_joint')
#: The simulated emergency stop must answer well within the life of a permit.
_ESTOP_TIMEOUT_S = 0.05


class SafetyNode(Node):
    """Issues permits from a thread of its own and answers the operator."""

    def __init__(self, **node_kwargs: Any) -> None:
        super().__init__('safety', **node_kwargs)
        parameters = RosParameters(self, SafetyParameters).value
        namespace = self.get_namespace()
        self._zones_file = state_dir(namespace) / 'zones.json'
        self._stop_file = state_dir(namespace) / 'software_stop'
        self._core = SafetyCore(
            parameters, OperatorLease(obtain_secret(namespace)),
            _read_zones(self._zones_file),
            self._stop_file.read_text() if self._stop_file.exists() else None)
        self._read_estop = debounced(self._estop_reader(parameters))
        self._lock = threading.Lock()
        self._epoch = time.monotonic_ns()
        self._permit_seq = 0
        self._grant_seq = 0
        self._shown: Any = None
        self._started = self.get_clock().now().to_msg()

        self._permits = self.create_publisher(msg.SafetyPermit, 'safety/permit', qos.PERMIT)
        self._permit = msg.SafetyPermit(epoch=self._epoch)  # made once; all else of it is set each time
        self._grants = self.create_publisher(msg.FireGrant, 'safety/fire_grant', qos.PERMIT)
        self._states = self.create_publisher(msg.SafetyState, 'safety/state', qos.STATE)

        self._inputs: list[tuple[PolledSubscription[Any], Callable[[Any, int], None]]] = [
            (PolledSubscription(self, JointState, 'joint_states', qos.NEWEST), self._on_joints),
            (PolledSubscription(self, msg.TrackArray, 'vision/tracks', qos.NEWEST), self._on_tracks),
            (PolledSubscription(self, msg.GimbalState, 'gimbal/state', qos.STATE), self._on_gimbal),
            (PolledSubscription(self, msg.LaserState, 'laser/state', qos.STATE), self._on_laser),
            (PolledSubscription(self, msg.CameraState, 'camera/state', qos.STATE), self._on_camera),
            (PolledSubscription(self, msg.ControllerState, 'controller/state', qos.STATE), self._on_controller),
            (PolledSubscription(self, msg.PeopleArray, 'exclusion/people', qos.STREAM), self._on_people)]
        self._all_permits = PolledSubscription(self, msg.SafetyPermit, 'safety/permit', _SOME_PERMITS)
        self.create_subscription(msg.FireRequest, 'controller/fire_request', self._on_fire_request, qos.COMMAND)

        self.create_service(srv.AcquireLease, 'safety/acquire_lease', self._acquire_lease)
        self.create_service(srv.ReleaseLease, 'safety/release_lease', self._release_lease)
        self.create_service(srv.Heartbeat, 'safety/heartbeat', self._heartbeat)
        self.create_service(srv.Stop, 'safety/stop', self._stop)
        self.create_service(srv.ResetStop, 'safety/reset', self._reset)
        self.create_service(srv.SetZones, 'safety/set_zones', self._set_zones)
        self.create_service(srv.ConfirmRegion, 'safety/confirm_region', self._confirm_region)
        self.create_service(srv.SetAutoFire, 'safety/set_auto_fire', self._set_auto_fire)

        self._thread = Periodic('permit', _PERIOD_S, self._tick, self._on_thread_error)
        self._thread.start()

    def destroy_node(self) -> None:
        """Stop issuing permits; everybody who needs one stops within 100 ms."""
        self._thread.stop()
        super().destroy_node()

    def _estop_reader(self, parameters: SafetyParameters) -> EstopReader:
        if parameters.estop_driver == 'gpio':
            return gpio_estop(parameters.estop_pin)
        if parameters.estop_driver == 'sim':
            return sim_estop(PlantLink(plant_socket(self.get_namespace()), _ESTOP_TIMEOUT_S))
        return no_estop

    def _on_thread_error(self, error: BaseException) -> None:
        self.get_logger().fatal(f'no permits any more: {type(error).__name__}: {error}')
        self.context.try_shutdown()

    # The permit, in a thread of its own

    def _tick(self) -> None:
        estop = self._read_estop()
        with self._lock:
            now_ns, wall_ns = time.monotonic_ns(), time.time_ns()
            stopped_before = self._core.stop_reason
            self._core.observe_estop(estop)
            self._core.observe_clock(wall_ns - now_ns, now_ns)
            for subscription, see in self._inputs:
                for message in subscription.take():
                    see(message, now_ns)
            verdict = self._core.decide(now_ns)
            stop_reason = self._core.stop_reason
            digest = lease_digest(self._core.lease.lease_id)
            shown = self._published_key(verdict, now_ns)
            due = shown != self._shown or self._permit_seq % _STATE_EVERY == 0
            state = self._state(verdict, now_ns) if due else None
        self._permit_seq += 1
        permit = self._permit
        permit.seq, permit.monotonic_ns = self._permit_seq, now_ns
        permit.laser_ok, permit.motion_ok = verdict.laser_ok, verdict.motion_ok
        permit.lease_digest, permit.reasons = digest, verdict.reasons
        self._permits.publish(permit)
        if state is not None:
            self._shown = shown
            self._states.publish(state)
        if stop_reason is not None and stop_reason != stopped_before:  # by the emergency stop
            self._save_stop(stop_reason)
        if self._permit_seq % _COUNT_EVERY == 0:
            self._check_publishers()

    def _check_publishers(self) -> None:
        names = {
            topic: [f'{end.node_namespace}/{end.node_name}' for end in self.get_publishers_info_by_topic(topic)]
            for topic in _OWNED_TOPICS}
        foreign = [permit for permit in self._all_permits.take() if permit.epoch != self._epoch]
        with self._lock:
            self._core.observe_publishers(names, time.monotonic_ns())
            if foreign:
                self._core.observe_foreign_permit(time.monotonic_ns())

    def _published_key(self, verdict: Verdict, now_ns: int) -> tuple[Any, ...]:
        """Return everything in the state whose change is news."""
        core = self._core
        return (verdict, core.stop_reason, core.estop, core.lease.name, core.lease.trigger(now_ns), core.auto_fire,
                core.not_now, core.zones, core.region_confirmed, core.exclusion_required)

    def _state(self, verdict: Verdict, now_ns: int) -> msg.SafetyState:
        core = self._core
        age_ns = core.lease.age_ns(now_ns)
        message = f'stopped: {core.stop_reason}' if core.stop_reason is not None else core.not_now
        state = msg.SafetyState(
            started=self._started, laser_ok=verdict.laser_ok, motion_ok=verdict.motion_ok, reasons=verdict.reasons,
            software_stop=core.stop_reason is not None, estop=core.estop, operator_name=core.lease.name,
            heartbeat_age_s=math.nan if age_ns is None else 1e-9 * age_ns, trigger=core.lease.trigger(now_ns),
            auto_fire=core.auto_fire, zones=[msg.Zone(**asdict(zone)) for zone in core.zones],
            region_confirmed=core.region_confirmed, confirm_remaining_s=core.confirm_remaining_s(now_ns),
            exclusion=_exclusion(core.exclusion_required, verdict.reasons), message=message)
        state.header.stamp = self.get_clock().now().to_msg()
        return state

    # What other nodes say: read by the permit's thread, which holds the lock

    def _on_joints(self, joints: JointState, now_ns: int) -> None:
        self._core.observe_pose(_pose(joints), self._age_s(joints), now_ns)

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
            hardware=state.hardware, homed=all(axis.homed for axis in axes),
            measured=all(axis.position_source == msg.AxisState.POSITION_MEASURED for axis in axes),
            decelerations=(state.pan.max_acceleration, state.tilt.max_acceleration),
            geometry=(seconds(state.started), *limits)), now_ns)

    def _on_laser(self, state: msg.LaserState, now_ns: int) -> None:
        if not self._is_new(state):
            return
        armed = state.state not in (msg.LaserState.STATE_OFF, msg.LaserState.STATE_FAULT)
        ready = armed and state.state != msg.LaserState.STATE_ARMING
        self._core.observe_laser(LaserReport(state.hardware, armed, ready, state.profile == 'class2_play'), now_ns)

    def _on_camera(self, state: msg.CameraState, now_ns: int) -> None:
        if self._is_new(state):
            self._core.observe_camera(CameraReport(state.hardware, state.on_base), now_ns)

    def _on_controller(self, state: msg.ControllerState, _: int) -> None:
        if not self._is_new(state):
            return
        following = (state.mode == msg.ControllerState.MODE_TRACK
                     and state.tracking == msg.ControllerState.TRACKING_FOLLOWING)
        cross = state.crosshair
        boresight = Bearing(cross.boresight_azimuth, cross.boresight_elevation)
        self._core.observe_aim(AimReport(following, cross.calibrated, boresight, (cross.offset_y, cross.offset_z)))

    def _age_s(self, message: Any) -> float:
        """Return how long ago a message was stamped, on the clock of the stamps."""
        now_ns: int = self.get_clock().now().nanoseconds
        return 1e-9 * now_ns - seconds(message.header.stamp)

    def _is_new(self, message: Any) -> bool:
        """Return whether a state was published just now, rather than held up on its way or in the future."""
        return _STATE_AGE_MIN_S <= self._age_s(message) <= _STATE_AGE_MAX_S

    def _on_fire_request(self, request: msg.FireRequest) -> None:
        stamp_age_s = self._age_s(request)
        try:
            with self._lock:
                self._core.request_fire(
                    request.seq, request.track_id, stamp_age_s, request.aim_error, time.monotonic_ns())
        except TurretError:
            return  # said in the state's message
        self._grant(msg.FireGrant.SOURCE_AUTO, True)

    def _grant(self, source: int, trigger: bool) -> None:
        self._grant_seq += 1
        self._grants.publish(msg.FireGrant(
            epoch=self._epoch, seq=self._grant_seq, monotonic_ns=time.monotonic_ns(), source=source, trigger=trigger))

    # What people ask

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
        self._grant(msg.FireGrant.SOURCE_OPERATOR, pressed)
        if not counted:
            response.code, response.message = int(ReasonCode.HEARTBEAT_LOST), 'too late; continue with this nonce'
        elif request.trigger and needs_new_press:
            response.code = int(ReasonCode.TRIGGER_NEEDS_NEW_PRESS)
            response.message = 'release the trigger and press it again'

    @answered
    def _stop(self, request: Any, _: Any) -> None:
        with self._lock:
            self._core.stop(request.reason)
            reason = self._core.stop_reason or ''
        self._thread.wake()
        self._save_stop(reason)

    def _save_stop(self, reason: str) -> None:
        self.get_logger().warning(f'software stop: {reason}')
        write_atomically(self._stop_file, reason.encode())

    @answered
    def _reset(self, request: Any, _: Any) -> None:
        with self._lock:
            self._core.reset(request.lease_id)
        self._stop_file.unlink(missing_ok=True)

    @answered
    def _set_zones(self, request: Any, _: Any) -> None:
        zones = [_zone(zone) for zone in request.zones]
        with self._lock:
            self._core.set_zones(request.lease_id, zones)
        self._thread.wake()
        write_atomically(self._zones_file, to_json(zones))

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


def _read_zones(path: Path) -> tuple[Zone, ...]:
    """Return the saved zones; a file that is there but cannot be used must not mean that there are none."""
    try:
        return from_json(path.read_bytes()) if path.exists() else ()
    except TurretError as error:
        raise TurretError(error.code, f'{path}: {error.message}') from error


def _pose(joints: JointState) -> Pose:
    """Return the measured pose; NaN where a joint is missing."""
    position = dict(zip(joints.name, joints.position, strict=False))
    velocity = dict(zip(joints.name, joints.velocity, strict=False))
    return Pose(*(values.get(name, math.nan) for values in (position, velocity) for name in _JOINTS))


def _zone(zone: msg.Zone) -> Zone:
    if zone.kind not in set(ZoneKind):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'zone "{zone.name}" is of unknown kind {zone.kind}')
    return Zone(zone.name, ZoneKind(zone.kind), zone.pan_min, zone.pan_max, zone.tilt_min, zone.tilt_max)


def main() -> int:
    """Run the node."""
    return run(SafetyNode)


if __name__ == '__main__':
    raise SystemExit(main())
