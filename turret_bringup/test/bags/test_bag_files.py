# SPDX-License-Identifier: Apache-2.0
"""Bags are written as rosbag2 does, read in order, and recovered after whatever happens to them."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import pytest
import yaml
import zstandard
from bag_testing import FLAG, START_NS, TEXT, cdr_string, stamps, write_bag
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.records import Chunk
from mcap.writer import CompressionType, IndexType, Writer
from rosbags.interfaces import Qos as RosbagsQos
from rosbags.interfaces import QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import Reader, StoragePlugin
from rosbags.rosbag2 import Writer as RosbagsWriter
from rosbags.typesys import Stores, get_typestore

from turret_bringup.bags import mcap_file
from turret_bringup.bags import reader as bag_reader
from turret_bringup.bags.completeness import is_complete
from turret_bringup.bags.metadata import MAGIC, BagError, Qos, Topic, parse, parse_qos
from turret_bringup.bags.reader import Bag
from turret_bringup.bags.recovery import recover
from turret_bringup.bags.writer import BagWriter
from turret_common.reason_codes import ReasonCode


def read(path: Path, **selection: object) -> list[tuple[str, int]]:
    with Bag(path) as bag:
        return stamps(bag.messages(**selection))  # type: ignore[arg-type]


def refusal(path: Path) -> BagError:
    """Return the error that opening and reading a bag gives."""
    with pytest.raises(BagError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    return caught.value


# --- Writing and reading

def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = write_bag(tmp_path / 'a')
    with Bag(tmp_path / 'a') as bag:
        messages = list(bag.messages())
        assert stamps(messages) == written
        assert messages[0].data == cdr_string('text 0')
        assert messages[4].type == 'std_msgs/msg/Bool'
        assert bag.topics == {TEXT.name: TEXT, FLAG.name: FLAG}
        assert bag.counts == {TEXT.name: 80, FLAG.name: 20}
        assert (bag.start_ns, bag.end_ns) == (START_NS, START_NS + 990_000_000)
        assert bag.size == (tmp_path / 'a' / 'a_0.mcap').stat().st_size


def test_a_single_file_is_a_bag_too(tmp_path: Path) -> None:
    assert write_bag(tmp_path / 'a') == read(tmp_path / 'a' / 'a_0.mcap')


def test_topics_and_times_select(tmp_path: Path) -> None:
    written = write_bag(tmp_path / 'a')
    assert read(tmp_path / 'a', topics=[FLAG.name, '/other']) == [m for m in written if m[0] == FLAG.name]
    begin, end = START_NS + 200_000_000, START_NS + 500_000_000
    assert read(tmp_path / 'a', start_ns=begin, end_ns=end) == [m for m in written if begin <= m[1] < end]


@pytest.mark.parametrize('limits', [{'split_s': 0.25}, {'split_bytes': 1500}])
def test_a_split_bag_is_read_as_one(tmp_path: Path, limits: dict[str, float]) -> None:
    written = write_bag(tmp_path / 'a', **limits)
    assert read(tmp_path / 'a') == written
    metadata = yaml.safe_load((tmp_path / 'a' / 'metadata.yaml').read_text())['rosbag2_bagfile_information']
    names = metadata['relative_file_paths']
    assert len(names) >= 3
    assert names == [f'a_{i}.mcap' for i in range(len(names))]
    assert sum(file['message_count'] for file in metadata['files']) == 100


@given(order=st.lists(st.integers(0, 50), max_size=60))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_messages_come_in_order_of_their_stamps(
        tmp_path_factory: pytest.TempPathFactory, order: list[int]) -> None:
    folder = tmp_path_factory.mktemp('order') / 'a'
    with BagWriter(folder, (TEXT,)) as bag:
        for i, stamp in enumerate(order):
            bag.write(TEXT.name, stamp, cdr_string(str(i)))
            if i % 7 == 6:
                bag.flush()
    with Bag(folder) as again:
        found = [(message.stamp_ns, message.data) for message in again.messages()]
    assert found == sorted(
        ((stamp, cdr_string(str(i))) for i, stamp in enumerate(order)), key=lambda message: message[0])


def test_an_empty_bag_is_one(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'a', (TEXT,)):
        pass
    with Bag(tmp_path / 'a') as bag:
        assert list(bag.messages()) == []
        assert (bag.topics, bag.duration_s) == ({TEXT.name: TEXT}, 0.0)


def test_a_bag_is_never_overwritten(tmp_path: Path) -> None:
    write_bag(tmp_path / 'a')
    with pytest.raises(BagError) as caught:
        write_bag(tmp_path / 'a')
    assert caught.value.code == ReasonCode.ALREADY_EXISTS


def test_custom_data_is_kept(tmp_path: Path) -> None:
    write_bag(tmp_path / 'a', custom={'turret.selection': 'light'})
    with Bag(tmp_path / 'a') as bag:
        assert bag.custom == {'turret.selection': 'light'}


# --- The other side: rosbags stands for all other programs that read and write rosbag2's format

def test_rosbags_reads_ours(tmp_path: Path) -> None:
    written = write_bag(tmp_path / 'a', split_s=0.5)
    store = get_typestore(Stores.ROS2_JAZZY)
    with Reader(tmp_path / 'a') as reader:
        messages = list(reader.messages())
        assert [(connection.topic, stamp) for connection, stamp, _ in messages] == written
        assert store.deserialize_cdr(messages[0][2], messages[0][0].msgtype).data == 'text 0'  # type: ignore[attr-defined]
        qos = {connection.topic: connection.ext.offered_qos_profiles[0] for connection in reader.connections}
        assert qos[FLAG.name].reliability == QosReliability.BEST_EFFORT
        assert reader.message_count == 100


@pytest.mark.parametrize('version', [8, 9])
def test_ours_reads_rosbags(tmp_path: Path, version: int) -> None:
    store = get_typestore(Stores.ROS2_JAZZY)
    never = QosTime(2**31 - 1, 0)
    latched = RosbagsQos(
        QosHistory.KEEP_LAST, 1, QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL, never, never,
        QosLiveliness.AUTOMATIC, never, False)
    with RosbagsWriter(tmp_path / 'b', version=version, storage_plugin=StoragePlugin.MCAP) as writer:  # type: ignore[arg-type]
        connection = writer.add_connection(
            '/chatter', 'std_msgs/msg/String', typestore=store, offered_qos_profiles=[latched])
        for i in range(5):
            writer.write(connection, START_NS + i, cdr_string(f'text {i}'))
    with Bag(tmp_path / 'b') as bag:
        messages = list(bag.messages())
        topic = bag.topics['/chatter']
    assert [message.data for message in messages] == [cdr_string(f'text {i}') for i in range(5)]
    assert topic.definition.startswith('string data')
    assert topic.type_hash.startswith('RIHS01_')
    assert (topic.qos[0].history, topic.qos[0].durability) == ('keep_last', 'transient_local')


def foreign_file(path: Path, **options: object) -> None:
    """Write an MCAP file as other recorders do."""
    with path.open('wb') as stream:
        writer = Writer(stream, **options)  # type: ignore[arg-type]
        writer.start('ros2')
        schema = writer.register_schema('std_msgs/msg/String', 'ros2msg', b'string data')
        channel = writer.register_channel('/chatter', 'cdr', schema)
        for i in (2, 0, 1):
            writer.add_message(channel, i, cdr_string(str(i)), i)
        writer.finish()


@pytest.mark.parametrize('options', [
    {'compression': CompressionType.LZ4}, {'compression': CompressionType.NONE}, {'use_chunking': False},
    {'repeat_channels': False}, {'index_types': IndexType.NONE}, {'use_statistics': False}], ids=str)
def test_files_of_other_recorders(tmp_path: Path, options: dict[str, object]) -> None:
    foreign_file(tmp_path / 'b.mcap', **options)
    assert read(tmp_path / 'b.mcap') == [('/chatter', 0), ('/chatter', 1), ('/chatter', 2)]


def test_qos_in_numbers_and_in_words() -> None:
    numbers = '- {history: 1, depth: 7, reliability: 2, durability: 1, deadline: {sec: 1, nsec: 5}}'
    parsed = Qos('keep_last', 7, 'best_effort', 'transient_local', 1_000_000_005, liveliness='unknown')
    assert parse_qos(numbers) == (parsed,)
    assert parse_qos([Qos().as_yaml()]) == (Qos(),)
    assert parse_qos('[{depth: much}, 3]')[0].depth == 0
    assert parse_qos('{') == parse_qos(None) == ()


# --- Damage, truncation, foreign and hostile files

def test_what_is_no_bag(tmp_path: Path) -> None:
    (tmp_path / 'text.mcap').write_text('not a bag at all, only words')
    (tmp_path / 'empty.mcap').touch()
    (tmp_path / 'folder').mkdir()
    assert refusal(tmp_path / 'nowhere').code == ReasonCode.NOT_FOUND
    assert refusal(tmp_path / 'folder').code == ReasonCode.NOT_FOUND
    assert refusal(tmp_path / 'text.mcap').code == ReasonCode.NOT_SUPPORTED
    assert refusal(tmp_path / 'empty.mcap').code == ReasonCode.NOT_SUPPORTED


def test_a_file_without_its_end_says_what_to_do(tmp_path: Path) -> None:
    write_bag(tmp_path / 'a')
    path = tmp_path / 'a' / 'a_0.mcap'
    os.truncate(path, path.stat().st_size - 20)
    assert 'recover' in refusal(tmp_path / 'a').message


@pytest.fixture(scope='module')
def whole_bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('whole') / 'a'
    write_bag(folder)
    return folder


def copied(whole_bag: Path, folder: Path) -> Path:
    """Put the files of a bag in place of whatever is in a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole_bag, folder)
    return folder


