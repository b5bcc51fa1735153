# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import statistics
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState

from turret_common.errors import TurretError
from turret_common.messages.run_key import run_key
from turret_common.operator_secret import secret_file
from turret_common.permit import lease_digest
from turret_common.reason_codes import ReasonCode
from turret_common.ros import qos
from turret_common.testing.ros_testing import blocking_calls
from turret_common.testing.waiting import wait_until
from turret_control import safety_node
from turret_control.safety.interlocks import Estop, SafetyCore
from turret_control.safety.ros_messages import sign_request
from turret_control.safety.stop_file import StopRecord
from turret_control.safety.zones import Zone, ZoneKind
from turret_control.safety_node import SafetyNode
from turret_msgs import msg, srv

WINDOW = msg.Zone(name='window', kind=msg.Zone.KIND_NO_FIRE, pan_min=0.5, pan_max=1.0, tilt_min=-0.2, tilt_max=0.2)


class Rig:
    """A safety node among fake drivers that report in time."""

    def __init__(self, ros: Any, **parameters: Any) -> None:
        self.ros = ros
        self.late_s = 0.0
        self.node = ros.add(SafetyNode(
            context=ros.context, namespace='turret', parameter_overrides=[
                Parameter(name, value=value) for name, value in {'estop_driver': 'none', **parameters}.items()]))
        self.permits = ros.collect(msg.SafetyPermit, 'safety/permit', qos.PERMIT)
        self.grants = ros.collect(msg.FireGrant, 'safety/fire_grant', qos.PERMIT)
        self.states = ros.collect(msg.SafetyState, 'safety/state', qos.STATE)
        publisher = ros.probe.create_publisher
        self.gimbal_states = publisher(msg.GimbalState, 'gimbal/state', qos.STATE)
        self.laser_states = publisher(msg.LaserState, 'laser/state', qos.STATE)
        self.joints = publisher(JointState, 'joint_states', qos.STREAM)
        self.lease_id = ''
        self.nonce = ''
        self.gimbal = msg.GimbalState()
        self.gimbal.pan.homed = self.gimbal.tilt.homed = True
        self.gimbal.pan.enabled = self.gimbal.tilt.enabled = True
        self.gimbal.pan.max_acceleration = self.gimbal.tilt.max_acceleration = 10.0
        self.laser = msg.LaserState(state=msg.LaserState.STATE_ARMED)
        ros.probe.create_timer(0.05, self.report)

    def report(self) -> None:
        joints = JointState(name=['pan_joint', 'tilt_joint'], position=[0.0, 0.0], velocity=[0.0, 0.0])
        joints.header.stamp = self.ros.probe.get_clock().now().to_msg()
        self.joints.publish(joints)
        stamp = (self.ros.probe.get_clock().now() - Duration(seconds=self.late_s)).to_msg()
        self.gimbal.header.stamp = self.laser.header.stamp = stamp
        self.gimbal_states.publish(self.gimbal)
        self.laser_states.publish(self.laser)

    def acquire(self, take_over: bool = False) -> Any:
        answer = self.ros.call(srv.AcquireLease, 'safety/acquire_lease', srv.AcquireLease.Request(
            secret=secret_file('turret').read_text(), name='Ada', take_over=take_over))
        if answer.success:
            self.lease_id, self.nonce = answer.lease_id, answer.nonce
        return answer

    def beat(self, trigger: bool = False) -> Any:
        answer = self.ros.call(srv.Heartbeat, 'safety/heartbeat', srv.Heartbeat.Request(
            lease_id=self.lease_id, nonce=self.nonce, trigger=trigger))
        self.nonce = answer.nonce
        return answer

    def beat_until(self, condition: Any, trigger: bool = False) -> None:
        wait_until(lambda: self.beat(trigger).success and self.permits and condition(), what='condition while beating')


@pytest.fixture
def rig(ros: Any) -> Rig:
    return Rig(ros)


def test_permits_come_at_50_hz_and_name_what_is_missing(rig: Rig) -> None:
    wait_until(lambda: rig.permits and rig.permits[-1].motion_ok, what='motion permitted')
    rig.permits.clear()
    wait_until(lambda: len(rig.permits) >= 50)
    pairs = list(zip(rig.permits, rig.permits[1:], strict=False))
    assert statistics.median(b.monotonic_ns - a.monotonic_ns for a, b in pairs) == pytest.approx(20e6, abs=2e6)
    last = rig.permits[-1]
    assert not last.laser_ok
    assert list(last.reasons) == [ReasonCode.NO_OPERATOR]
    assert all(b.seq > a.seq for a, b in pairs)


