# SPDX-License-Identifier: Apache-2.0
"""Files of other recorders: read as far as they can be, repaired without loss, left alone where they are whole."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest
import yaml
import zstandard
from bag_testing import START_NS, TEXT, cdr_string, write_bag
from foreign_files import FLUSHED, IDL, OPTIONS, rich_file
from mcap.data_stream import ReadDataStream, RecordBuilder
from mcap.opcode import Opcode
from mcap.reader import make_reader
from mcap.records import Attachment, Channel, Chunk, DataEnd, Footer, Header, Message, Metadata, Schema
from mcap.stream_reader import StreamReader
from mcap.writer import IndexType, Writer

from turret_bringup.bags import mcap_file
from turret_bringup.bags.mcap_file import McapFile, Piece
from turret_bringup.bags.mcap_writer import serialized
from turret_bringup.bags.metadata import MAGIC, BagError, Topic
from turret_bringup.bags.reader import Bag
from turret_bringup.bags.recovery import is_own, recover
from turret_bringup.bags.writer import BagWriter
from turret_common.messages.definitions import definition, type_hash
from turret_common.reason_codes import ReasonCode


def content(path: Path) -> list[tuple[object, ...]]:
    """Return everything in the data section as the mcap library reads it, with what messages belong to."""
    schemas: dict[int, Schema] = {}
    channels: dict[int, Channel] = {}
    found: list[tuple[object, ...]] = []
    with path.open('rb') as stream:
        for record in StreamReader(stream, validate_crcs=True).records:
            if isinstance(record, Schema):
                schemas[record.id] = record
            elif isinstance(record, Channel):
                channels[record.id] = record
            elif isinstance(record, Message):
                channel = channels[record.channel_id]
                schema = schemas.get(channel.schema_id)
                found.append((
                    channel.topic, channel.message_encoding, tuple(channel.metadata.items()),
                    schema and (schema.name, schema.encoding, schema.data), record.sequence, record.log_time,
                    record.publish_time, record.data))
            elif isinstance(record, (Attachment, Metadata)):
                found.append((repr(record),))
            elif isinstance(record, DataEnd):
                break
    return found


CUTS: dict[str, Callable[[bytes], bytes]] = {
    'no footer': lambda data: data[:-20], 'in the data': lambda data: data[:len(data) * 2 // 3],
    'summary destroyed': lambda data: data[:-60] + bytes(30) + data[-30:]}


@pytest.mark.parametrize('options', OPTIONS, ids=str)
@pytest.mark.parametrize('cut', CUTS)
def test_a_repair_loses_nothing_of_a_foreign_file(tmp_path: Path, cut: str, options: dict[str, object]) -> None:
    rich_file(tmp_path / 'whole.mcap', **options)
    folder = tmp_path / 'd'
    folder.mkdir()
    damaged = CUTS[cut]((tmp_path / 'whole.mcap').read_bytes())
    (folder / 'x.mcap').write_bytes(damaged)
    recovery = recover(folder)
    assert recovery.rewritten == ('x.mcap',)
    assert (folder / 'x.mcap.orig').read_bytes() == damaged
    whole, repaired = content(tmp_path / 'whole.mcap'), content(folder / 'x.mcap')
    assert repaired == whole[:len(repaired)]
    assert len(repaired) == len(whole) if cut != 'in the data' else len(repaired) > len(whole) // 2
    with (folder / 'x.mcap').open('rb') as stream:  # by the index too
        reader = make_reader(stream, validate_crcs=True)
        assert reader.get_header().library == 'other recorder 1.0'
        assert [attachment.data for attachment in reader.iter_attachments()] == [b'not to be lost']
        assert len(list(reader.iter_metadata())) == sum('Metadata' in str(row[0]) for row in repaired)
        assert len(list(reader.iter_messages())) == sum(len(row) > 1 for row in repaired)


def test_a_single_file_is_repaired(tmp_path: Path) -> None:
    rich_file(tmp_path / 'x.mcap')
    os.truncate(tmp_path / 'x.mcap', (tmp_path / 'x.mcap').stat().st_size - 20)
    assert recover(tmp_path / 'x.mcap').rewritten == ('x.mcap',)
    with Bag(tmp_path / 'x.mcap') as bag:
        assert bag.messages_total == 2 * (FLUSHED + 10)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['x.mcap', 'x.mcap.orig']


def test_what_is_whole_is_left_alone(tmp_path: Path) -> None:
    rich_file(tmp_path / 'x.mcap')
    before = (tmp_path / 'x.mcap').read_bytes()
    assert recover(tmp_path / 'x.mcap').rewritten == ()
    recover(tmp_path)
    metadata = (tmp_path / 'metadata.yaml').read_text()
    old = metadata.replace('version: 9', 'version: 8').replace("type_description_hash: ''", 'type_description_hash: x')
    (tmp_path / 'metadata.yaml').write_text(old)
    recovery = recover(tmp_path)
    assert (recovery.rewritten, recovery.kept) == ((), ())
    assert (tmp_path / 'x.mcap').read_bytes() == before
    assert (tmp_path / 'metadata.yaml').read_text() == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ['metadata.yaml', 'x.mcap']


def test_metadata_that_only_the_old_file_has_is_kept(tmp_path: Path) -> None:
    rich_file(tmp_path / 'x.mcap')
    recover(tmp_path)
    path = tmp_path / 'metadata.yaml'
    document = yaml.safe_load(path.read_text())
    information = document['rosbag2_bagfile_information']
    information['relative_file_paths'] = ['gone.mcap']
    for topic in information['topics_with_message_count']:
        topic['topic_metadata']['type_description_hash'] = 'RIHS01_' + '3' * 64
    path.write_text(yaml.safe_dump(document))
    old = path.read_text()
    assert recover(tmp_path).kept == ('metadata.yaml.orig',)
    assert (tmp_path / 'metadata.yaml.orig').read_text() == old
    again = yaml.safe_load(path.read_text())['rosbag2_bagfile_information']
    assert again['relative_file_paths'] == ['x.mcap']
    assert {topic['topic_metadata']['type_description_hash'] for topic in again['topics_with_message_count']} == {
        'RIHS01_' + '3' * 64}


@pytest.mark.parametrize('metadata', [True, False])
def test_other_storages_are_refused(tmp_path: Path, metadata: bool) -> None:
    rich_file(tmp_path / 'x.mcap')
    (tmp_path / 'y_0.db3').write_bytes(b'SQLite format 3\0')
    if metadata:
        (tmp_path / 'metadata.yaml').write_text(yaml.safe_dump({'rosbag2_bagfile_information': {
            'storage_identifier': 'sqlite3', 'relative_file_paths': ['y_0.db3']}}))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(BagError) as caught:
        recover(tmp_path)
    assert caught.value.code == ReasonCode.NOT_SUPPORTED
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_that_another_program_writes_is_left_alone(tmp_path: Path) -> None:
    rich_file(tmp_path / 'x.mcap')
    os.truncate(tmp_path / 'x.mcap', (tmp_path / 'x.mcap').stat().st_size - 20)
    before = (tmp_path / 'x.mcap').read_bytes()
    writer = subprocess.Popen(
        [sys.executable, '-c', 'import sys; f = open(sys.argv[1], "ab"); print("open", flush=True); sys.stdin.read()',
         tmp_path / 'x.mcap'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(BagError) as caught:
            recover(tmp_path / 'x.mcap')
        assert caught.value.code == ReasonCode.BUSY
        assert (tmp_path / 'x.mcap').read_bytes() == before
    finally:
        writer.communicate()
    assert recover(tmp_path / 'x.mcap').rewritten == ('x.mcap',)


def test_a_hole_of_zeros_costs_only_what_is_in_it(tmp_path: Path) -> None:
    rich_file(tmp_path / 'whole.mcap')
    data = bytearray((tmp_path / 'whole.mcap').read_bytes())
    begin = len(data) // 3
    data[begin:begin + 2000] = bytes(2000)
    (tmp_path / 'x.mcap').write_bytes(data)
    recovery = recover(tmp_path / 'x.mcap')
    assert recovery.lost >= 1
    assert (tmp_path / 'x.mcap.orig').read_bytes() == data
    whole, repaired = content(tmp_path / 'whole.mcap'), content(tmp_path / 'x.mcap')
    rest = iter(whole)
    assert all(row in rest for row in repaired)  # in order, nothing invented
    with mcap_file.McapFile(tmp_path / 'whole.mcap') as file:
        file.read_index()
        hit = sum(piece.offset < begin + 2000 and piece.end > begin for piece in file.pieces)
    assert len(whole) - len(repaired) <= 4 * (hit + 1)


def test_a_destroyed_beginning_costs_only_itself(tmp_path: Path) -> None:
    write_bag(tmp_path / 'a')
    path = tmp_path / 'a' / 'a_0.mcap'
    path.write_bytes(bytes(300) + path.read_bytes()[300:])
    assert recover(tmp_path / 'a').messages == 90
    with Bag(tmp_path / 'a') as bag:
        assert len(list(bag.messages())) == 90


def test_a_chunk_that_is_too_large_is_not_damage(tmp_path: Path) -> None:
    with (tmp_path / 'x.mcap').open('wb') as stream:
        writer = Writer(stream, chunk_size=mcap_file.RECORD_LIMIT * 2)
        writer.start('ros2')
        schema = writer.register_schema('std_msgs/msg/String', 'ros2msg', b'string data')
        channel = writer.register_channel('/chatter', 'cdr', schema)
        for i in range(2):
            writer.add_message(channel, i, cdr_string('x' * (mcap_file.RECORD_LIMIT // 2)), i)
        writer.finish()  # type: ignore[no-untyped-call]
    before = (tmp_path / 'x.mcap').stat().st_mtime_ns
    assert recover(tmp_path / 'x.mcap').rewritten == ()
    assert (tmp_path / 'x.mcap').stat().st_mtime_ns == before
    with Bag(tmp_path / 'x.mcap') as bag, pytest.raises(BagError) as caught:
        list(bag.messages())
    assert caught.value.code == ReasonCode.TOO_LARGE


def test_nothing_is_changed_where_the_copy_cannot_be_written(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rich_file(tmp_path / 'x.mcap')
    os.truncate(tmp_path / 'x.mcap', (tmp_path / 'x.mcap').stat().st_size - 20)
    before = (tmp_path / 'x.mcap').read_bytes()

    def full(_: int) -> None:
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(BagError) as caught:
        recover(tmp_path / 'x.mcap')
    assert caught.value.code == ReasonCode.STORAGE_FULL
    assert (tmp_path / 'x.mcap').read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ['x.mcap']


def test_the_recorder_is_known_by_the_library_in_the_header(tmp_path: Path) -> None:
    write_bag(tmp_path / 'a')
    (tmp_path / 'b').mkdir()
    rich_file(tmp_path / 'b' / 'b_0.mcap')
    assert is_own(tmp_path / 'a')
    assert not is_own(tmp_path / 'b')
    shutil.copy(tmp_path / 'b' / 'b_0.mcap', tmp_path / 'a' / 'x_1.mcap')
    assert not is_own(tmp_path / 'a')


# --- Reading

def test_what_can_be_read_is_read_and_the_rest_is_noted(tmp_path: Path) -> None:
    rich_file(tmp_path / 'x.mcap')
    with Bag(tmp_path / 'x.mcap') as bag:
        assert {topic.name: topic.type for topic in bag.topics.values()} == {
            '/chatter': 'std_msgs/msg/String', '/demo': 'demo_msgs/msg/Demo'}
        assert set(bag.left_out) == {'/json', '/chatter'}
        messages = list(bag.messages(['/chatter']))
    assert len(messages) == FLUSHED + 10
    assert {message.data[:5] for message in messages} == {cdr_string('text 0')[:5], cdr_string('text 10')[:5]}


@pytest.mark.parametrize('options', [
    {'repeat_channels': True, 'repeat_schemas': False}, {'index_types': IndexType.CHUNK},
    {'use_summary_offsets': False}, {'enable_crcs': False}, {'enable_data_crcs': True}], ids=str)
def test_summaries_of_all_kinds(tmp_path: Path, options: dict[str, object]) -> None:
    rich_file(tmp_path / 'x.mcap', **options)
    with Bag(tmp_path / 'x.mcap') as bag:
        assert len(list(bag.messages())) == 2 * (FLUSHED + 10)


def test_a_channel_without_a_schema_is_left_out(tmp_path: Path) -> None:
    with (tmp_path / 'x.mcap').open('wb') as stream:
        writer = Writer(stream)
        writer.start('ros2')
        schema = writer.register_schema('std_msgs/msg/String', 'ros2msg', b'string data')
        for topic, number in (('/chatter', schema), ('/bare', 0)):
            writer.add_message(writer.register_channel(topic, 'cdr', number), 1, cdr_string('a'), 1)
        writer.finish()  # type: ignore[no-untyped-call]
    with Bag(tmp_path / 'x.mcap') as bag:
        assert list(bag.topics) == ['/chatter']
        assert '/bare' in bag.left_out
        assert len(list(bag.messages())) == 1
    os.truncate(tmp_path / 'x.mcap', (tmp_path / 'x.mcap').stat().st_size - 10)
    recover(tmp_path / 'x.mcap')
    assert len(content(tmp_path / 'x.mcap')) == 2


def test_only_foreign_messages_are_refused(tmp_path: Path) -> None:
    with (tmp_path / 'x.mcap').open('wb') as stream:
        writer = Writer(stream)
        writer.start('ros1')
        writer.add_message(writer.register_channel('/a', 'ros1', 0), 1, b'', 1)
        writer.finish()  # type: ignore[no-untyped-call]
    with pytest.raises(BagError) as caught, Bag(tmp_path / 'x.mcap'):
        pass
    assert caught.value.code == ReasonCode.NOT_SUPPORTED
    assert "'ros1'" in caught.value.message


@pytest.mark.parametrize('compression', ['zstd', 'lz4'])
def test_chunks_of_several_frames(tmp_path: Path, compression: str) -> None:
    compress = zstandard.compress if compression == 'zstd' else lz4.frame.compress
    builder = RecordBuilder()
    for record in (Schema(1, b'string data', 'ros2msg', 'std_msgs/msg/String'), Channel(1, '/a', 'cdr', {}, 1)):
        _write(record, builder)
    parts = [builder.end()]  # type: ignore[no-untyped-call]
    for i in range(3):
        Message(1, i, cdr_string(f'text {i}'), i, i).write(builder)
        parts.append(builder.end())  # type: ignore[no-untyped-call]
    chunk = Chunk(
        compression=compression, data=b''.join(compress(part) for part in parts), message_start_time=0,
        message_end_time=2, uncompressed_crc=0, uncompressed_size=sum(map(len, parts)))
    for record in (Header('ros2', ''), chunk, DataEnd(0), Footer(0, 0, 0)):
        _write(record, builder)
    (tmp_path / 'x.mcap').write_bytes(MAGIC + builder.end() + MAGIC)  # type: ignore[no-untyped-call]
    with Bag(tmp_path / 'x.mcap') as bag:
        assert [message.data for message in bag.messages()] == [cdr_string(f'text {i}') for i in range(3)]


def _write(record: object, builder: RecordBuilder) -> None:
    record.write(builder)  # type: ignore[attr-defined]


@pytest.mark.parametrize('damage', ['summary crc', 'footer', 'beyond'])
def test_footers_and_checksums_are_checked(tmp_path: Path, damage: str) -> None:
    rich_file(tmp_path / 'x.mcap')
    data = bytearray((tmp_path / 'x.mcap').read_bytes())
    if damage == 'summary crc':
        data[-12] ^= 1
    elif damage == 'footer':
        data[-37] ^= 1
    else:
        data[-28:-20] = (1 << 62).to_bytes(8, 'little')
    (tmp_path / 'x.mcap').write_bytes(data)
    with pytest.raises(BagError) as caught, Bag(tmp_path / 'x.mcap'):
        pass
    assert caught.value.code == ReasonCode.DAMAGED
    recover(tmp_path / 'x.mcap')
    with Bag(tmp_path / 'x.mcap') as bag:
        assert len(list(bag.messages())) == 2 * (FLUSHED + 10)


def test_the_checksum_of_the_data_is_checked_by_a_repair(tmp_path: Path) -> None:
    rich_file(tmp_path / 'x.mcap', enable_data_crcs=True, use_chunking=False)
    data = bytearray((tmp_path / 'x.mcap').read_bytes())
    at = data.index(b'text 7')
    data[at] ^= 1
    (tmp_path / 'x.mcap').write_bytes(data)
    assert recover(tmp_path / 'x.mcap').rewritten == ('x.mcap',)
    assert (tmp_path / 'x.mcap.orig').read_bytes() == data


@pytest.mark.parametrize(('begin', 'words'), [
    (b'#ROSBAG V2.0\n', 'ROS 1'), (b'SQLite format 3\0', 'SQLite'), (b'version https://git-lfs', 'git lfs pull'),
    (b'anything', 'is not an MCAP file')])
def test_what_another_file_is_is_reported(tmp_path: Path, begin: bytes, words: str) -> None:
    (tmp_path / 'x.mcap').write_bytes(begin + bytes(100))
    with pytest.raises(BagError, match=words), Bag(tmp_path / 'x.mcap'):
        pass


def test_a_folder_without_metadata_says_what_to_do(tmp_path: Path) -> None:
    rich_file(tmp_path / 'x.mcap')
    with pytest.raises(BagError, match='bag recover'), Bag(tmp_path):
        pass
    recover(tmp_path)
    with Bag(tmp_path) as bag:
        assert bag.messages_total == 2 * (FLUSHED + 10)
    path = tmp_path / 'metadata.yaml'
    path.write_text(path.read_text().replace('storage_identifier: mcap', "storage_identifier: ''"))
    with Bag(tmp_path) as bag:
        assert bag.messages_total == 2 * (FLUSHED + 10)


def test_names_are_escaped_in_errors(tmp_path: Path) -> None:
    assert '\x1b' not in BagError(ReasonCode.DAMAGED, 'a \x1b[2J b\n').message


def test_the_newest_message_of_a_topic_however_old(tmp_path: Path) -> None:
    write_bag(tmp_path / 'a', count=100, period_ns=10**9, split_s=13.0)
    with Bag(tmp_path / 'a') as bag:
        for before_s in (0, 1, 4, 4.5, 50, 99, 1000):
            limit = START_NS + round(before_s * 1e9)
            expected = {}
            for message in bag.messages(end_ns=limit):
                expected[message.topic] = message
            found = bag.newest(['/chatter', '/flag'], limit)
            assert {message.topic: message for message in found} == expected
            assert [message.stamp_ns for message in found] == sorted(message.stamp_ns for message in found)


# --- Damage costs only what is damaged

def chunks_of(path: Path) -> list[Piece]:
    with mcap_file.McapFile(path) as file:
        file.read_index()
        return file.pieces


def damaged(path: Path, offset: int, content: bytes) -> bytes:
    """Overwrite bytes of a file; return its content now."""
    data = bytearray(path.read_bytes())
    data[offset:offset + len(content)] = content
    path.write_bytes(data)
    return bytes(data)


def texts(folder: Path) -> list[int]:
    """Return the numbers in the texts of a bag as the library ``mcap`` reads them."""
    with (folder / f'{folder.name}_0.mcap').open('rb') as stream:
        return [
            int(message.data[8:-1].split()[1])
            for _, _, message in make_reader(stream, validate_crcs=True).iter_messages(['/chatter'])]


#: Bytes of the head of a chunk, from the beginning of the record: 9 of the record, two times, size, CRC, compression.
HEAD_DAMAGE = {
    'opcode': (0, b'\x46'), 'length': (3, b'\x55'), 'huge length': (8, b'\x7f'), 'size': (9 + 16 + 3, b'\x7f'),
    'huge size': (9 + 16 + 7, b'\x7f'), 'crc': (9 + 24, b'\0\1\2\3'), 'length of the name': (9 + 28, b'\xee'),
    'compression': (9 + 32 + 2, b'x'), 'no text': (9 + 32, b'\xff\xfe'), 'data': (9 + 60, b'\0\0\0')}


@pytest.mark.parametrize('killed', [False, True])
@pytest.mark.parametrize('number', [0, 5, 9])
@pytest.mark.parametrize('kind', HEAD_DAMAGE)
def test_a_damaged_chunk_costs_only_itself(tmp_path: Path, kind: str, number: int, killed: bool) -> None:
    written = [int(stamp - START_NS) // 10_000_000 for topic, stamp in write_bag(tmp_path / 'a') if topic == '/chatter']
    path = tmp_path / 'a' / 'a_0.mcap'
    offset, content = HEAD_DAMAGE[kind]
    chunks = chunks_of(path)
    if killed:
        os.truncate(path, chunks[-1].end)
    content = damaged(path, chunks[number].offset + offset, content)
    recovery = recover(tmp_path / 'a')
    assert recovery.lost == 1 or (killed and number == 9)
    assert texts(tmp_path / 'a') == [i for i in written if i // 10 != number]
    assert recovery.kept == (() if killed and not recovery.lost else ('a_0.mcap.orig',))
    assert all((tmp_path / 'a' / name).read_bytes() == content for name in recovery.kept)


def test_a_channel_that_only_the_summary_defines_is_defined_before_its_messages(tmp_path: Path) -> None:
    path = tmp_path / 'x.mcap'
    rich_file(path, use_chunking=False)
    whole = path.read_bytes()
    with McapFile(path) as file:
        first = next(record for record in file.records(len(MAGIC), file.size) if record.opcode == Opcode.CHANNEL)
    damaged = bytearray(whole)
    damaged[first.offset + 9] ^= 0x40  # another number of a channel, which is legal in itself
    before = content(path)
    path.write_bytes(damaged)
    assert recover(path).kept == ('x.mcap.orig',)
    assert content(path) == before
    assert recover(path).rewritten == ()


@pytest.mark.parametrize('cut', [0, 3000])
def test_a_destroyed_first_byte_costs_nothing(tmp_path: Path, cut: int) -> None:
    write_bag(tmp_path / 'a')
    path = tmp_path / 'a' / 'a_0.mcap'
    data = path.read_bytes()
    path.write_bytes(b'\0' + data[1:len(data) - cut])
    assert recover(tmp_path / 'a').messages == 100
    (tmp_path / 'x.mcap').write_bytes(b'something else' * 100)
    with pytest.raises(BagError) as caught:
        recover(tmp_path / 'x.mcap')
    assert caught.value.code is ReasonCode.NOT_SUPPORTED
    assert (tmp_path / 'x.mcap').read_bytes() == b'something else' * 100


def test_definitions_that_are_lost_come_from_the_metadata_of_our_bags(tmp_path: Path) -> None:
    text = Topic('/chatter', 'std_msgs/msg/String', definition('std_msgs/msg/String'), type_hash('std_msgs/msg/String'))
    path = killed(tmp_path / 'a', [text])
    first = chunks_of_killed(path)[1]
    damaged(path, 100, bytes(first - 100))  # the first chunk, and the definitions behind it
    assert recover(tmp_path / 'a').lost == 1
    assert texts(tmp_path / 'a') == list(range(10, 30))


@pytest.mark.parametrize('has_summary', [True, False])
def test_a_lost_schema_costs_no_more_than_its_topics(tmp_path: Path, has_summary: bool) -> None:
    path = tmp_path / 'x.mcap'
    rich_file(path, use_chunking=False)
    with mcap_file.McapFile(path) as file:
        records = list(file.records(len(MAGIC), file.size - len(MAGIC)))
    schema = next(record for record in records if record.opcode == Opcode.SCHEMA)
    damaged(path, schema.offset, bytes(schema.end - schema.offset))
    if not has_summary:
        os.truncate(path, next(record.offset for record in records if record.opcode == Opcode.DATA_END))
    assert recover(path).lost == 1
    assert recover(path).rewritten == ()
    with Bag(path) as bag:
        assert bag.counts['/demo'] == FLUSHED + 10
        assert sum(message.topic == '/chatter' for message in bag.messages()) == FLUSHED + 10
        assert bag.topics['/chatter'].type == ('std_msgs/msg/String' if has_summary else 'unknown')


def test_a_definition_that_is_not_text_costs_only_its_topic(tmp_path: Path) -> None:
    path = tmp_path / 'x.mcap'
    rich_file(path, use_chunking=False)
    path.write_bytes(path.read_bytes().replace(IDL, b'\xff' + IDL[1:]))
    recover(path)
    assert recover(path).rewritten == ()
    with Bag(path) as bag:
        assert bag.left_out['/demo'] == 'the definition of its type is not text'
        assert bag.counts['/chatter'] == FLUSHED + 10


def test_messages_without_any_definition_are_kept(tmp_path: Path) -> None:
    path = killed(tmp_path / 'a', [Topic('/chatter', 'demo_msgs/msg/Gone', '')])
    first = chunks_of_killed(path)[1]
    damaged(path, 100, bytes(first - 100))
    shutil.copy(path, tmp_path / 'x.mcap')
    assert recover(tmp_path / 'a').messages == 0
    rows = content(path)
    assert len(rows) == 20
    assert {row[:4] for row in rows} == {('/chatter', 'cdr', (), None)}
    recover(tmp_path / 'x.mcap')  # without the metadata
    assert {row[0] for row in content(tmp_path / 'x.mcap')} == {'/lost_channel_1'}
    with pytest.raises(BagError) as caught, Bag(tmp_path / 'x.mcap'):
        pass
    assert caught.value.code == ReasonCode.NOT_SUPPORTED


def killed(folder: Path, topics: list[Topic]) -> Path:
    """Write a bag of three chunks of ten texts whose recorder was killed; return the path of its file."""
    writer = BagWriter(folder, topics)
    writer.open()
    for i in range(30):
        writer.write('/chatter', START_NS + i, cdr_string(f'text {i}'))
        if i % 10 == 9:
            writer.flush()
    writer.abort()
    return folder / f'{folder.name}_0.mcap'


def chunks_of_killed(path: Path) -> list[int]:
    """Return where the chunks of a file without an end begin."""
    with mcap_file.McapFile(path) as file:
        return [record.offset for record in file.records(len(MAGIC), file.size) if record.opcode == Opcode.CHUNK]


def test_definitions_are_written_twice(tmp_path: Path) -> None:
    path = killed(tmp_path / 'a', [TEXT])
    begin, end = chunks_of_killed(path)[:2]
    damaged(path, begin + 60, b'\0' * 8)
    (tmp_path / 'a' / 'metadata.yaml').unlink()
    recover(tmp_path / 'a')
    assert texts(tmp_path / 'a') == list(range(10, 30))
    assert end > begin


@pytest.mark.parametrize('compression', ['brotli', 'zstf'])
def test_a_chunk_of_an_unknown_compression_is_carried_where_it_is_not_damage(
        tmp_path: Path, compression: str) -> None:
    write_bag(tmp_path / 'a')
    path = tmp_path / 'a' / 'a_0.mcap'
    chunk = chunks_of(path)[5]
    data = path.read_bytes()
    with mcap_file.McapFile(path) as file:
        record = Chunk.read(ReadDataStream(io.BytesIO(data[chunk.offset + 9:chunk.end])))
    record.compression = compression
    record.data = (b'unknown' if compression == 'brotli' else b'') + record.data
    foreign = serialized(record)
    os.truncate(path, len(data))
    path.write_bytes(data[:chunk.offset] + foreign + data[chunk.end:-1000])
    recovery = recover(path)
    assert recovery.lost == (0 if compression == 'brotli' else 1)
    assert (foreign in path.read_bytes()) == (compression == 'brotli')
    with mcap_file.McapFile(path) as file:
        file.read_index()
        assert sum(file.counts.values()) == (100 if compression == 'brotli' else 90)
    assert recover(path).rewritten == ()


@pytest.mark.parametrize('opcode', [0x10, 0x7f, 0x80, 0xff])
def test_records_of_unknown_kinds_are_carried_and_passed_over(tmp_path: Path, opcode: int) -> None:
    write_bag(tmp_path / 'a')
    path = tmp_path / 'a' / 'a_0.mcap'
    data, chunks = path.read_bytes(), chunks_of(path)
    unknown = bytes([opcode]) + (5).to_bytes(8, 'little') + b'mine!'
    path.write_bytes(data[:chunks[3].offset] + unknown * 2 + data[chunks[3].offset:chunks[-1].end])
    assert recover(tmp_path / 'a').lost == 0
    assert path.read_bytes().count(unknown) == 2
    assert len(texts(tmp_path / 'a')) == 80
    with Bag(tmp_path / 'a') as bag:
        assert len(list(bag.messages())) == 100


@pytest.mark.parametrize('opcode', [0x09, 0x0c, 0x04])
def test_a_whole_record_before_a_hole_is_kept(tmp_path: Path, opcode: int) -> None:
    rich_file(tmp_path / 'x.mcap', use_chunking=False)
    path = tmp_path / 'x.mcap'
    with mcap_file.McapFile(path) as file:
        end = next(r.end for r in file.records(len(MAGIC), file.size) if r.opcode == opcode)
    whole = content(path)
    damaged(path, end, bytes(40))
    assert recover(path).lost == 1
    found = content(path)
    assert len(found) >= len(whole) - 2
    if opcode == 0x09:
        assert any('not to be lost' in str(row[0]) for row in found)
