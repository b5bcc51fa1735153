# SPDX-License-Identifier: Apache-2.0
"""The replay node: what it publishes, what it never publishes, and how it is steered."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rcl_interfaces.msg import Log
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from replay_bags import LATCHED, START_NS, Entry, dangerous, images, write
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, JointState, Joy

from turret_bringup.bags.metadata import BagError
from turret_bringup.replay_node import ReplayNode
from turret_common.errors import TurretError
from turret_common.params import plain
from turret_common.permit import Permit, PermitMonitor, lease_digest
from turret_common.reason_codes import ReasonCode
from turret_common.ros.permit_feed import observe_permit
from turret_common.ros.qos import NEWEST, STATE
from turret_common.testing.ros_testing import RosHarness, signed
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import (
    FireGrant,
    FireRequest,
    GimbalCommand,
    LaserState,
    ReplayState,
    SafetyPermit,
    TurretStatus,
)
from turret_msgs.srv import (
    ListReplayEvents,
    SeekReplay,
    SeekReplayEvent,
    SetReplayGapSkipping,
    SetReplayPaused,
    SetReplayRate,
    StepReplay,
)

#: What ends the process of the node ends the thread of the harness here.
_ENDS_THE_PROCESS = pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
Start = Callable[..., ReplayNode]


@pytest.fixture
def start(ros: RosHarness) -> Start:
    """Return a function that starts a replay of a bag in the test's domain."""
    def starter(bag: Path, **parameters: Any) -> ReplayNode:
        values = {'bag': str(bag), 'domain': ros.domain_id, 'hold': True, **parameters}
        node = ReplayNode(context=ros.context, namespace='turret', parameter_overrides=[
            Parameter(name, value=plain(value)) for name, value in values.items()])
        ros.add(node)
        return node
    return starter


def states(ros: RosHarness) -> list[ReplayState]:
    return ros.collect(ReplayState, 'replay/state', STATE)


def test_it_publishes_what_was_recorded_in_order_and_reports_where_it_is(
        ros: RosHarness, start: Start, tmp_path: Path) -> None:
    received = ros.collect(TurretStatus, 'status')
    clock = ros.collect(Clock, '/clock')
    published = states(ros)
    start(write(tmp_path / 'bag', images(1.0)), rate=2.0)
    wait_until(lambda: published and published[-1].ended, 20.0, 'the end')
    assert [message.seq for message in received] == list(range(10))
    assert (published[-1].name, published[-1].passes, published[-1].messages) == ('bag', 1, 12)
    assert published[-1].position_s == published[-1].duration_s == pytest.approx(0.91)
    times = [message.clock.sec * 10**9 + message.clock.nanosec - START_NS for message in clock]
    assert times == sorted(times)
    assert times[-1] <= 0.91e9


def test_topics_have_the_quality_of_service_of_the_recording(ros: RosHarness, start: Start, tmp_path: Path) -> None:
    start(write(tmp_path / 'bag', [*dangerous(0.1), Entry(0.0, '/turret/laser/state', LaserState(), LATCHED)]))

    def offered(topic: str) -> Any:
        return wait_until(lambda: ros.probe.get_publishers_info_by_topic(topic), 10.0, topic)[0].qos_profile
    assert offered('/turret/safety/permit').reliability == ReliabilityPolicy.BEST_EFFORT
    assert offered('/turret/laser/state').durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert offered('/turret/status').reliability == ReliabilityPolicy.RELIABLE
    assert offered('/turret/status').durability == DurabilityPolicy.VOLATILE


def test_it_is_held_stepped_sought_and_sped_up(ros: RosHarness, start: Start, tmp_path: Path) -> None:
    received, seen = ros.collect(TurretStatus, 'status'), ros.collect(CompressedImage, 'camera/image_raw/compressed')
    published = states(ros)
    start(write(tmp_path / 'bag', images(2.0)), paused=True)
    wait_until(lambda: [message.seq for message in received] == [0], 20.0, 'the first message')
    assert ros.call(StepReplay, 'replay/step', StepReplay.Request(messages=2)).success
    wait_until(lambda: [message.seq for message in received] == [0, 1, 2], what='two more')
    assert ros.call(StepReplay, 'replay/step', StepReplay.Request()).success
    wait_until(lambda: len(seen) == 1 and [message.seq for message in received] == [0, 1, 2, 3, 4], what='an image')
    assert ros.call(SeekReplay, 'replay/seek', SeekReplay.Request(position_s=1.55)).success
    wait_until(lambda: published[-1].position_s == pytest.approx(1.55), what='the place')
    wait_until(lambda: len(seen) == 2, what='the newest image before it')
    assert ros.call(SetReplayRate, 'replay/set_rate', SetReplayRate.Request(rate=0.5)).success
    assert ros.call(SetReplayPaused, 'replay/set_paused', SetReplayPaused.Request(paused=False)).success
    wait_until(lambda: published[-1].ended, what='the end')
    assert received[-1].seq == 19
    assert published[-1].rate == 0.5