def test_everything_in_order_permits_emission_and_the_trigger_is_granted(rig: Rig) -> None:
    assert rig.acquire().success
    rig.beat_until(lambda: rig.permits[-1].laser_ok)
    assert rig.permits[-1].lease_digest == lease_digest(rig.lease_id)
    rig.beat_until(lambda: rig.grants and rig.grants[-1].trigger, trigger=True)
    assert rig.grants[-1].source == msg.FireGrant.SOURCE_OPERATOR
    assert rig.grants[-1].epoch == rig.permits[-1].epoch
    rig.beat_until(lambda: not rig.grants[-1].trigger)


def test_a_released_trigger_is_reported_though_it_was_never_held(rig: Rig) -> None:
    """A laser whose trigger was held when the safety node before this one ended waits for it."""
    assert rig.acquire().success
    rig.beat_until(lambda: len(rig.grants) >= 5)
    assert not any(grant.trigger for grant in rig.grants)


def test_without_a_heartbeat_emission_is_withdrawn(rig: Rig) -> None:
    rig.acquire()
    rig.beat_until(lambda: rig.permits[-1].laser_ok)
    wait_until(lambda: not rig.permits[-1].laser_ok, 1.0)
    assert rig.permits[-1].motion_ok
    assert ReasonCode.HEARTBEAT_LOST in rig.permits[-1].reasons


def test_any_client_stops_and_the_operator_resets(rig: Rig) -> None:
    rig.acquire()
    rig.beat_until(lambda: rig.permits[-1].motion_ok)
    assert rig.ros.call(srv.Stop, 'safety/stop', srv.Stop.Request(reason='smoke')).success
    wait_until(lambda: not rig.permits[-1].motion_ok)
    wait_until(lambda: rig.states[-1].software_stop)
    assert 'smoke' in rig.states[-1].message
    refused = rig.ros.call(srv.ResetStop, 'safety/reset', srv.ResetStop.Request(lease_id='wrong'))
    assert refused.code == ReasonCode.WRONG_LEASE
    assert rig.ros.call(srv.ResetStop, 'safety/reset', srv.ResetStop.Request(lease_id=rig.lease_id)).success
    wait_until(lambda: rig.permits[-1].motion_ok)


def test_a_stop_outlives_a_restart(rig: Rig) -> None:
    rig.ros.call(srv.Stop, 'safety/stop', srv.Stop.Request(reason='smoke'))
    other = SafetyNode(
        context=rig.ros.context, namespace='turret', parameter_overrides=[Parameter('estop_driver', value='none')])
    rig.ros.add(other)
    wait_until(lambda: any(p.epoch == other._epoch and ReasonCode.SOFTWARE_STOP in p.reasons for p in rig.permits))  # noqa: SLF001  the epoch of the permits


def test_a_taken_over_operator_is_notified(rig: Rig) -> None:
    rig.acquire()
    first = rig.lease_id
    assert rig.acquire().code == ReasonCode.LEASE_TAKEN
    assert 'Ada' in rig.acquire(take_over=True).message
    old = rig.ros.call(srv.Heartbeat, 'safety/heartbeat', srv.Heartbeat.Request(lease_id=first))
    assert old.code == ReasonCode.OPERATOR_CHANGED


def test_zones_are_kept_and_withhold_emission(rig: Rig, own_state: Path) -> None:
    rig.laser.state = msg.LaserState.STATE_OFF
    rig.acquire()
    rig.beat_until(lambda: rig.permits[-1].laser_ok)
    zone = msg.Zone(name='window', pan_min=-0.1, pan_max=0.1, tilt_min=-0.1, tilt_max=0.1)
    request = srv.SetZones.Request(lease_id=rig.lease_id, zones=[zone])
    assert rig.ros.call(srv.SetZones, 'safety/set_zones', request).success
    rig.beat_until(lambda: list(rig.permits[-1].reasons) == [ReasonCode.NO_FIRE_ZONE])
    assert (own_state / 'turret' / 'turret' / 'zones.json').exists()
    version = rig.states[-1].zones_version
    assert version
    stale = srv.SetZones.Request(lease_id=rig.lease_id, zones=[], base_version='of other zones')
    assert rig.ros.call(srv.SetZones, 'safety/set_zones', stale).code == ReasonCode.STALE_INPUT
    assert len(rig.states[-1].zones) == 1


