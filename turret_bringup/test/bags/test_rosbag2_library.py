# SPDX-License-Identifier: Apache-2.0
"""Bags without the library ``mcap``: read and written by an imitation of ``rosbag2_py`` of a ROS distribution."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import imitated_rosbag2
import pytest
from bag_testing import FLAG, START_NS, TEXT, cdr_string, stamps, write_bag
from foreign_files import ros1
from rosbags.rosbag2 import Reader

from turret_bringup.bags import foreign_storage, libraries
from turret_bringup.bags.check import findings
from turret_bringup.bags.completeness import is_being_written, is_complete
from turret_bringup.bags.library import BagLibrary
from turret_bringup.bags.messages import BagMessages
from turret_bringup.bags.metadata import BagError, Qos, Topic
from turret_bringup.bags.reader import Bag
from turret_bringup.bags.ros_rosbag2 import Rosbag2FileWriter
from turret_bringup.bags.writer import BagWriter
from turret_bringup.cli import main
from turret_bringup.recording.recorder import BagRecorder, Limits
from turret_bringup.settings.configuration import compose
from turret_common.reason_codes import ReasonCode
from turret_common.testing.waiting import wait_until

MAP = Topic('/map', 'std_msgs/msg/String', 'string data\n', qos=(Qos(durability='transient_local'),))


@pytest.fixture(autouse=True)
def distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it look as if ``rosbag2_py`` were installed, and the libraries for bags were not."""
    monkeypatch.setitem(sys.modules, 'rosbag2_py', imitated_rosbag2)
    monkeypatch.setattr(libraries, 'find_spec', {'rosbag2_py': object()}.get)
    monkeypatch.setattr(foreign_storage, 'find_spec', lambda _: None)


def test_bags_are_written_and_read(tmp_path: Path) -> None:
    written = write_bag(tmp_path / 'x', split_s=0.3, custom={'turret.namespace': 'turret'})
    with Bag(tmp_path / 'x') as bag:
        assert stamps(bag.messages()) == written
        assert bag.custom == {'turret.namespace': 'turret'}
        assert (bag.topics['/chatter'].type_hash, bag.topics['/flag'].qos) == (TEXT.type_hash, FLAG.qos)
        decoder = BagMessages(bag)
        assert [decoder.values(message) for message in bag.messages(['/chatter'])][:2] == [
            {'data': 'text 0'}, {'data': 'text 1'}]
    assert list(findings(tmp_path / 'x')) == []
    assert is_complete(tmp_path / 'x')
    assert sorted(path.name for path in (tmp_path / 'x').iterdir()) == [
        'metadata.yaml', 'x_0.mcap', 'x_1.mcap', 'x_2.mcap', 'x_3.mcap']


def test_bags_are_read_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write_bag(tmp_path / 'x', split_s=0.3)
    with Reader(tmp_path / 'x') as reader:
        assert [(connection.topic, stamp) for connection, stamp, _ in reader.messages()] == written
    monkeypatch.undo()
    with Bag(tmp_path / 'x') as bag:
        assert bag.is_mcap
        assert stamps(bag.messages()) == written
    with Bag(tmp_path / 'x' / 'x_1.mcap') as bag:
        assert bag.messages_total == 30


def test_single_files_are_read(tmp_path: Path) -> None:
    write_bag(tmp_path / 'x')
    with Bag(tmp_path / 'x' / 'x_0.mcap') as bag:
        assert bag.messages_total == 100


def test_each_file_begins_with_the_latched_messages(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'x', (TEXT, MAP), split_s=1.0) as writer:
        writer.write('/map', START_NS, cdr_string('the map'))
        for i in range(3):
            writer.write('/chatter', START_NS + i * 2 * 10**9, cdr_string('text'))
    for number in range(3):
        with Bag(tmp_path / 'x' / f'x_{number}.mcap') as bag:
            assert bag.counts['/map'] == 1


def recorder_of(folder: Path) -> BagRecorder:
    return BagRecorder(BagWriter(folder, (TEXT,)), Limits(0.0, 1, 1 << 24), lambda: None, flush_s=0.02)