@given(data=st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_gives_a_clear_error_and_nothing_else(tmp_path: Path, whole_bag: Path, data: st.DataObject) -> None:
    folder = copied(whole_bag, tmp_path / 'a')
    path = folder / data.draw(st.sampled_from(['a_0.mcap', 'metadata.yaml']))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        begin = data.draw(st.integers(0, len(content) - 1))
        content[begin:begin + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    path.write_bytes(content)
    with contextlib.suppress(BagError):
        assert len(read(folder)) <= 100


@given(content=st.binary(max_size=300))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_between_right_ends(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp('bytes') / 'b.mcap'
    path.write_bytes(MAGIC + content + MAGIC)
    refusal(path)


@given(text=st.text(max_size=200))
@settings(max_examples=50, deadline=None)
def test_any_text_as_metadata(text: str) -> None:
    with pytest.raises(BagError):
        parse(text, 'metadata.yaml')


def with_metadata(folder: Path, **changes: object) -> Path:
    write_bag(folder)
    path = folder / 'metadata.yaml'
    document = yaml.safe_load(path.read_text())
    document['rosbag2_bagfile_information'] |= changes
    path.write_text(yaml.safe_dump(document))
    return folder


@pytest.mark.parametrize('name', ['../b/b_0.mcap', '/etc/passwd', '..', '', 'a/b', 'x\0y'])
def test_names_lead_nowhere_outside(tmp_path: Path, name: str) -> None:
    write_bag(tmp_path / 'b')
    assert refusal(with_metadata(tmp_path / 'a', relative_file_paths=[name])).code == ReasonCode.DAMAGED


def test_links_are_not_followed(tmp_path: Path) -> None:
    write_bag(tmp_path / 'b')
    write_bag(tmp_path / 'a')
    (tmp_path / 'a' / 'a_0.mcap').unlink()
    (tmp_path / 'a' / 'a_0.mcap').symlink_to(tmp_path / 'b' / 'b_0.mcap')
    assert refusal(tmp_path / 'a').code == ReasonCode.DAMAGED


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert 'gone.mcap' in refusal(with_metadata(tmp_path / 'a', relative_file_paths=['gone.mcap'])).message


@pytest.mark.parametrize(('changes', 'code'), [
    ({'storage_identifier': 'other'}, ReasonCode.NOT_SUPPORTED),
    ({'storage_identifier': 'sqlite3'}, ReasonCode.DAMAGED),
    ({'compression_mode': 'FILE'}, ReasonCode.DAMAGED)])
def test_metadata_of_another_storage_is_refused(tmp_path: Path, changes: dict[str, str], code: ReasonCode) -> None:
    assert refusal(with_metadata(tmp_path / 'a', **changes)).code == code


def chunk_file(path: Path, chunk: Chunk) -> None:
    """Write an MCAP file with one chunk as given and no summary."""
    from mcap.data_stream import RecordBuilder
    from mcap.records import DataEnd, Footer, Header
    builder = RecordBuilder()
    for record in (Header('ros2', ''), chunk, DataEnd(0), Footer(0, 0, 0)):
        record.write(builder)
    path.write_bytes(MAGIC + builder.end() + MAGIC)


LAUGHS = '\n'.join(
    ['a0: &a0 [x, x]', *(f'a{i}: &a{i} [*a{i - 1}, *a{i - 1}]' for i in range(1, 60))])
MERGES = '\n'.join(
    ['m0: &m0 {x: 1}', *(f'm{i}: &m{i} {{<<: [*m{i - 1}, *m{i - 1}]}}' for i in range(1, 60))])


@pytest.mark.parametrize('field', ['storage_identifier', 'compression_mode', 'ros_distro', 'relative_file_paths'])
def test_aliases_multiply_nothing(field: str) -> None:
    text = f'{LAUGHS}\nrosbag2_bagfile_information:\n  storage_identifier: mcap\n  {field}: *a59'
    with pytest.raises(BagError):
        parse(text, 'metadata.yaml')


def test_merge_keys_are_refused() -> None:
    with pytest.raises(BagError) as caught:
        parse(f'{MERGES}\nrosbag2_bagfile_information: *m59', 'metadata.yaml')
    assert caught.value.code == ReasonCode.DAMAGED
    assert parse_qos(f'{MERGES}\nq: *m59') == ()


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'pipe.mcap')
    refusal(tmp_path / 'pipe.mcap')
    (tmp_path / 'a').mkdir()
    os.mkfifo(tmp_path / 'a' / 'metadata.yaml')
    refusal(tmp_path / 'a')


@pytest.mark.parametrize('claimed', [10, 1 << 40])
def test_a_decompression_bomb_takes_no_memory(tmp_path: Path, claimed: int) -> None:
    bomb = zstandard.compress(bytes(mcap_file.RECORD_LIMIT + 1000))
    chunk_file(tmp_path / 'b.mcap', Chunk(
        compression='zstd', data=bomb, message_start_time=0, message_end_time=0, uncompressed_crc=0,
        uncompressed_size=claimed))
    assert refusal(tmp_path / 'b.mcap').code in (ReasonCode.DAMAGED, ReasonCode.TOO_LARGE)


def test_chunks_that_overlap_too_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with BagWriter(tmp_path / 'a', (TEXT,)) as bag:
        for i in range(10):
            bag.write(TEXT.name, i, cdr_string('x' * 1000))
            bag.write(TEXT.name, 100 + i, cdr_string('x' * 1000))
            bag.flush()
    assert len(read(tmp_path / 'a')) == 20
    monkeypatch.setattr(bag_reader, 'OVERLAP_LIMIT', 3000)
    assert refusal(tmp_path / 'a').code == ReasonCode.TOO_LARGE


# --- Recovery

def killed_bag(folder: Path, count: int = 95) -> list[tuple[str, int]]:
    """Leave a bag as a recorder does that was killed."""
    writer = BagWriter(folder, (TEXT, FLAG), custom={'a': 'b'})
    writer.open()
    written = []
    for i in range(count):
        writer.write(TEXT.name, START_NS + i, cdr_string(f'text {i}'))
        written.append((TEXT.name, START_NS + i))
        if i % 10 == 9:
            writer.flush()
    return written


def test_a_killed_recorder_leaves_all_that_was_flushed(tmp_path: Path) -> None:
    written = killed_bag(tmp_path / 'a')
    assert not is_complete(tmp_path / 'a')
    recovery = recover(tmp_path / 'a')
    assert recovery.rewritten == ('a_0.mcap',)
    assert recovery.messages == 90
    assert is_complete(tmp_path / 'a')
    assert read(tmp_path / 'a') == written[:90]
    with Reader(tmp_path / 'a') as reader:
        assert reader.message_count == 90
    with Bag(tmp_path / 'a') as bag:
        assert bag.custom == {'a': 'b'}
    assert sorted(path.name for path in (tmp_path / 'a').iterdir()) == ['a_0.mcap', 'metadata.yaml']


def test_a_whole_bag_is_left_alone(tmp_path: Path) -> None:
    write_bag(tmp_path / 'a', split_s=0.3)
    before = {path.name: path.read_bytes() for path in (tmp_path / 'a').glob('*.mcap')}
    assert recover(tmp_path / 'a').rewritten == ()
    assert {path.name: path.read_bytes() for path in (tmp_path / 'a').glob('*.mcap')} == before
    assert len(read(tmp_path / 'a')) == 100


def test_lost_metadata_is_made_again(tmp_path: Path) -> None:
    written = write_bag(tmp_path / 'a', split_s=0.3)
    before = yaml.safe_load((tmp_path / 'a' / 'metadata.yaml').read_text())
    (tmp_path / 'a' / 'metadata.yaml').unlink()
    recover(tmp_path / 'a')
    after = yaml.safe_load((tmp_path / 'a' / 'metadata.yaml').read_text())
    before['rosbag2_bagfile_information']['ros_distro'] = ''
    assert after == before
    assert read(tmp_path / 'a') == written


def test_a_damaged_chunk_costs_no_other(tmp_path: Path) -> None:
    written = write_bag(tmp_path / 'a')
    path = tmp_path / 'a' / 'a_0.mcap'
    with mcap_file.McapFile(path) as file:
        file.read_index()
        middle = file.pieces[5]
    content = bytearray(path.read_bytes())
    content[middle.end - 20] ^= 0xff
    path.write_bytes(content)
    recovery = recover(tmp_path / 'a')
    assert (recovery.kept, recovery.lost) == (('a_0.mcap.orig',), 1)
    assert (tmp_path / 'a' / 'a_0.mcap.orig').read_bytes() == content
    assert read(tmp_path / 'a') == written[:50] + written[60:]


@pytest.mark.parametrize('cut', [0, 30])
def test_a_damaged_record_head_costs_one_chunk(tmp_path: Path, cut: int) -> None:
    written = write_bag(tmp_path / 'a')
    path = tmp_path / 'a' / 'a_0.mcap'
    with mcap_file.McapFile(path) as file:
        file.read_index()
        middle = file.pieces[5]
    content = bytearray(path.read_bytes())
    content[middle.offset + 4] ^= 0xff  # in the length of the record
    if cut:
        content = content[:-cut]  # without the index
    path.write_bytes(content)
    recovery = recover(tmp_path / 'a')
    assert (recovery.kept, recovery.lost) == (('a_0.mcap.orig',), 1)
    assert (tmp_path / 'a' / 'a_0.mcap.orig').read_bytes() == content
    assert read(tmp_path / 'a') == written[:50] + written[60:]


@given(cut=st.integers(0, 3000))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_cut_anywhere_can_be_recovered(tmp_path: Path, whole_bag: Path, cut: int) -> None:
    folder = copied(whole_bag, tmp_path / 'a')
    path = folder / 'a_0.mcap'
    os.truncate(path, min(cut, path.stat().st_size))
    recover(folder)
    found = read(folder)
    assert found == read(whole_bag)[:len(found)]
    assert len(found) % 10 == 0


def test_nothing_to_recover(tmp_path: Path) -> None:
    (tmp_path / 'a').mkdir()
    for path in (tmp_path / 'a', tmp_path / 'nowhere'):
        with pytest.raises(BagError) as caught:
            recover(path)
        assert caught.value.code == ReasonCode.NOT_FOUND


def test_recovery_survives_recovery_being_killed(tmp_path: Path) -> None:
    killed_bag(tmp_path / 'a')
    shutil.copy(tmp_path / 'a' / 'a_0.mcap', tmp_path / 'a' / 'a_0.mcap.part')
    assert recover(tmp_path / 'a').messages == 90


def test_a_topic_may_come_later(tmp_path: Path) -> None:
    late = Topic('/late', 'std_msgs/msg/String', 'string data\n')
    with BagWriter(tmp_path / 'a', (TEXT,)) as bag:
        bag.write(TEXT.name, 1, cdr_string('a'))
        bag.flush()
        bag.add_topic(late)
        bag.add_topic(late)
        bag.write(late.name, 2, cdr_string('b'))
    assert read(tmp_path / 'a') == [(TEXT.name, 1), (late.name, 2)]