def test_it_goes_from_event_to_event(ros: RosHarness, start: Start, tmp_path: Path) -> None:
    marks = [Entry(at, '/turret/bag/events', Log(level=Log.INFO, msg=text)) for at, text in ((1.0, 'a'), (5.0, 'b'))]
    published = states(ros)
    start(write(tmp_path / 'bag', [*images(8.0), *marks]), paused=True)
    listed = ros.call(ListReplayEvents, 'replay/list_events', ListReplayEvents.Request()).events
    assert [(event.position_s, event.level, event.text) for event in listed] == [(1.0, 20, 'a'), (5.0, 20, 'b')]

    def seek(backward: bool) -> Any:
        return ros.call(SeekReplayEvent, 'replay/seek_event', SeekReplayEvent.Request(backward=backward))
    assert [seek(False).event.text for _ in range(2)] == ['a', 'b']
    wait_until(lambda: published and published[-1].position_s == pytest.approx(5.0), what='the event')
    assert seek(False).code == ReasonCode.NOT_FOUND
    assert seek(True).event.text == 'a'
    wait_until(lambda: published and published[-1].position_s == pytest.approx(1.0), what='the event before')


def test_silences_are_skipped_on_request(ros: RosHarness, start: Start, tmp_path: Path) -> None:
    received = ros.collect(TurretStatus, 'status')
    published = states(ros)
    start(write(tmp_path / 'bag', [Entry(at, '/turret/status', TurretStatus(seq=int(at))) for at in (0.0, 3600.0)]))
    wait_until(lambda: published and published[-1].silence_s > 3000.0, 20.0, 'the silence')
    request = SetReplayGapSkipping.Request(min_gap_s=10.0)
    assert ros.call(SetReplayGapSkipping, 'replay/set_gap_skipping', request).success
    wait_until(lambda: published[-1].ended, 20.0, 'the end')
    assert [message.seq for message in received] == [0, 3600]
    assert published[-1].min_gap_s == 10.0


def test_requests_that_make_no_sense_are_refused(ros: RosHarness, start: Start, tmp_path: Path) -> None:
    start(write(tmp_path / 'bag', images(60.0)))
    for kind, name, request, code in (
            (SeekReplay, 'seek', SeekReplay.Request(position_s=61.0), ReasonCode.OUT_OF_RANGE),
            (SeekReplay, 'seek', SeekReplay.Request(position_s=float('nan')), ReasonCode.NOT_FINITE),
            (SetReplayRate, 'set_rate', SetReplayRate.Request(rate=0.0), ReasonCode.OUT_OF_RANGE),
            (SetReplayGapSkipping, 'set_gap_skipping', SetReplayGapSkipping.Request(min_gap_s=0.5),
             ReasonCode.OUT_OF_RANGE),
            (SeekReplayEvent, 'seek_event', SeekReplayEvent.Request(), ReasonCode.NOT_FOUND),
            (StepReplay, 'step', StepReplay.Request(messages=2_000_000_000), ReasonCode.OUT_OF_RANGE)):
        answer = ros.call(kind, f'replay/{name}', request)
        assert (answer.success, answer.code) == (False, code), name


def test_what_operators_and_automatic_fire_asked_for_is_never_played(
        ros: RosHarness, start: Start, tmp_path: Path) -> None:
    never = [
        ros.collect(Joy, 'joy', NEWEST),
        ros.collect(FireGrant, 'safety/fire_grant', NEWEST),
        ros.collect(FireRequest, 'controller/fire_request', NEWEST)]
    moved = ros.collect(GimbalCommand, 'gimbal/command')
    joints = ros.collect(JointState, 'joint_states')
    published = states(ros)
    start(write(tmp_path / 'bag', dangerous()))
    wait_until(lambda: published and published[-1].ended, 20.0, 'the end')
    assert moved
    assert joints
    assert never == [[], [], []]


