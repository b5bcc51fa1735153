# SPDX-License-Identifier: Apache-2.0
"""Bags that are not in MCAP files: SQLite, compressed files, ROS 1; and the error without the library for them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bag_testing import START_NS
from foreign_files import COUNT, ros1, ros2
from rosbags.rosbag2 import CompressionMode, StoragePlugin
from rosbags.rosbag2 import Reader as Reader2

from turret_bringup.bags import foreign_storage
from turret_bringup.bags.check import findings
from turret_bringup.bags.library import BagLibrary
from turret_bringup.bags.messages import BagMessages
from turret_bringup.bags.metadata import BagError
from turret_bringup.bags.reader import Bag
from turret_bringup.bags.recovery import recover
from turret_bringup.cli import main
from turret_common.reason_codes import ReasonCode


def single_file(path: Path) -> Path:
    return next(ros2(path).glob('*.db3'))


KINDS: dict[str, Callable[[Path], Path]] = {
    'sqlite': ros2, 'one sqlite file': single_file,
    'compressed files': lambda path: ros2(path, mode=CompressionMode.FILE),
    'compressed messages': lambda path: ros2(path, mode=CompressionMode.MESSAGE),
    'compressed MCAP files': lambda path: ros2(path, StoragePlugin.MCAP, CompressionMode.FILE),
    'ros1': lambda path: ros1(path.with_suffix('.bag'))}


@pytest.fixture(params=KINDS)
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return KINDS[request.param](tmp_path / 'foreign')


def test_all_kinds_are_read_alike(foreign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_storage, '_PIECE_MESSAGES', 10)
    with Bag(foreign) as bag:
        assert bag.counts == {'/header': COUNT, '/text': COUNT}
        assert (bag.start_ns, bag.end_ns) == (START_NS, START_NS + (COUNT - 1) * 10**8)
        assert bag.topics['/header'].qos[0].durability == 'transient_local'
        decoder = BagMessages(bag)
        values = [(message.stamp_ns, message.topic, decoder.values(message)) for message in bag.messages()]
        assert [stamp for stamp, *_ in values] == sorted(stamp for stamp, *_ in values)
        assert [row[2] for row in values if row[1] == '/header'] == [
            {'stamp': {'sec': i, 'nanosec': 5}, 'frame_id': f'frame {i}'} for i in range(COUNT)]
        assert [row[2] for row in values if row[1] == '/text'] == [{'data': f'text {i}'} for i in range(COUNT)]
        assert decoder.notes() == []
        part = list(bag.messages(['/text'], START_NS + 10**9, START_NS + 2 * 10**9))
        assert [message.stamp_ns for message in part] == [START_NS + i * 10**8 for i in range(10, 20)]
        newest = bag.newest(['/header'], START_NS + 35 * 10**8 + 1)
        assert [message.stamp_ns for message in newest] == [START_NS + 35 * 10**8]


def test_commands_take_them(foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()}
    assert main(['bag', 'info', str(foreign)]) == 0
    assert list(findings(foreign)) == []
    assert main(['bag', 'export', str(foreign), '-o', str(tmp_path / 'tables')]) == 0
    assert len((tmp_path / 'tables' / 'text.csv').read_text().splitlines()) == COUNT + 1
    assert main(['bag', 'cut', str(foreign), '-o', str(tmp_path / 'as_mcap'), '--start', '1']) == 0
    with Bag(tmp_path / 'as_mcap') as bag:
        assert bag.is_mcap
        latched = 1 if foreign.suffix != '.bag' else 0  # of ROS 1 topics only the first is latched
        assert bag.counts == {'/header': COUNT - 10 + 1, '/text': COUNT - 10 + latched}
    assert main(['bag', 'recover', str(foreign)]) == 2
    assert 'left out' not in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before
    assert {path for path in foreign.parent.iterdir() if path.suffix in ('.db3-wal', '.db3-shm', '.orig')} == set()


def test_they_are_listed_as_whole(tmp_path: Path) -> None:
    ros2(tmp_path / 'x')
    (entry,) = BagLibrary(tmp_path).entries()
    assert (entry.messages, entry.complete) == (2 * COUNT, True)


def without_rosbags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_storage, 'find_spec', lambda _: None)


class ImitatedReader:
    """``rosbag2_py.SequentialReader``, as far as it is used; the library ``rosbags`` reads for it."""

    def open(self, storage: Any, _: Any) -> None:
        assert storage.storage_id == 'sqlite3'
        self._bag = Reader2(storage.uri)
        self._bag.open()

    def get_all_message_definitions(self) -> list[Any]:
        return [
            SimpleNamespace(
                topic_type=connection.msgtype, encoding='ros2msg', encoded_message_definition=connection.msgdef.data)
            for connection in self._bag.connections]

    def set_filter(self, wanted: Any) -> None:
        self._topics = wanted.topics

    def seek(self, stamp_ns: int) -> None:
        self._messages = [
            (connection.topic, data, stamp) for connection, stamp, data in self._bag.messages(start=stamp_ns)
            if connection.topic in self._topics]

    def has_next(self) -> bool:
        return bool(self._messages)

    def read_next(self) -> tuple[str, bytes, int]:
        return self._messages.pop(0)

    def close(self) -> None:
        self._bag.close()


def imitated_metadata(uri: str, _: str) -> Any:
    with Reader2(uri) as bag:
        return SimpleNamespace(
            compression_mode='', storage_identifier='sqlite3', message_count=bag.message_count,
            starting_time=SimpleNamespace(nanoseconds=bag.start_time),
            duration=SimpleNamespace(nanoseconds=bag.duration - 1),
            topics_with_message_count=[SimpleNamespace(
                message_count=connection.msgcount, topic_metadata=SimpleNamespace(
                    name=connection.topic, type=connection.msgtype, serialization_format='cdr',
                    type_description_hash=connection.digest)) for connection in bag.connections])


def test_a_ros_distribution_reads_them_with_rosbag2_py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an imitation of the module; its signatures are those of rosbag2_py of Jazzy."""
    without_rosbags(monkeypatch)
    monkeypatch.setattr(foreign_storage, 'has_rosbag2', lambda: True)
    monkeypatch.setattr(foreign_storage, '_PIECE_MESSAGES', 10)
    monkeypatch.setitem(sys.modules, 'rosbag2_py', SimpleNamespace(  # type: ignore[arg-type]
        SequentialReader=ImitatedReader, Info=lambda: SimpleNamespace(read_metadata=imitated_metadata),
        StorageOptions=lambda uri, storage_id: SimpleNamespace(uri=uri, storage_id=storage_id),
        ConverterOptions=lambda *_: None, StorageFilter=lambda topics: SimpleNamespace(topics=topics)))
    with Bag(ros2(tmp_path / 'x')) as bag:
        assert bag.counts == {'/header': COUNT, '/text': COUNT}
        assert bag.topics['/header'].qos[0].durability == 'transient_local'  # from metadata.yaml
        decoder = BagMessages(bag)
        assert [decoder.values(message) for message in bag.messages(['/text'])] == [
            {'data': f'text {i}'} for i in range(COUNT)]
        assert [message.stamp_ns for message in bag.newest(['/header'], START_NS + 35 * 10**8 + 1)] == [
            START_NS + 35 * 10**8]


def test_without_the_library_one_line_names_it(
        foreign: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    without_rosbags(monkeypatch)
    assert main(['bag', 'info', str(foreign)]) == 2
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert 'pip install rosbags' in error


@pytest.mark.parametrize(
    'content', [b'#ROSBAG V2.0\n', b'SQLite format 3\0' + bytes(2000), b'#ROSBAG V2.0\n' + b'x' * 5000])
def test_damage_is_one_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ('x.db3' if content.startswith(b'SQ') else 'x.bag')
    path.write_bytes(content)
    with pytest.raises(BagError) as caught, Bag(path):
        pass
    assert caught.value.code is ReasonCode.DAMAGED
    with pytest.raises(BagError):
        recover(path)
    assert path.read_bytes() == content
