# SPDX-License-Identifier: Apache-2.0
"""The node ``bag`` records what is published, in the quality that is offered, and keeps the last seconds."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from mcap.reader import make_reader
from mcap.writer import Writer
from rcl_interfaces.msg import Log, Parameter, ParameterEvent, ParameterType, ParameterValue
from rclpy.parameter import Parameter as NodeParameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from rosbags.highlevel import AnyReader
from sensor_msgs.msg import CompressedImage, JointState
from std_msgs.msg import String

from turret_bringup.bag_node import BagNode
from turret_bringup.bags.metadata import Topic
from turret_bringup.bags.reader import Bag
from turret_bringup.bags.writer import BagWriter
from turret_bringup.recording.ros_parameter_watch import ParameterWatch
from turret_common.messages.cdr import Codec
from turret_common.messages.definitions import parse, type_hash
from turret_common.reason_codes import ReasonCode
from turret_common.ros import qos
from turret_common.testing.ros_testing import RosHarness, ros_harness
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import BagState, Fault, LaserState, TurretStatus
from turret_msgs.srv import DeleteBag, ListBags, MarkBag, RenameBag, SaveLast, StartBag, StopBag


class Rig:
    """A bag node and a publisher."""

    def __init__(self, ros: RosHarness, folder: Path, **parameters: Any) -> None:
        self.ros = ros
        self.folder = folder
        self.node = ros.add(BagNode(
            namespace='turret', context=ros.context, parameter_overrides=[
                NodeParameter(name, value=value) for name, value in {'bag_dir': str(folder), **parameters}.items()]))
        self.states = ros.collect(BagState, 'bag/state', qos.STATE)
        self.joints = ros.probe.create_publisher(JointState, 'joint_states', QoSProfile(depth=1000))
        if parameters.get('ring.selection') != 'off':
            wait_until(lambda: self.joints.get_subscription_count() == 1, 10.0, 'a subscription')
        wait_until(lambda: self.states, 10.0, 'a state')

    def publish(self, first: int, count: int) -> None:
        """Publish joint states with growing numbers, as fast as they are taken."""
        for i in range(first, first + count):
            self.joints.publish(JointState(name=['pan_joint'], position=[float(i)]))
            if i % 20 == 19:
                self.joints.wait_for_all_acked()

    def rename(self, name: str, new_name: str) -> Any:
        return self.ros.call(RenameBag, 'bag/rename', RenameBag.Request(name=name, new_name=new_name))

    def start(self, **request: Any) -> Any:
        return self.ros.call(StartBag, 'bag/start', StartBag.Request(**request))

    def stop(self) -> Any:
        return self.ros.call(StopBag, 'bag/stop', StopBag.Request())

    def recorded(self, **request: Any) -> Any:
        """Wait until a condition holds for the newest state."""
        return wait_until(
            lambda: all(getattr(self.states[-1], name) == value for name, value in request.items()) and self.states[-1],
            10.0, f'{request} in the state')


@pytest.fixture
def rig(ros: RosHarness, tmp_path: Path) -> Rig:
    return Rig(ros, tmp_path / 'bags')


def positions(path: Path) -> list[float]:
    """Return the numbers in the joint states of a bag, read by an independent library."""
    with AnyReader([path]) as reader:
        connections = [c for c in reader.connections if c.topic == '/turret/joint_states']
        return [
            float(reader.deserialize(data, connection.msgtype).position[0])
            for connection, _, data in reader.messages(connections)]


def test_everything_published_is_recorded(rig: Rig) -> None:
    answer = rig.start(label='test')
    assert answer.success, answer.message
    assert answer.name.endswith('_test')
    rig.publish(0, 1000)
    assert rig.recorded(recording=True, name=answer.name).selection == 'light'
    stopped = rig.stop()
    assert (stopped.success, stopped.name) == (True, answer.name)
    assert positions(rig.folder / answer.name) == [float(i) for i in range(1000)]
    assert rig.recorded(recording=False).dropped == 0
    with Bag(rig.folder / answer.name) as bag:
        topic = bag.topics['/turret/joint_states']
        assert topic.type_hash == type_hash('sensor_msgs/msg/JointState')
        assert (topic.qos[0].reliability, topic.qos[0].durability) == ('reliable', 'volatile')
        assert bag.custom['turret.namespace'] == 'turret'


def test_selections_record_what_they_say(rig: Rig) -> None:
    image = rig.ros.probe.create_publisher(CompressedImage, 'camera/image_raw/compressed', qos.IMAGE_OUT)
    other = rig.ros.probe.create_publisher(String, '/elsewhere', 10)
    names = {}
    for selection in ('light', 'full', 'all'):
        names[selection] = rig.start(selection=selection).name
        if selection != 'light':
            wait_until(lambda: image.get_subscription_count() == 1, 10.0, 'a subscription to images')
        if selection == 'all':
            wait_until(lambda: other.get_subscription_count() == 1, 10.0, 'a subscription to everything')
        rig.publish(0, 1)
        image.publish(CompressedImage(format='jpeg', data=b'image'))
        other.publish(String(data='text'))
        for publisher in (image, other):
            publisher.wait_for_all_acked()
        assert rig.stop().success
        wait_until(lambda: image.get_subscription_count() == 0, 10.0, 'the end of the subscription')
    with_messages = {}
    for selection, name in names.items():
        with Bag(rig.folder / name) as bag:
            with_messages[selection] = {topic for topic, count in bag.counts.items() if count}
    assert '/turret/joint_states' in with_messages['light']
    assert '/turret/camera/image_raw/compressed' not in with_messages['light']
    assert '/turret/camera/image_raw/compressed' in with_messages['full']
    assert '/elsewhere' not in with_messages['full']
    assert '/elsewhere' in with_messages['all']


def test_latched_messages_from_before_are_recorded(rig: Rig) -> None:
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = rig.ros.probe.create_publisher(LaserState, 'laser/state', latched)
    wait_until(lambda: publisher.get_subscription_count() == 2, 10.0, 'the subscriptions')
    publisher.publish(LaserState(driver='from before'))
    publisher.wait_for_all_acked()
    name = rig.start().name
    rig.stop()
    with Bag(rig.folder / name) as bag:
        messages = [deserialize_message(m.data, LaserState) for m in bag.messages(['/turret/laser/state'])]
    assert messages == [LaserState(driver='from before')]


def test_a_best_effort_publisher_is_heard(rig: Rig) -> None:
    publisher = rig.ros.probe.create_publisher(
        String, 'controller/extra', QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT))
    wait_until(lambda: publisher.get_subscription_count() == 1, 10.0, 'a subscription')
    name = rig.start().name

    def written() -> bool:
        publisher.publish(String(data='x'))
        with_it = rig.states[-1]
        return bool(with_it.messages)
    wait_until(written, 10.0, 'a message written')
    rig.stop()
    with Bag(rig.folder / name) as bag:
        assert bag.topics['/turret/controller/extra'].qos[0].reliability == 'best_effort'
        assert bag.counts['/turret/controller/extra'] >= 1


def test_the_last_seconds_are_saved(rig: Rig) -> None:
    rig.publish(0, 100)
    wait_until(lambda: rig.states[-1].held_size > 100 * 200, 10.0, 'a full ring')
    answer = rig.ros.call(SaveLast, 'bag/save_last', SaveLast.Request(label='now'))
    assert answer.success, answer.message
    assert positions(rig.folder / answer.name) == [float(i) for i in range(100)]
    rig.recorded(saved=answer.name, recording=False)


def test_a_fault_saves_by_itself(ros: RosHarness, tmp_path: Path) -> None:
    rig = Rig(ros, tmp_path / 'bags', **{'auto.after_s': 0.0})
    rig.publish(0, 10)
    status = ros.probe.create_publisher(TurretStatus, 'status', qos.STATUS)
    wait_until(lambda: status.get_subscription_count() == 2, 10.0, 'the subscriptions')
    own = Fault(node='bag', code=int(ReasonCode.STORAGE_FULL), severity=Fault.SEVERITY_ERROR)
    warning = Fault(node='camera', code=int(ReasonCode.NO_POSE), severity=Fault.SEVERITY_WARNING)
    status.publish(TurretStatus(faults=[own, warning]))
    status.wait_for_all_acked()
    seen = len(rig.states)
    wait_until(lambda: len(rig.states) > seen + 2, 10.0, 'further states')
    assert not rig.states[-1].saved
    status.publish(TurretStatus(faults=[
        Fault(node='camera', code=int(ReasonCode.CAMERA_LOST), severity=Fault.SEVERITY_ERROR)]))
    saved = wait_until(lambda: rig.states[-1].saved, 10.0, 'a saved bag')
    assert saved.startswith('auto_')
    assert saved.endswith('_fault_camera')
    assert positions(rig.folder / saved) == [float(i) for i in range(10)]


def test_a_shot_saves_by_itself(ros: RosHarness, tmp_path: Path) -> None:
    rig = Rig(ros, tmp_path / 'bags', **{'auto.after_s': 0.0})
    rig.publish(0, 10)
    laser = ros.probe.create_publisher(LaserState, 'laser/state', qos.STATE)
    wait_until(lambda: laser.get_subscription_count() == 2, 10.0, 'the subscriptions')
    for count in (3, 4):
        seen = len(rig.states)
        laser.publish(LaserState(fire_count=count))
        wait_until(lambda seen=seen: len(rig.states) > seen + 1, 10.0, 'further states')
    assert wait_until(lambda: rig.states[-1].saved, 10.0, 'a saved bag').endswith('_fire')


def test_bags_are_listed_renamed_and_deleted(rig: Rig) -> None:
    name = rig.start(selection='light').name
    rig.publish(0, 10)
    for busy in (rig.ros.call(DeleteBag, 'bag/delete', DeleteBag.Request(name=name)), rig.rename(name, 'other')):
        assert (busy.success, busy.code) == (False, ReasonCode.BUSY)
    rig.stop()
    (bag,) = rig.ros.call(ListBags, 'bag/list', ListBags.Request()).bags
    assert (bag.name, bag.complete, bag.messages >= 10) == (name, True, True)
    (rig.folder / 'taken').mkdir()
    refused = {new: rig.rename(name, new) for new in ('taken', 'auto_1', '../x', '', 'a/b', 'x' * 121, '\x1b[2J')}
    assert not any(answer.success for answer in refused.values())
    assert refused.pop('taken').code == ReasonCode.ALREADY_EXISTS
    assert {answer.code for answer in refused.values()} == {ReasonCode.INVALID_ARGUMENT}
    assert rig.rename('none', 'other').code == ReasonCode.NOT_FOUND
    assert rig.rename(name, 'door 1.5').success
    (renamed,) = rig.ros.call(ListBags, 'bag/list', ListBags.Request()).bags
    assert (renamed.name, renamed.complete, renamed.messages, renamed.size) == (
        'door 1.5', True, bag.messages, bag.size)
    with Bag(rig.folder / 'door 1.5') as renamed_bag:
        assert len(list(renamed_bag.messages())) == bag.messages
    assert rig.rename('door 1.5', name).success
    assert rig.ros.call(DeleteBag, 'bag/delete', DeleteBag.Request(name=name)).success
    assert rig.ros.call(ListBags, 'bag/list', ListBags.Request()).bags == []
    assert not (rig.folder / name).exists()


@pytest.mark.parametrize(('service', 'name', 'request_', 'code'), [
    (StartBag, 'bag/start', StartBag.Request(selection='everything'), ReasonCode.UNKNOWN_NAME),
    (StartBag, 'bag/start', StartBag.Request(label='../x'), ReasonCode.INVALID_ARGUMENT),
    (StartBag, 'bag/start', StartBag.Request(max_s=float('nan')), ReasonCode.NOT_FINITE),
    (StartBag, 'bag/start', StartBag.Request(max_s=-1.0), ReasonCode.OUT_OF_RANGE),
    (StopBag, 'bag/stop', StopBag.Request(), ReasonCode.NOT_READY),
    (SaveLast, 'bag/save_last', SaveLast.Request(duration_s=float('inf')), ReasonCode.NOT_FINITE),
    (SaveLast, 'bag/save_last', SaveLast.Request(duration_s=31.0), ReasonCode.OUT_OF_RANGE),
    (SaveLast, 'bag/save_last', SaveLast.Request(), ReasonCode.NOT_READY),
    (DeleteBag, 'bag/delete', DeleteBag.Request(name='../bags'), ReasonCode.INVALID_ARGUMENT),
    (DeleteBag, 'bag/delete', DeleteBag.Request(name='none'), ReasonCode.NOT_FOUND)],
    ids=lambda value: value.name if isinstance(value, ReasonCode) else '')
def test_refusals_change_nothing(
        ros: RosHarness, tmp_path: Path, service: Any, name: str, request_: Any, code: int) -> None:
    rig = Rig(ros, tmp_path / 'bags', **{'ring.selection': 'off'})
    answer = ros.call(service, name, request_)
    assert (answer.success, answer.code) == (False, code), answer.message
    assert not rig.states[-1].recording
    assert list(rig.folder.iterdir()) == []


def test_it_records_from_the_start_when_it_is_set_to(ros: RosHarness, tmp_path: Path) -> None:
    rig = Rig(ros, tmp_path / 'bags', record_on_start='light')
    wait_until(lambda: rig.states and rig.states[-1].recording, 10.0, 'a recording')
    assert rig.states[-1].name.endswith('_start')
    assert rig.start().code == ReasonCode.BUSY


def test_a_recording_from_the_start_that_cannot_be_is_reported(ros: RosHarness, tmp_path: Path) -> None:
    rig = Rig(ros, tmp_path / 'bags', record_on_start='light', min_free_mb=10**6)
    wait_until(lambda: rig.states and rig.states[-1].code == ReasonCode.STORAGE_FULL, 10.0, 'the reason')
    assert not rig.states[-1].recording


def test_one_recording_at_a_time(rig: Rig) -> None:
    name = rig.start().name
    again = rig.start()
    assert (again.success, again.code) == (False, ReasonCode.BUSY)
    assert rig.stop().name == name


def test_a_full_disk_is_refused(ros: RosHarness, tmp_path: Path) -> None:
    rig = Rig(ros, tmp_path / 'bags', min_free_mb=10**6)
    answer = rig.start()
    assert (answer.success, answer.code) == (False, ReasonCode.STORAGE_FULL)


def test_what_was_cut_off_is_recovered_at_the_start(ros: RosHarness, tmp_path: Path) -> None:
    BagWriter(tmp_path / 'bags' / 'cut').open()  # never closed
    rig = Rig(ros, tmp_path / 'bags')
    wait_until(lambda: rig.ros.call(ListBags, 'bag/list', ListBags.Request()).bags[0].complete, 10.0, 'a whole bag')


def test_the_parameters_of_the_nodes_are_kept(ros: RosHarness, tmp_path: Path) -> None:
    rig = Rig(ros, tmp_path / 'bags')

    def kept() -> Any:
        name = rig.start().name
        rig.stop()
        with Bag(rig.folder / name) as bag:
            events = [deserialize_message(m.data, ParameterEvent) for m in bag.messages(['/parameter_events'])]
            return bag.custom['turret.parameters'], [event for event in events if event.node == '/turret/bag']
    text, events = wait_until(lambda: (found := kept())[1] and found, 10.0, 'parameters')
    assert yaml.safe_load(text)['/**/bag']['ros__parameters']['ring.seconds'] == 30.0
    values = {parameter.name: parameter.value for parameter in events[0].new_parameters}
    assert values['ring.seconds'].double_value == 30.0
    assert 'use_sim_time' not in values


def test_passwords_in_addresses_are_left_out(ros: RosHarness) -> None:
    watch = ParameterWatch(ros.probe, [])
    value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value='rtsp://me:secret@10.0.0.1/x')
    watch.update('camera', [Parameter(name='url', value=value)])
    assert 'rtsp://10.0.0.1/x' in watch.text()
    assert b'secret' not in watch.events()[0]


def test_every_message_of_a_bag_is_decoded_by_other_libraries(ros: RosHarness, tmp_path: Path) -> None:
    rig = Rig(ros, tmp_path / 'bags')
    rig.publish(0, 50)

    def has_parameters() -> bool:
        rig.start(selection='all')
        with Bag(rig.folder / rig.stop().name) as bag:
            return bag.counts['/parameter_events'] > 0
    wait_until(has_parameters, 10.0, 'the parameters')
    name = rig.start(selection='all').name
    rig.publish(50, 50)
    rig.recorded(recording=True, name=name)
    rig.stop()
    decoded: dict[str, int] = {}
    with AnyReader([rig.folder / name]) as reader:
        for connection, _, data in reader.messages():
            reader.deserialize(data, connection.msgtype)  # refuses bytes behind a message
            decoded[connection.topic] = decoded.get(connection.topic, 0) + 1
    with (rig.folder / name / f'{name}_0.mcap').open('rb') as stream:
        for schema, channel, message in make_reader(stream, validate_crcs=True).iter_messages():
            assert schema is not None
            assert Codec(parse(schema.data.decode(), schema.name)).exact(message.data) == message.data, channel.topic
    assert {'/turret/joint_states', '/parameter_events', '/turret/bag/state'} <= decoded.keys()


def test_latched_messages_do_not_come_after_newer_ones(rig: Rig) -> None:
    laser = rig.ros.probe.create_publisher(LaserState, 'laser/state', qos.STATE)
    wait_until(lambda: laser.get_subscription_count() == 2, 10.0, 'the subscriptions')
    for i in range(5):
        name = rig.start().name
        rig.stop()
        for j in range(20):  # some of them wait in the middleware when the recording starts
            laser.publish(LaserState(fire_count=100 * i + j))
    with Bag(rig.folder / name) as bag:
        counts = [deserialize_message(m.data, LaserState).fire_count for m in bag.messages(['/turret/laser/state'])]
    assert counts == sorted(counts)


def test_a_publisher_that_comes_back_with_weaker_quality_of_service_is_recorded(
        ros: RosHarness, tmp_path: Path) -> None:
    rig = Rig(ros, tmp_path / 'bags')
    rig.start(selection='all')
    reliable = ros.probe.create_publisher(String, '/swap', QoSProfile(depth=5))
    wait_until(lambda: reliable.get_subscription_count() == 1, 10.0, 'a subscription')
    ros.probe.destroy_publisher(reliable)  # the number of publishers does not change
    weaker = ros.probe.create_publisher(String, '/swap', QoSProfile(
        depth=5, reliability=ReliabilityPolicy.BEST_EFFORT))
    wait_until(lambda: weaker.get_subscription_count() == 1, 10.0, 'a new subscription')

    def written() -> bool:
        weaker.publish(String(data='x'))
        with Bag(saved()) as bag:
            return bag.counts.get('/swap', 0) > 0

    def saved() -> Path:
        folder = rig.folder / rig.stop().name
        rig.start(selection='all')
        return folder
    wait_until(written, 20.0, 'a message of the new publisher')


def warnings(ros: RosHarness) -> list[str]:
    """Return the warnings in the log of the node so far."""
    if not hasattr(ros, 'log'):
        ros.log = ros.collect(Log, '/rosout', qos.profile(reliable=True, latched=True, depth=1000))
    return [entry.msg for entry in ros.log if entry.level == Log.WARN and entry.name == 'turret.bag']


def test_an_interrupted_recording_is_repaired_and_reported(ros: RosHarness, tmp_path: Path) -> None:
    writer = BagWriter(tmp_path / 'bags' / 'mine', (Topic('/a', 'std_msgs/msg/String', 'string data\n'),))
    writer.open()
    writer.write('/a', 1, b'\0\1\0\0\1\0\0\0\0')
    writer.flush()
    writer.abort()
    rig = Rig(ros, tmp_path / 'bags')
    state = rig.recorded(code=int(ReasonCode.RECORDING_FAILED))
    assert 'mine was interrupted; repaired mine: 1 messages' in state.message
    wait_until(lambda: any('repaired mine' in text for text in warnings(ros)), 10.0, 'a warning in the log')


def test_bags_of_other_programs_are_not_touched(ros: RosHarness, tmp_path: Path) -> None:
    folder = tmp_path / 'bags' / 'foreign'
    folder.mkdir(parents=True)
    with (folder / 'x.mcap').open('wb') as stream:
        writer = Writer(stream)
        writer.start('ros2', 'other recorder')
        writer.add_attachment(0, 0, 'notes', 'text/plain', b'mine')
        writer.flush()  # type: ignore[no-untyped-call]
    before = (folder / 'x.mcap').read_bytes()
    rig = Rig(ros, tmp_path / 'bags')
    rig.stop()  # the worker has answered: what it does at the start is done
    rig.ros.call(ListBags, 'bag/list', ListBags.Request())
    assert (folder / 'x.mcap').read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ['x.mcap']


@pytest.mark.parametrize('step_s', [3600.0, -3600.0])
def test_a_step_of_the_clock_is_an_event_in_the_bag(
        ros: RosHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_s: float) -> None:
    rig = Rig(ros, tmp_path / 'bags')
    events = ros.collect(Log, 'bag/events')
    name = rig.start().name
    rig.publish(0, 50)
    now = time.time
    monkeypatch.setattr('turret_bringup.bag_node.time.time', lambda: now() + step_s)
    event = wait_until(lambda: events and events[0], 10.0, 'an event')
    text = f'clock step of {step_s:+.0f}'
    assert event.msg.startswith(text)
    wait_until(lambda: any(text in entry for entry in warnings(ros)), 10.0, 'a warning in the log')
    rig.publish(50, 50)
    rig.recorded(recording=True, code=int(ReasonCode.OK))
    assert rig.states[-1].held_s < 60.0
    assert rig.states[-1].duration_s < 60.0
    assert rig.stop().success
    assert positions(rig.folder / name) == [float(i) for i in range(100)]
    with Bag(rig.folder / name) as bag:
        (mark,) = [deserialize_message(m.data, Log) for m in bag.messages(['/turret/bag/events'])]
    assert (mark.msg, mark.level) == (event.msg, Log.WARN)


def test_a_disk_that_does_not_answer_is_reported_and_costs_nothing_when_it_does(
        ros: RosHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_bringup.recording.recorder._STALLED_S', 0.5)
    rig = Rig(ros, tmp_path / 'bags')
    answers, write = threading.Event(), os.fdatasync

    def waiting(descriptor: int) -> None:
        assert answers.wait(60.0)
        write(descriptor)
    name = rig.start().name
    monkeypatch.setattr(os, 'fdatasync', waiting)
    rig.publish(0, 50)
    state = rig.recorded(code=int(ReasonCode.RECORDING_FAILED))
    assert 'the disk has not answered' in state.message
    assert state.recording
    rig.publish(50, 50)
    answers.set()
    rig.recorded(recording=True, code=int(ReasonCode.OK))
    assert rig.stop().success
    assert positions(rig.folder / name) == [float(i) for i in range(100)]


def test_marks_of_an_operator_are_in_the_bag(rig: Rig) -> None:
    name = rig.start().name
    answer = rig.ros.call(MarkBag, 'bag/mark', MarkBag.Request(text='here'))
    assert answer.success, answer.message
    assert rig.ros.call(MarkBag, 'bag/mark', MarkBag.Request(text='\x1b[2J')).code == ReasonCode.INVALID_ARGUMENT
    rig.recorded(recording=True, name=name)
    rig.stop()
    with Bag(rig.folder / name) as bag:
        marks = [deserialize_message(m.data, Log) for m in bag.messages(['/turret/bag/events'])]
    assert [(mark.msg, mark.level, mark.name) for mark in marks] == [('here', Log.INFO, '/turret/bag')]


def test_the_node_survives_the_loss_of_its_folder(rig: Rig) -> None:
    shutil.rmtree(rig.folder)
    rig.recorded(free_space=0)
    assert rig.ros.call(ListBags, 'bag/list', ListBags.Request()).success
    assert rig.start().code == ReasonCode.RECORDING_FAILED
    rig.folder.mkdir()
    assert rig.start().success


def test_a_bag_names_its_origin(rig: Rig) -> None:
    name = rig.start().name
    rig.stop()
    with Bag(rig.folder / name) as bag:
        assert bag.custom['turret.host'] == socket.gethostname()
        assert bag.custom['turret.version']
        assert bag.custom['turret.hardware']


def test_the_end_of_the_node_completes_the_bag(tmp_path: Path) -> None:
    with ros_harness() as ros:
        rig = Rig(ros, tmp_path / 'bags')
        name = rig.start().name
        rig.publish(0, 50)
        rig.recorded(recording=True, name=name)
    assert positions(rig.folder / name) == [float(i) for i in range(50)]