@pytest.mark.parametrize('into', [(), ('controller',)])
def test_a_replayed_permit_never_permits_the_laser(
        ros: RosHarness, start: Start, tmp_path: Path, into: tuple[str, ...]) -> None:
    permits = ros.collect(SafetyPermit, 'safety/permit', NEWEST)
    start(write(tmp_path / 'bag', dangerous(2.0)), into=into)
    wait_until(lambda: len(permits) > 5, 20.0, 'permits')
    assert not any(permit.laser_ok for permit in permits)
    newest = permits[-1]
    age_ns = time.monotonic_ns() - newest.monotonic_ns
    if not into:
        assert newest.epoch == 77  # as recorded, and stale for every reader
        return
    assert 0 <= age_ns < 10**9
    assert newest.lease_digest not in ("", lease_digest(""))
    monitor = PermitMonitor()
    for permit in permits:
        observe_permit(monitor, permit)
        assert signed(permit).mac == permit.mac
    assert monitor.newest is not None
    assert (monitor.newest.epoch, monitor.newest.seq) == (1, newest.seq)
    assert not monitor.laser_ok(newest.monotonic_ns)
    assert monitor.motion_ok(newest.monotonic_ns)
    real = PermitMonitor()
    before_ns = newest.monotonic_ns - 10**9
    real.update(Permit(10**18, 1, before_ns, False, False, '', ()), before_ns)
    observe_permit(real, newest)
    assert not real.motion_ok(newest.monotonic_ns)  # a node with a real permit takes none from a replay


@_ENDS_THE_PROCESS
def test_nothing_is_published_beside_a_node_that_may_drive_hardware(
        ros: RosHarness, start: Start, tmp_path: Path) -> None:
    ros.add(Node('gimbal', namespace='other', context=ros.context))
    moved = ros.collect(GimbalCommand, 'gimbal/command')
    node = start(write(tmp_path / 'bag', dangerous(1.0)))
    refusal = wait_until(lambda: node.failure, 20.0, 'a refusal')
    assert refusal.code is ReasonCode.NOT_ALLOWED
    assert '"gimbal"' in refusal.message
    assert moved == []


@_ENDS_THE_PROCESS
def test_hardware_that_is_discovered_late_is_waited_for(
        ros: RosHarness, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def names(_: ReplayNode) -> list[tuple[str, str]]:
        looks.append(1)
        return [('gimbal', '/turret')] if len(looks) > 3 else []
    monkeypatch.setattr(ReplayNode, 'get_node_names_and_namespaces', names)
    published = states(ros)
    moved = ros.collect(GimbalCommand, 'gimbal/command')
    node = start(write(tmp_path / 'bag', dangerous(1.0)))
    wait_until(lambda: node.failure, 20.0, 'a refusal')
    assert published == []  # not even its state: nothing was played
    assert moved == []


@pytest.mark.parametrize('domain', [0, 1])
def test_it_refuses_a_domain_that_it_was_not_given(
        ros: RosHarness, start: Start, tmp_path: Path, domain: int) -> None:
    bag = write(tmp_path / 'bag', dangerous(0.1))
    with pytest.raises(TurretError) as refused:
        start(bag, domain=domain + (ros.domain_id == domain))
    assert refused.value.code is ReasonCode.NOT_ALLOWED


def test_a_bag_that_holds_nothing_to_play_is_refused(start: Start, tmp_path: Path) -> None:
    with pytest.raises(BagError):
        start(write(tmp_path / 'bag', [Entry(0.0, '/turret/joy', Joy())]))
    with pytest.raises(BagError):
        start(tmp_path / 'nowhere')
    with pytest.raises(BagError):
        start(write(tmp_path / 'other', [Entry(0.0, '/chatter', TurretStatus())]), into=('vision',))


def test_a_damaged_message_is_left_out(ros: RosHarness, start: Start, tmp_path: Path) -> None:
    received = ros.collect(TurretStatus, 'status')
    seen = states(ros)
    start(write(tmp_path / 'bag', [
        Entry(0.0, '/turret/status', TurretStatus(seq=1)), Entry(0.1, '/turret/status', b'\0\1\0\0 no status'),
        Entry(0.2, '/turret/status', TurretStatus(seq=2))]))
    wait_until(lambda: seen and seen[-1].ended, 20.0, 'the end')
    assert [message.seq for message in received] == [1, 2]