def recorded(recorder: BagRecorder, count: int, size: int = 1000) -> None:
    """Offer messages, and wait until some of them are on the disk."""
    for i in range(count):
        recorder.offer('/chatter', START_NS + i, cdr_string('x' * size), START_NS + i)
    wait_until(lambda: recorder.progress.messages > 0, 30.0, 'messages on the disk')


def test_a_recording_is_locked_and_counts_what_is_on_the_disk(tmp_path: Path) -> None:
    recorder = recorder_of(tmp_path / 'x')
    recorder.start()
    recorded(recorder, 1000)
    assert is_being_written(tmp_path / 'x')
    assert 0 < recorder.progress.messages < 1000  # an unfinished chunk is not
    assert BagLibrary(tmp_path).entries() == []
    recorder.stop()
    assert (recorder.progress.messages, recorder.progress.ended) == (1000, None)
    (entry,) = BagLibrary(tmp_path).entries()
    assert (entry.messages, entry.complete) == (1000, True)


def test_a_renamed_folder_stops_the_recording_and_keeps_it(tmp_path: Path) -> None:
    recorder = recorder_of(tmp_path / 'x')
    recorder.start()
    recorded(recorder, 1000)
    (tmp_path / 'x').rename(tmp_path / 'y')
    wait_until(lambda: not recorder.progress.active, 30.0, 'the end of the recording')
    assert recorder.progress.ended is not None
    assert recorder.progress.ended.code is ReasonCode.RECORDING_FAILED
    assert not (tmp_path / 'x').exists()
    with Bag(tmp_path / 'y' / 'x_0.mcap') as bag:
        assert bag.messages_total == 1000


def test_an_error_of_rosbag2_is_a_fault_and_releases_the_bag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = recorder_of(tmp_path / 'x')
    recorder.start()
    recorded(recorder, 1000)

    def fail(*_: object) -> None:
        raise RuntimeError('write failed')
    monkeypatch.setattr(imitated_rosbag2.SequentialWriter, 'write', fail)
    recorder.offer('/chatter', START_NS, cdr_string('x'), START_NS)
    wait_until(lambda: not recorder.progress.active, 30.0, 'the end of the recording')
    assert recorder.progress.ended is not None
    assert recorder.progress.ended.message == 'recording failed: write failed'
    assert not is_being_written(tmp_path / 'x')


def test_an_interrupted_recording_is_named_with_the_command_that_repairs_it(tmp_path: Path) -> None:
    write_bag(tmp_path / 'x', custom={'turret.namespace': 'turret'})
    os.truncate(tmp_path / 'x' / 'x_0.mcap', 2000)
    write_bag(tmp_path / 'whole', custom={'turret.namespace': 'turret'})
    write_bag(tmp_path / 'of_another')
    ((name, result),) = BagLibrary(tmp_path).recover()
    assert name == 'x'
    assert result == f'repair it with: ros2 bag reindex -s mcap "{tmp_path / "x"}"'


def test_commands_take_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_bag(tmp_path / 'x')
    assert main(['bag', 'info', str(tmp_path / 'x')]) == 0
    assert main(['bag', 'check', str(tmp_path / 'x')]) == 0
    assert main(['bag', 'export', str(tmp_path / 'x'), '-o', str(tmp_path / 'tables')]) == 0
    assert main(['bag', 'cut', str(tmp_path / 'x'), '--start', '0.5', '-o', str(tmp_path / 'part')]) == 0
    assert main(['bag', 'merge', str(tmp_path / 'x'), str(tmp_path / 'part'), '-o', str(tmp_path / 'both')]) == 0
    with Bag(tmp_path / 'both') as bag:
        assert bag.messages_total == 150
    assert 'turret:' not in capsys.readouterr().err


def test_a_ros_1_bag_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BagError) as caught, Bag(ros1(tmp_path / 'x.bag')):
        pass
    assert caught.value.code is ReasonCode.NOT_SUPPORTED


def test_a_file_that_exists_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / 'x_0.mcap'
    path.write_bytes(b'earlier')
    writer = Rosbag2FileWriter(path, -1)
    with pytest.raises(FileExistsError):
        writer.open()
    writer.abort()
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [('x_0.mcap', b'earlier')]


def test_the_node_bag_is_started() -> None:
    config = compose('turret')
    assert 'bag' in [spec.name for spec in config.nodes]
    assert not any('no bags' in note for note in config.notes)
