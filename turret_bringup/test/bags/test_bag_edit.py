# SPDX-License-Identifier: Apache-2.0
"""New bags made of parts of others, the check of a bag, and damaged files through every command that reads."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from bag_mutations import GOLDEN, KINDS, run
from bag_testing import FLAG, START_NS, TEXT, cdr_string, stamps, write_bag
from foreign_files import OPTIONS, rich_file
from mcap.reader import make_reader
from rosbags.typesys import Stores, get_typestore

from turret_bringup.bags.check import findings
from turret_bringup.bags.edit import rewrite
from turret_bringup.bags.mcap_file import McapFile
from turret_bringup.bags.messages import namespace_of
from turret_bringup.bags.metadata import Qos, Topic
from turret_bringup.bags.reader import Bag
from turret_bringup.bags.writer import BagWriter
from turret_bringup.cli import main
from turret_bringup.replay.settings import recorded_parameters
from turret_common.messages.definitions import definition, type_hash

EVENTS = Topic(
    '/parameter_events', 'rcl_interfaces/msg/ParameterEvent', definition('rcl_interfaces/msg/ParameterEvent'),
    type_hash('rcl_interfaces/msg/ParameterEvent'))
SECOND_NS = 1_000_000_000
MAP = Topic('/map', 'std_msgs/msg/String', 'string data', qos=(Qos(durability='transient_local'),))


def read(path: Path) -> list[tuple[str, int]]:
    with Bag(path) as bag:
        return stamps(bag.messages())


def test_a_part_is_cut_out_with_the_latched_topics_before_it(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'a', (TEXT, FLAG, MAP), custom={'mine': 'kept'}) as writer:
        writer.write(MAP.name, START_NS, cdr_string('map'), START_NS - 5)
        for i in range(100):
            writer.write(TEXT.name, START_NS + i * SECOND_NS, cdr_string(str(i)), START_NS + i * SECOND_NS - 7)
            writer.write(FLAG.name, START_NS + i * SECOND_NS, b'\0\1\0\0\1')
    arguments = ['--start', '50', '--duration', '10', '--topics', '/chatter', '/map', '--split-s', '4']
    assert main(['bag', 'cut', str(tmp_path / 'a'), *arguments, '-o', str(tmp_path / 'b')]) == 0
    with Bag(tmp_path / 'b') as bag:
        messages = list(bag.messages())
        assert bag.topics == {TEXT.name: TEXT, MAP.name: MAP}
        assert bag.custom == {'mine': 'kept'}
        assert len(bag.paths) == 3
    text = [message for message in messages if message.topic == TEXT.name]
    assert (messages[0].topic, messages[0].data) == (MAP.name, cdr_string('map'))
    assert [message.stamp_ns for message in text] == [START_NS + i * SECOND_NS for i in range(50, 60)]
    assert text[0].published_ns == text[0].stamp_ns - 7


def test_nothing_is_lost_by_a_cut_but_what_it_says(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rich_file(tmp_path / 'x.mcap')
    assert main(['bag', 'cut', str(tmp_path / 'x.mcap'), '-o', str(tmp_path / 'b')]) == 0
    noted = capsys.readouterr().err
    assert '/json is left out' in noted
    with (tmp_path / 'b' / 'b_0.mcap').open('rb') as stream:
        reader = make_reader(stream, validate_crcs=True)
        assert [attachment.data for attachment in reader.iter_attachments()] == [b'not to be lost']
        assert {record.name for record in reader.iter_metadata()} == {'first', 'last', 'rosbag2'}
        schemas = {schema.name: schema.encoding for schema, _, _ in reader.iter_messages() if schema}
    assert schemas == {'std_msgs/msg/String': 'ros2msg', 'demo_msgs/msg/Demo': 'ros2idl'}


def test_a_cut_can_give_the_turret_another_namespace(tmp_path: Path) -> None:
    assert main(['bag', 'cut', str(GOLDEN), '-o', str(tmp_path / 'a'), '--rename-namespace', 'left/upper']) == 0
    with Bag(GOLDEN) as old, Bag(tmp_path / 'a') as new:
        assert namespace_of(new) == '/left/upper'
        assert {name.replace('/turret/', '/left/upper/', 1) for name in old.topics} == set(new.topics)
        assert [m.data for m in new.messages() if m.topic != '/parameter_events'] == [
            m.data for m in old.messages() if m.topic != '/parameter_events']
    assert main(['bag', 'layout', str(tmp_path / 'a'), '-o', str(tmp_path / 'layout')]) == 0
    texts = [path.read_text() for path in (tmp_path / 'layout').iterdir()]
    assert len(texts) == 2
    assert all('/left/upper/controller/' in text and '/turret/' not in text for text in texts)


def parameter_event(node: str, name: str, value: float, *, little_endian: bool = True) -> bytes:
    """Return a serialized event of one parameter."""
    types = get_typestore(Stores.ROS2_JAZZY)
    made = types.types
    parameter = made['rcl_interfaces/msg/Parameter'](name, made['rcl_interfaces/msg/ParameterValue'](
        3, False, 0, value, '', np.zeros(0, np.uint8), np.zeros(0, np.bool_), np.zeros(0, np.int64),
        np.zeros(0, np.float64), []))
    event = made[EVENTS.type](made['builtin_interfaces/msg/Time'](1, 2), node, [parameter], [], [])
    return bytes(types.serialize_cdr(event, EVENTS.type, little_endian=little_endian))


def write_events(folder: Path, *events: bytes) -> None:
    status = 'turret_msgs/msg/TurretStatus'
    with BagWriter(folder, (EVENTS, Topic('/turret/status', status, definition(status), type_hash(status)))) as writer:
        for event in events:
            writer.write(EVENTS.name, START_NS, event)


@pytest.mark.parametrize(('node', 'renamed'), [
    ('/turret/vision', '/left/upper/vision'), ('/turret/camera/lens', '/left/upper/camera/lens'),
    ('/turretx/vision', '/turretx/vision'), ('/other/turret/vision', '/other/turret/vision'), ('/turret', '/turret')])
@pytest.mark.parametrize('value', [1.5, math.nan, -math.inf])
@pytest.mark.parametrize('form', ['exact', 'followed by memory', 'big endian', 'cut off'])
def test_parameters_follow_their_node_into_another_namespace(
        tmp_path: Path, form: str, value: float, node: str, renamed: str) -> None:
    data = parameter_event(node, 'a.b', value, little_endian=form != 'big endian')
    data = data[:-7] if form == 'cut off' else data + b'\7' * 8 if form == 'followed by memory' else data
    write_events(tmp_path / 'a', data)
    rewrite([tmp_path / 'a'], tmp_path / 'b', namespace='left/upper')
    with Bag(tmp_path / 'b') as bag:
        (message,) = bag.messages()
    assert message.data == (data if form == 'cut off' else parameter_event(renamed, 'a.b', value))


def test_recorded_parameters_are_found_in_another_namespace(tmp_path: Path) -> None:
    write_events(tmp_path / 'a', *(parameter_event(f'/turret/{node}', 'x', 2.5) for node in ('vision', 'controller')))
    rewrite([tmp_path / 'a'], tmp_path / 'b', namespace='left/upper')
    with Bag(tmp_path / 'b') as bag:
        assert recorded_parameters(bag, '/left/upper') == {'vision': {'x': 2.5}, 'controller': {'x': 2.5}}


def test_a_bag_without_a_turret_has_no_namespace_to_change(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_bag(tmp_path / 'a')
    assert main(['bag', 'cut', str(tmp_path / 'a'), '-o', str(tmp_path / 'b'), '--rename-namespace', 'left']) == 2
    assert 'no topics of a turret' in capsys.readouterr().err
    assert not (tmp_path / 'b').exists()


def test_bags_are_merged_in_the_order_of_their_stamps(tmp_path: Path) -> None:
    first = write_bag(tmp_path / 'a', count=50)
    write_bag(tmp_path / 'b', count=80, period_ns=7_000_000)
    assert main(['bag', 'merge', str(tmp_path / 'a'), str(tmp_path / 'b'), '-o', str(tmp_path / 'c')]) == 0
    merged = read(tmp_path / 'c')
    assert len(merged) == 130
    assert [stamp for _, stamp in merged] == sorted(stamp for _, stamp in merged)
    assert read(tmp_path / 'a') == first


def test_a_merge_of_different_types_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_bag(tmp_path / 'a')
    with BagWriter(tmp_path / 'b', (Topic(TEXT.name, FLAG.type, FLAG.definition),)):
        pass
    assert main(['bag', 'merge', str(tmp_path / 'a'), str(tmp_path / 'b'), '-o', str(tmp_path / 'c')]) == 2
    assert 'another type' in capsys.readouterr().err
    assert not (tmp_path / 'c').exists()


def test_an_existing_bag_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = write_bag(tmp_path / 'a')
    assert main(['bag', 'cut', str(tmp_path / 'a'), '-o', str(tmp_path / 'a')]) == 2
    assert 'exists already' in capsys.readouterr().err
    assert read(tmp_path / 'a') == before


@pytest.mark.parametrize('command', ['cut', 'merge'])
def test_no_part_of_a_new_bag_is_left_where_a_bag_is_damaged(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    rich_file(tmp_path / 'x.mcap', **OPTIONS[2])
    data = bytearray((tmp_path / 'x.mcap').read_bytes())
    data[data.find(b'text 40')] ^= 1  # in a chunk far behind the beginning
    (tmp_path / 'x.mcap').write_bytes(data)
    assert main(['bag', command, str(tmp_path / 'x.mcap'), '-o', str(tmp_path / 'part')]) == 2
    assert 'checksum of a chunk' in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ['x.mcap']


def test_what_is_not_of_ros_is_noted_by_every_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rich_file(tmp_path / 'x.mcap')
    for command in (['export', '-o', 'tables'], ['cut', '-o', 'part'], ['check'], ['info']):
        main(['bag', command[0], str(tmp_path / 'x.mcap'), *command[1:2], *(
            str(tmp_path / name) for name in command[2:])])
        captured = capsys.readouterr()
        assert "messages in 'json', not 'cdr'" in captured.out + captured.err, command
        assert 'a second type, std_msgs/msg/Int32' in captured.out + captured.err, command


def test_bags_are_renamed_and_deleted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_bag(tmp_path / 'a')
    write_bag(tmp_path / 'b')
    folder = ['--folder', str(tmp_path)]
    assert main(['bag', 'rename', 'a', 'c', *folder]) == 0
    assert main(['bag', 'delete', 'b', 'c', *folder]) == 0
    assert main(['bag', 'delete', '../x', *folder]) == 2
    assert list(tmp_path.iterdir()) == []


# --- Check

def test_a_good_bag_has_no_findings(tmp_path: Path) -> None:
    write_bag(tmp_path / 'a')
    assert list(findings(tmp_path / 'a')) == []
    assert main(['bag', 'check', str(tmp_path / 'a')]) == 0


def test_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with BagWriter(tmp_path / 'a', (TEXT,)) as writer:
        for i in range(50):
            step_s = 3600 if i >= 30 else 0
            stamp = START_NS + i * 100_000_000 + step_s * SECOND_NS
            data = b'\0\1\0\0\xff\xff\xff\xff' if i == 7 else cdr_string(str(i))
            writer.write(TEXT.name, stamp, data, stamp - (1000 if i != 20 else 5 * SECOND_NS))
    text = '\n'.join(findings(tmp_path / 'a'))
    assert 'no messages for 3600 s at 2.9 s' in text
    assert '/chatter: 1 damaged messages' in text
    assert '/chatter: 1 messages were received before ones that were sent earlier' in text
    assert main(['bag', 'check', str(tmp_path / 'a')]) == 1
    with Bag(tmp_path / 'a') as bag, McapFile(bag.paths[0]) as mcap:
        mcap.read_index()
        end = mcap.pieces[0].end
    with (tmp_path / 'a' / 'a_0.mcap').open('r+b') as file:
        file.seek(end - 20)
        file.write(b'x' * 10)
    assert 'a_0.mcap is damaged' in '\n'.join(findings(tmp_path / 'a'))


def test_the_clock_steps_of_a_topic_are_counted_where_they_are_many(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'a', (TEXT,)) as writer:
        for i in range(100):
            writer.write(TEXT.name, START_NS + i, cdr_string('x'), START_NS - (i % 2) * SECOND_NS)
    found = [finding for finding in findings(tmp_path / 'a') if 'clock step' in finding]
    assert len(found) == 4
    assert found[-1] == '/chatter: 47 more clock steps'


def test_lost_messages_are_found(tmp_path: Path) -> None:
    rewrite([GOLDEN], tmp_path / 'a')
    assert not any('missing' in finding for finding in findings(tmp_path / 'a'))
    with Bag(GOLDEN) as bag, BagWriter(
            tmp_path / 'b', bag.topics.values(), custom={'turret.dropped': '3'}) as writer:
        commands = 0
        for message in bag.messages():
            commands += message.topic == '/turret/gimbal/command'
            if message.topic != '/turret/gimbal/command' or commands not in (50, 51, 90):
                writer.write(message.topic, message.stamp_ns, message.data, message.published_ns)
    text = '\n'.join(findings(tmp_path / 'b'))
    assert '/turret/gimbal/command: 3 messages are missing by their numbers' in text
    assert '3 messages were lost while it was recorded' in text


# --- Damaged files through the commands

COMMANDS = (['info'], ['check'], ['export', '-o', 'tables'], ['cut', '-o', 'part'], ['plot', '-o', 'p.svg'])


@pytest.mark.parametrize('kind', KINDS)
def test_mutated_files_give_one_line_and_change_nothing(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    found = run(kind, 2, 1, tmp_path)
    assert found.failures == []
    assert found.codes['info 0'] >= 1 or kind == 'killed'


def test_names_of_topics_are_escaped_on_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with BagWriter(tmp_path / 'a', (Topic('/a\x1b[31m\n', 'std_msgs/msg/\x1b]0;x\x07', 'string data'),)) as writer:
        writer.write('/a\x1b[31m\n', START_NS, cdr_string('x'))
    for command in COMMANDS:
        main(['bag', command[0], str(tmp_path / 'a'), *command[1:2], *(str(tmp_path / name) for name in command[2:])])
    captured = capsys.readouterr()
    assert '\x1b' not in captured.out + captured.err
    assert '\\x1b[31m\\n' in captured.out