def test_the_thread_of_the_permits_neither_logs_nor_asks_the_graph_nor_touches_a_file(
        ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = blocking_calls(monkeypatch)
    rig = Rig(ros)
    rig.acquire()
    rig.beat_until(lambda: rig.permits[-1].laser_ok)
    monkeypatch.setattr(rig.node, '_read_estop', lambda: Estop.PRESSED)
    wait_until(lambda: ReasonCode.ESTOP_PRESSED in rig.permits[-1].reasons)
    monkeypatch.setattr(rig.node, '_read_estop', lambda: Estop.RELEASED)
    rig.ros.call(srv.Stop, 'safety/stop', srv.Stop.Request(reason='smoke'))
    rig.ros.call(srv.ResetStop, 'safety/reset', srv.ResetStop.Request(lease_id=rig.lease_id))
    publish_once(rig, 'safety/permit', msg.SafetyPermit(), qos.PERMIT)
    wait_until(lambda: seen_as_foreign(rig))
    wait_until(lambda: ('log', 'rclpy_logging_rcutils_log') in calls)
    wait_until(lambda: ('publishers', 'get_publishers_info_by_topic') in calls)
    wait_until(lambda: any(thread == 'stop record' for thread, _ in calls))
    assert [call for call in calls if call[0] == 'permit'] == []


def test_a_silent_driver_withholds_motion(rig: Rig) -> None:
    wait_until(lambda: rig.permits and rig.permits[-1].motion_ok)
    for timer in list(rig.ros.probe.timers):
        timer.cancel()
    wait_until(lambda: ReasonCode.DRIVER_SILENT in rig.permits[-1].reasons, 2.0)
    assert not rig.permits[-1].motion_ok


def test_a_second_publisher_of_permits_withholds_emission(rig: Rig) -> None:
    wait_until(lambda: rig.permits)
    intruder = rig.ros.probe.create_publisher(msg.SafetyPermit, 'safety/permit', qos.PERMIT)

    def seen() -> bool:
        intruder.publish(msg.SafetyPermit(epoch=1))
        return any(ReasonCode.SECOND_PUBLISHER in permit.reasons for permit in rig.permits)
    wait_until(seen)


def seen_as_foreign(rig: Rig) -> bool:
    return any(ReasonCode.SECOND_PUBLISHER in permit.reasons for permit in rig.permits)


def withdrawn(rig: Rig) -> bool:
    return ReasonCode.SECOND_PUBLISHER not in rig.permits[-1].reasons


def publish_once(rig: Rig, topic: str, message: Any, profile: Any) -> None:
    """Publish one message of another process to all who listen."""
    publisher = rig.ros.probe.create_publisher(type(message), topic, profile)
    listeners = 2 if topic.startswith('safety') else 1  # the rig collects what the node publishes
    wait_until(lambda: publisher.get_subscription_count() >= listeners)
    publisher.publish(message)


@pytest.fixture
def uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the node from noticing a second publisher by the number of publishers."""
    monkeypatch.setattr(SafetyCore, 'observe_publishers', lambda core, nodes, controller, now_ns: None)


@pytest.mark.parametrize(('topic', 'kind', 'profile'), [
    ('safety/permit', msg.SafetyPermit, qos.PERMIT), ('safety/fire_grant', msg.FireGrant, qos.PERMIT),
    ('safety/state', msg.SafetyState, qos.STATE), ('controller/fire_request', msg.FireRequest, qos.COMMAND)])
def test_a_single_forged_message_of_authority_is_a_reported_fault_for_a_while(
        rig: Rig, topic: str, kind: Any, profile: Any, uncounted: None) -> None:
    wait_until(lambda: len(rig.permits) > 20)
    assert not seen_as_foreign(rig)
    publish_once(rig, topic, kind(), profile)
    wait_until(lambda: seen_as_foreign(rig))
    wait_until(lambda: withdrawn(rig), 5.0)


@pytest.mark.parametrize('topic', ['safety/permit', 'safety/fire_grant', 'safety/state'])
def test_a_replayed_message_of_authority_is_a_reported_fault_for_a_while(
        rig: Rig, topic: str, uncounted: None) -> None:
    rig.acquire()
    wait_until(lambda: len(rig.permits) > 20 and rig.states)
    rig.beat_until(lambda: len(rig.grants) >= 2)
    recorded, profile = {
        'safety/permit': (rig.permits[0], qos.PERMIT), 'safety/fire_grant': (rig.grants[0], qos.PERMIT),
        'safety/state': (rig.states[0], qos.STATE)}[topic]
    assert not seen_as_foreign(rig)
    publish_once(rig, topic, recorded, profile)
    wait_until(lambda: seen_as_foreign(rig))
    wait_until(lambda: withdrawn(rig), 5.0)


def test_a_request_to_fire_without_the_key_of_the_run_is_not_granted(rig: Rig) -> None:
    rig.acquire()
    rig.beat_until(lambda: rig.permits[-1].laser_ok)
    grants = len(rig.grants)
    requests = rig.ros.probe.create_publisher(msg.FireRequest, 'controller/fire_request', qos.COMMAND)
    wait_until(lambda: requests.get_subscription_count())
    requests.publish(msg.FireRequest(seq=1, track_id='t1'))
    wait_until(lambda: seen_as_foreign(rig))
    assert not any(grant.source == msg.FireGrant.SOURCE_AUTO for grant in rig.grants[grants:])


@pytest.mark.parametrize('late_s', [0.6, -0.1])
def test_states_from_long_ago_or_the_future_do_not_count(rig: Rig, late_s: float) -> None:
    wait_until(lambda: rig.permits and rig.permits[-1].motion_ok)
    rig.late_s = late_s
    wait_until(lambda: ReasonCode.DRIVER_SILENT in rig.permits[-1].reasons, 5.0)


@pytest.mark.parametrize('topic', [
    ('gimbal/command', msg.GimbalCommand), ('safety/fire_grant', msg.FireGrant), ('laser/state', msg.LaserState)])
def test_a_stranger_who_publishes_what_has_one_owner_withholds_emission(rig: Rig, topic: tuple[str, Any]) -> None:
    wait_until(lambda: rig.permits and rig.permits[-1].motion_ok)
    name, kind = topic
    owner = rig.ros.add(Node('owner', namespace='turret', context=rig.ros.context))
    owner.create_publisher(kind, name, qos.STATE)
    stranger = rig.ros.add(Node('stranger', namespace='turret', context=rig.ros.context))
    stranger.create_publisher(kind, name, qos.STATE)
    wait_until(lambda: ReasonCode.SECOND_PUBLISHER in rig.permits[-1].reasons)


def test_motion_commands_while_the_controller_is_away_withdraw_the_permit_to_move(rig: Rig) -> None:
    wait_until(lambda: rig.permits and rig.permits[-1].motion_ok)
    stranger = rig.ros.add(Node('stranger', namespace='turret', context=rig.ros.context))
    stranger.create_publisher(msg.GimbalCommand, 'gimbal/command', qos.COMMAND)
    wait_until(lambda: not rig.permits[-1].motion_ok)
    assert ReasonCode.SECOND_PUBLISHER in rig.permits[-1].reasons


def test_motion_commands_of_the_controller_are_permitted(rig: Rig) -> None:
    controller = rig.ros.add(Node('controller', namespace='turret', context=rig.ros.context))
    controller.create_publisher(msg.GimbalCommand, 'gimbal/command', qos.COMMAND)
    wait_until(lambda: rig.node.count_publishers('gimbal/command'))
    seen = len(rig.permits)
    wait_until(lambda: len(rig.permits) > seen + 60)  # the publishers were counted meanwhile
    assert rig.permits[-1].motion_ok


def test_people_near_the_beam_withhold_emission_and_so_does_silence(ros: Any) -> None:
    rig = Rig(ros, exclusion='always')
    people = ros.probe.create_publisher(msg.PeopleArray, 'exclusion/people', qos.STREAM)
    states = ros.probe.create_publisher(msg.ControllerState, 'controller/state', qos.STATE)

    def see(*seen: msg.Person, unchanged_s: float = 0.0) -> msg.SafetyState | None:
        stamp = ros.probe.get_clock().now().to_msg()
        controller, array = msg.ControllerState(), msg.PeopleArray(people=seen, unchanged_s=unchanged_s)
        controller.header.stamp = array.header.stamp = stamp
        states.publish(controller)
        people.publish(array)
        return rig.states[-1] if rig.states else None

    def shows(exclusion: int, *seen: msg.Person, **more: float) -> None:
        wait_until(lambda: (state := see(*seen, **more)) is not None and state.exclusion == exclusion)

    shows(msg.SafetyState.EXCLUSION_CLEAR, msg.Person(azimuth=1.0, radius=0.1))
    shows(msg.SafetyState.EXCLUSION_BLOCKED, msg.Person(azimuth=0.2, radius=0.1))
    assert ReasonCode.PERSON_NEAR_BEAM in rig.states[-1].reasons
    shows(msg.SafetyState.EXCLUSION_CLEAR)
    shows(msg.SafetyState.EXCLUSION_SILENT, unchanged_s=0.4)
    assert ReasonCode.FRAMES_FROZEN in rig.states[-1].reasons
    shows(msg.SafetyState.EXCLUSION_CLEAR)
    wait_until(lambda: rig.states[-1].exclusion == msg.SafetyState.EXCLUSION_SILENT)
    assert ReasonCode.EXCLUSION_SILENT in rig.states[-1].reasons


def test_the_class_2_profile_asks_for_the_region_again(rig: Rig) -> None:
    rig.laser.profile = 'class2_play'
    rig.acquire()
    rig.beat_until(lambda: ReasonCode.NO_FLOOR_REGION in rig.permits[-1].reasons)
    assert rig.ros.call(
        srv.ConfirmRegion, 'safety/confirm_region', srv.ConfirmRegion.Request(lease_id=rig.lease_id)).success
    wait_until(lambda: 50.0 < rig.states[-1].confirm_remaining_s < 60.0)


def test_the_emergency_stop_is_latched_and_outlives_a_restart(rig: Rig) -> None:
    wait_until(lambda: rig.permits and rig.permits[-1].motion_ok)
    rig.node._read_estop = lambda: Estop.PRESSED  # noqa: SLF001  the contact
    wait_until(lambda: rig.states and rig.states[-1].software_stop)
    rig.node._read_estop = lambda: Estop.RELEASED  # noqa: SLF001  the contact
    wait_until(lambda: list(rig.permits[-1].reasons)[:1] == [ReasonCode.SOFTWARE_STOP])
    assert 'emergency stop' in rig.states[-1].message
    wait_until(lambda: rig.node._stop_file.load().reason is not None)  # noqa: SLF001  the file on disk
    assert rig.node._stop_file.load()[1:] == (rig.permits[-1].stop_count, rig.permits[-1].estop_count) == (1, 1)  # noqa: SLF001  the file on disk


def full(*_: object, **__: object) -> None:
    raise OSError(28, 'No space left on device')


def test_a_full_disk_neither_ends_the_permits_nor_loses_the_stop_nor_the_zones(
        rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_until(lambda: rig.permits and rig.permits[-1].motion_ok)
    rig.laser.state = msg.LaserState.STATE_OFF
    rig.acquire()
    wait_until(lambda: rig.ros.call(srv.SetZones, 'safety/set_zones', srv.SetZones.Request(
        lease_id=rig.lease_id, zones=[WINDOW])).success)
    monkeypatch.setattr('turret_common.json_file.write_atomically', full)
    monkeypatch.setattr('turret_control.safety.stop_file.os.pwrite', full)
    refused = rig.ros.call(srv.SetZones, 'safety/set_zones', srv.SetZones.Request(lease_id=rig.lease_id, zones=[]))
    assert refused.code == ReasonCode.IO_ERROR
    wait_until(lambda: [zone.name for zone in rig.states[-1].zones] == ['window'])
    assert rig.ros.call(srv.Stop, 'safety/stop', srv.Stop.Request(reason='smoke')).success
    wait_until(lambda: rig.states[-1].software_stop)
    refused = rig.ros.call(srv.ResetStop, 'safety/reset', srv.ResetStop.Request(lease_id=rig.lease_id))
    assert refused.code == ReasonCode.IO_ERROR
    assert rig.states[-1].software_stop
    rig.node._read_estop = lambda: Estop.PRESSED  # noqa: SLF001  the contact
    wait_until(lambda: ReasonCode.ESTOP_PRESSED in rig.permits[-1].reasons)
    before = len(rig.permits)
    wait_until(lambda: len(rig.permits) > before + 20)
    monkeypatch.undo()
    wait_until(lambda: rig.node._stop_file.load() == rig.node._core.record, what='saved once there is space')  # noqa: SLF001  the file on disk


def test_a_stop_is_counted_in_the_permit(rig: Rig) -> None:
    wait_until(lambda: rig.permits and rig.permits[-1].stop_count == 0)
    rig.ros.call(srv.Stop, 'safety/stop', srv.Stop.Request(reason='smoke'))
    wait_until(lambda: rig.permits[-1].stop_count == 1)
    rig.acquire()
    assert rig.ros.call(srv.ResetStop, 'safety/reset', srv.ResetStop.Request(lease_id=rig.lease_id)).success
    wait_until(lambda: rig.permits[-1].motion_ok)
    assert (rig.permits[-1].stop_count, rig.permits[-1].estop_count) == (1, 0)


def test_a_real_emergency_stop_may_have_been_open_while_the_node_was_away(
        ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_control.safety_node.gpio_estop', lambda pin: lambda: Estop.RELEASED)
    first = Rig(ros, estop_driver='gpio', estop_pin=5)
    wait_until(lambda: first.permits and first.permits[-1].motion_ok)
    first.node._thread.stop()  # noqa: SLF001  it is killed
    second = Rig(ros, estop_driver='gpio', estop_pin=5)
    epoch = second.node._epoch  # noqa: SLF001
    wait_until(lambda: second.states and second.states[-1].software_stop)
    wait_until(lambda: [permit for permit in second.permits if permit.epoch == epoch and permit.estop_count == 1])
    assert 'emergency stop' in second.states[-1].message


def test_a_stop_that_comes_while_another_one_is_reset_is_the_one_that_is_saved(
        rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_until(lambda: rig.permits)
    rig.acquire()
    rig.ros.call(srv.Stop, 'safety/stop', srv.Stop.Request(reason='smoke'))
    put, saver = rig.node._saver.put, rig.node._saver  # noqa: SLF001  where records go
    pressed = threading.Event()

    def delayed(record: StopRecord) -> None:  # the thread of the reset stands still here
        if not pressed.is_set():
            pressed.set()
            rig.node._read_estop = lambda: Estop.PRESSED  # noqa: SLF001  the contact
            threading.Event().wait(0.5)
        put(record)

    monkeypatch.setattr(saver, 'put', delayed)
    rig.ros.call(srv.ResetStop, 'safety/reset', srv.ResetStop.Request(lease_id=rig.lease_id))
    wait_until(lambda: rig.node._core.record.estops == 1)  # noqa: SLF001
    wait_until(lambda: rig.node._stop_file.load() == rig.node._core.record, what='the newest record on disk')  # noqa: SLF001


def test_a_second_node_that_publishes_permits_is_reported(rig: Rig) -> None:
    wait_until(lambda: rig.permits)
    intruder = rig.ros.add(Node('intruder', namespace='turret', context=rig.ros.context))
    publisher = intruder.create_publisher(msg.SafetyPermit, 'safety/permit', qos.PERMIT)

    def seen() -> bool:  # in the name of the safety node, with its epoch and a later number
        publisher.publish(msg.SafetyPermit(
            epoch=rig.permits[-1].epoch, seq=2**31, monotonic_ns=rig.permits[-1].monotonic_ns, laser_ok=True,
            motion_ok=True, mac=rig.permits[-1].mac))
        return any(ReasonCode.SECOND_PUBLISHER in permit.reasons for permit in rig.permits)
    wait_until(seen)


def test_the_node_runs_in_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []

    def run(make_node: Any, *, real_time: bool) -> int:
        started.extend((make_node, real_time))
        return 7
    monkeypatch.setattr(safety_node, 'run', run)
    assert safety_node.main() == 7
    assert started == [SafetyNode, True]


def test_its_times_are_those_of_the_documents() -> None:
    """50 permits, 25 renewals of a burst and 10 checks of its own topics in a second, and one count of publishers."""
    own = vars(safety_node)
    assert (own['_STATE_PERIOD_S'], own['_PERIOD_S'], own['_COUNT_PERIOD_S']) == (0.1, 0.02, 1.0)
    assert (own['_RENEW_EVERY'], own['_CHECK_EVERY']) == (2, 5)
    assert (own['_STATE_AGE_MIN_S'], own['_STATE_AGE_MAX_S']) == (-0.01, 0.5)
    assert own['_OWN_MESSAGES'].depth >= 2 * own['_CHECK_EVERY'], 'none is lost between two checks'


def test_no_thread_of_the_node_outlives_it(ros: Any) -> None:
    names = ['estop', 'log', 'permit', 'publishers', 'stop record']
    before = threading.enumerate()
    rig = Rig(ros, estop_driver='sim')
    threads = [thread for thread in threading.enumerate() if thread not in before and thread.name in names]
    assert sorted(thread.name for thread in threads) == names
    rig.node.destroy_node()
    wait_until(lambda: not any(thread.is_alive() for thread in threads))
    assert list(rig.node.publishers) == []


@pytest.mark.parametrize(('required', 'reasons', 'state'), [
    (False, ['PERSON_NEAR_BEAM', 'EXCLUSION_SILENT'], 'OFF'), (True, [], 'CLEAR'), (True, ['NO_POSE'], 'CLEAR'),
    (True, ['EXCLUSION_SILENT'], 'SILENT'), (True, ['FRAMES_FROZEN'], 'SILENT'),
    (True, ['NO_POSE', 'PERSON_NEAR_BEAM'], 'BLOCKED'), (True, ['PERSON_NEAR_BEAM', 'FRAMES_FROZEN'], 'SILENT')])
def test_the_state_shows_what_the_person_exclusion_does(required: bool, reasons: list[str], state: str) -> None:
    codes = [int(ReasonCode[reason]) for reason in reasons]
    assert safety_node._exclusion(required, codes) == getattr(  # noqa: SLF001  of the state
        msg.SafetyState, f'EXCLUSION_{state}')


def test_a_zone_of_an_unknown_kind_is_refused() -> None:
    for kind in (msg.Zone.KIND_NO_FIRE, msg.Zone.KIND_ALLOWED):
        zone = safety_node._zone(msg.Zone(  # noqa: SLF001  of a request
            name='x', kind=kind, pan_min=1.0, pan_max=2.0, tilt_min=3.0, tilt_max=4.0))
        assert zone == Zone('x', ZoneKind(kind), 1.0, 2.0, 3.0, 4.0)
    with pytest.raises(TurretError, match='zone "x" is of unknown kind 7') as refusal:
        safety_node._zone(msg.Zone(name='x', kind=7))  # noqa: SLF001  as above
    assert refusal.value.code is ReasonCode.INVALID_ARGUMENT


def test_only_the_operator_releases_the_lease(rig: Rig) -> None:
    rig.acquire()
    wait_until(lambda: rig.states and rig.states[-1].operator_name == 'Ada')
    answer = rig.ros.call(srv.ReleaseLease, 'safety/release_lease', srv.ReleaseLease.Request(lease_id='thief'))
    assert answer.code == ReasonCode.WRONG_LEASE
    answer = rig.ros.call(srv.ReleaseLease, 'safety/release_lease', srv.ReleaseLease.Request(lease_id=rig.lease_id))
    assert answer.success
    wait_until(lambda: rig.states[-1].operator_name == '')
    wait_until(lambda: ReasonCode.NO_OPERATOR in rig.permits[-1].reasons)


def test_what_changes_the_permit_is_published_at_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[None] = []
    monkeypatch.setattr(rig.node._thread, 'wake', lambda: woken.append(None))  # noqa: SLF001  that publishes permits
    rig.acquire()
    assert len(woken) == 1
    rig.laser.state = msg.LaserState.STATE_OFF
    wait_until(lambda: rig.ros.call(srv.SetZones, 'safety/set_zones', srv.SetZones.Request(
        lease_id=rig.lease_id, zones=[WINDOW])).success)
    assert len(woken) == 2
    rig.ros.call(srv.Stop, 'safety/stop', srv.Stop.Request(reason='test'))
    assert len(woken) == 3
    rig.ros.call(srv.ReleaseLease, 'safety/release_lease', srv.ReleaseLease.Request(lease_id=rig.lease_id))
    assert len(woken) == 4


class Automatic:
    """A controller that follows a target and a camera that sees it, with an operator who switches automatic fire."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        publisher = rig.ros.probe.create_publisher
        self.tracks = publisher(msg.TrackArray, 'vision/tracks', qos.STREAM)
        self.cameras = publisher(msg.CameraState, 'camera/state', qos.STATE)
        self.controllers = publisher(msg.ControllerState, 'controller/state', qos.STATE)
        self.requests = publisher(msg.FireRequest, 'controller/fire_request', qos.COMMAND)
        self.controller = msg.ControllerState(
            mode=msg.ControllerState.MODE_TRACK, tracking=msg.ControllerState.TRACKING_FOLLOWING, target_id='7')
        self.seq = 0
        rig.ros.probe.create_timer(0.02, self.report)
        rig.acquire()
        rig.beat_until(lambda: rig.permits[-1].laser_ok)

    def report(self) -> None:
        stamp = self.rig.ros.probe.get_clock().now().to_msg()
        camera = msg.CameraState()
        for message in (camera, self.controller):
            message.header.stamp = stamp
        tracks = msg.TrackArray()
        tracks.header.stamp = stamp
        self.tracks.publish(tracks)
        self.cameras.publish(camera)
        self.controllers.publish(self.controller)

    def request(self) -> bool:
        """Decide to fire, on the image of now."""
        self.seq += 1
        request = msg.FireRequest(seq=self.seq, track_id='7', aim_error=0.001)
        request.header.stamp = self.rig.ros.probe.get_clock().now().to_msg()
        self.requests.publish(sign_request(request, run_key('turret')))
        return True

    def set(self, enabled: bool) -> Any:
        return self.rig.ros.call(srv.SetAutoFire, 'safety/set_auto_fire', srv.SetAutoFire.Request(
            lease_id=self.rig.lease_id, enabled=enabled))

    def has_ended(self) -> bool:
        """Return whether the newest grant withdraws the burst, or is older than a grant counts."""
        newest = self.grants[-1]
        return not newest.trigger or self.rig.permits[-1].monotonic_ns - newest.monotonic_ns > 300_000_000

    @property
    def grants(self) -> list[msg.FireGrant]:
        return [grant for grant in self.rig.grants if grant.source == msg.FireGrant.SOURCE_AUTO]


def test_an_automatic_burst_is_granted_renewed_and_ended_with_automatic_fire(rig: Rig) -> None:
    auto = Automatic(rig)
    assert rig.ros.call(srv.SetAutoFire, 'safety/set_auto_fire', srv.SetAutoFire.Request(
        lease_id='thief', enabled=True)).code == ReasonCode.WRONG_LEASE
    wait_until(lambda: rig.beat().success and auto.set(True).success)
    rig.beat_until(lambda: auto.request() and auto.grants)
    assert (auto.grants[0].trigger, auto.grants[0].burst) == (True, 1)
    rig.laser.state = msg.LaserState.STATE_FIRING
    rig.beat_until(lambda: [grant.burst for grant in auto.grants].count(auto.grants[-1].burst) >= 5)  # unasked
    assert all(grant.trigger for grant in auto.grants)
    numbers = [grant.seq for grant in rig.grants]
    assert numbers == sorted(set(numbers))
    assert auto.set(False).success
    rig.beat_until(auto.has_ended)
    ended = len(auto.grants)
    wait_until(lambda: rig.states[-1].auto_fire is False)
    rig.laser.state = msg.LaserState.STATE_ARMED
    seen = len(rig.permits)
    rig.beat_until(lambda: auto.request() and len(rig.permits) > seen + 25)
    assert len(auto.grants) <= ended + 1, 'nothing is granted any more'


def test_a_burst_ends_when_the_head_follows_another_target(rig: Rig) -> None:
    auto = Automatic(rig)
    wait_until(lambda: rig.beat().success and auto.set(True).success)
    rig.beat_until(lambda: auto.request() and auto.grants)
    rig.laser.state = msg.LaserState.STATE_FIRING
    auto.controller.target_id = '8'
    rig.beat_until(auto.has_ended)


def test_a_stop_that_cannot_be_saved_is_logged(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(rig.node, 'get_logger', lambda: SimpleNamespace(error=logged.append, warning=logged.append))
    rig.node._on_save_error('full')  # noqa: SLF001  as the thread that saves does
    assert logged == ['full; it is tried again']
    rig.ros.call(srv.Stop, 'safety/stop', srv.Stop.Request(reason='a test'))
    assert logged[1:] == ['stopped: a test']


def test_bursts_are_renewed_with_every_second_permit_and_messages_checked_with_every_fifth(
        rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    node: Any = rig.node
    renewed: list[int] = []
    checked: list[int] = []
    monkeypatch.setattr(node, '_renew_burst', lambda now_ns: renewed.append(vars(node)['_permit_seq']))
    monkeypatch.setattr(node, '_check_own_topics', lambda: checked.append(vars(node)['_permit_seq']))
    wait_until(lambda: len(checked) >= 5)
    assert renewed == list(range(renewed[0], renewed[-1] + 1, 2))
    assert checked == list(range(checked[0], checked[-1] + 1, 5))
    assert renewed[0] % 2 == checked[0] % 5 == 0


def test_an_emergency_stop_is_saved_and_logged_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    node: Any = rig.node
    logged: list[str] = []
    saved: list[StopRecord] = []
    monkeypatch.setattr(vars(node)['_log'], 'warning', logged.append)
    monkeypatch.setattr(vars(node)['_saver'], 'put', saved.append)
    wait_until(lambda: len(rig.permits) > 5)
    monkeypatch.setattr(node, '_read_estop', lambda: Estop.PRESSED)
    wait_until(lambda: rig.permits[-1].estop_count == 1)
    pressed = len(rig.permits)
    wait_until(lambda: len(rig.permits) > pressed + 5)
    assert logged == ['stopped: the emergency stop was pressed']
    assert saved == [StopRecord('the emergency stop was pressed', 1, 1)]
