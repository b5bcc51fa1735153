# SPDX-License-Identifier: Apache-2.0
"""The parts of the recorder: selections, ring buffer, automatic saving, the folder of bags, the writing thread."""

from __future__ import annotations

import contextlib
import datetime
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path

import pytest
from bag_testing import FLAG, START_NS, TEXT, cdr_string, write_bag
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.writer import Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from turret_bringup.bag_parameters import AutoParameters, TopicParameters
from turret_bringup.bags.completeness import is_complete
from turret_bringup.bags.library import BagLibrary
from turret_bringup.bags.metadata import BagError, Qos, Topic
from turret_bringup.bags.reader import Bag
from turret_bringup.bags.recovery import recover
from turret_bringup.bags.writer import BagWriter
from turret_bringup.recording.auto_save import AutoSave
from turret_bringup.recording.recorder import BagRecorder, Limits
from turret_bringup.recording.ring import Held, RingBuffer
from turret_bringup.recording.selection import Selector, known, mark_text
from turret_common.errors import TurretError
from turret_common.messages.definitions import definition
from turret_common.reason_codes import ReasonCode
from turret_common.testing.waiting import wait_until

NOW = datetime.datetime(2026, 11, 25, 12, 0, 0)
SECOND_NS = 1_000_000_000


# --- Marks

def test_a_mark_is_a_short_printable_text() -> None:
    assert mark_text('  target lost ') == 'target lost'
    for text in ('', '   ', 'x' * 201, 'a\nb', '\x1b[2J'):
        with pytest.raises(BagError) as caught:
            mark_text(text)
        assert caught.value.code is ReasonCode.INVALID_ARGUMENT


def test_a_series_of_pulses_and_a_new_fault_are_each_reported_once() -> None:
    auto = AutoSave()
    fired = [auto.see_fire_count(count, PARAMETERS, now) for count, now in (
        (0, 0.0), (1, 1.0), (2, 2.0), (3, 3.5), (3, 9.0), (4, 9.1))]
    assert fired == [False, True, False, False, False, True]
    assert auto.see_faults([('camera', 400)], PARAMETERS, 0.0) == []
    assert auto.see_faults([('camera', 400), ('vision', 1)], PARAMETERS, 1.0) == [('vision', 1)]


# --- Selections

@pytest.mark.parametrize(('topic', 'first'), [
    ('/turret/status', 'light'), ('/turret/laser/state', 'light'), ('/turret/vision/tracks', 'light'),
    ('/turret/joint_states', 'light'), ('/turret/gimbal/command', 'light'),
    ('/turret/safety/permit', 'light'), ('/parameter_events', 'light'), ('/tf_static', 'light'),
    ('/turret/camera/image_raw/compressed', 'full'), ('/turret/vision/image_annotated/compressed', 'full'),
    ('/turret/camera/image_raw', 'all'), ('/other/status', 'all'), ('/turret/_hidden', None)])
def test_selections_contain_one_another(topic: str, first: str | None) -> None:
    selector = Selector(TopicParameters(), '/turret')
    having = [name for name in ('light', 'full', 'all') if selector.selects(name, topic)]
    assert having == {'light': ['light', 'full', 'all'], 'full': ['full', 'all'], 'all': ['all'], None: []}[first]


def test_what_is_excluded_is_in_no_selection() -> None:
    selector = Selector(TopicParameters(excluded=('laser/*',)), 'turret')
    assert not any(selector.selects(name, '/turret/laser/state') for name in ('light', 'full', 'all'))


def test_an_unknown_selection_is_refused() -> None:
    assert known('') == 'light'
    with pytest.raises(BagError) as caught:
        known('everything')
    assert caught.value.code == ReasonCode.UNKNOWN_NAME


# --- The ring buffer

@given(
    steps=st.lists(st.tuples(st.integers(0, 400_000_000), st.integers(0, 300)), min_size=1, max_size=200),
    max_bytes=st.integers(500, 5000))
@settings(max_examples=50, deadline=None)
def test_the_ring_holds_the_last_seconds_in_bounded_memory(steps: list[tuple[int, int]], max_bytes: int) -> None:
    ring = RingBuffer(10.0, max_bytes)
    stamp_ns, stamps = START_NS, []
    for step_ns, size in steps:
        stamp_ns += step_ns
        stamps.append(stamp_ns)
        ring.add(Held('/a', stamp_ns, bytes(size), 0), stamp_ns * 1e-9)
        assert ring.size <= max_bytes
    held = [message.stamp_ns for message in ring.last()]
    assert held == stamps[len(stamps) - len(held):]
    assert all(stamp >= stamp_ns - 10 * SECOND_NS - 1000 for stamp in held)
    assert ring.span_s == pytest.approx((held[-1] - held[0]) * 1e-9, abs=1e-6)


def test_the_ring_gives_as_much_as_was_asked_for() -> None:
    ring = RingBuffer(30.0, 10**6)
    assert ring.last() == []
    for i in range(20):
        ring.add(Held('/a', START_NS + i * SECOND_NS, b'x', 0), 100.0 + i)
    assert len(ring.last()) == 20
    assert [message.stamp_ns for message in ring.last(2.5)] == [START_NS + i * SECOND_NS for i in (17, 18, 19)]


def test_a_latched_message_is_kept_however_old() -> None:
    ring = RingBuffer(5.0, 10**6)
    ring.add(Held('/tf_static', START_NS, b'old', 0), 100.0, latched=True)
    ring.add(Held('/tf_static', START_NS + 1, b'newest', 0), 100.1, latched=True)
    for i in range(1, 20):
        ring.add(Held('/a', START_NS + i * SECOND_NS, b'x', 0), 100.0 + i)
    first, *others = ring.last(3.0)
    assert (first.topic, first.data, first.stamp_ns) == ('/tf_static', b'newest', others[0].stamp_ns)
    assert {message.topic for message in others} == {'/a'}


@pytest.mark.parametrize('step_s', [-3600, 3600])
def test_a_step_of_the_clock_changes_nothing_in_the_ring(step_s: int) -> None:
    ring = RingBuffer(30.0, 10**6)
    for i in range(200):
        step_ns = step_s * SECOND_NS if i >= 100 else 0
        ring.add(Held('/a', START_NS + i * SECOND_NS + step_ns, b'%d' % i, 0), 1000.0 + i)
        assert ring.span_s == min(i, 30)
        assert len(ring.last()) == min(i, 30) + 1
        assert [message.data for message in ring.last(5.0)] == [b'%d' % j for j in range(max(0, i - 5), i + 1)]


# --- Automatic saving

PARAMETERS = AutoParameters(after_s=5.0, gap_s=60.0)


def test_a_fault_saves_once_after_a_while() -> None:
    auto = AutoSave()
    auto.see_faults([], PARAMETERS, 0.0)
    auto.see_faults([('camera', 400)], PARAMETERS, 10.0)
    assert auto.due(14.9) is None
    auto.see_faults([('camera', 400)], PARAMETERS, 14.0)
    assert auto.due(15.0) == 'fault camera'
    assert auto.due(16.0) is None


def test_faults_in_a_row_are_one_bag() -> None:
    auto = AutoSave()
    auto.see_faults([('camera', -1)], PARAMETERS, 0.0)  # what was there before is nothing new
    assert auto.due(50.0) is None
    for i in range(100):
        auto.see_faults([('camera', i)], PARAMETERS, float(i))
    assert auto.due(100.0)
    auto.see_faults([('vision', 1)], PARAMETERS, 159.0)
    assert auto.due(170.0) is None
    auto.see_faults([('laser', 1)], PARAMETERS, 160.0)
    assert auto.due(165.0) == 'fault laser'


def test_a_shot_saves() -> None:
    auto = AutoSave()
    for count in (7, 7, 0):  # what was fired before, and a reset, are not shots
        auto.see_fire_count(count, PARAMETERS, 0.0)
    assert auto.due(50.0) is None
    auto.see_fire_count(1, PARAMETERS, 50.0)
    assert auto.due(55.0) == 'fire'


def test_automatic_saving_can_be_switched_off() -> None:
    off = AutoParameters(on_fault=False, on_fire=False)
    auto = AutoSave()
    auto.see_faults([('camera', 400)], off, 0.0)
    auto.see_fire_count(1, off, 0.0)
    auto.see_fire_count(2, off, 0.0)
    assert auto.due(1000.0) is None


# --- The folder of bags

def test_bags_are_listed_newest_first(tmp_path: Path) -> None:
    library = BagLibrary(tmp_path)
    write_bag(tmp_path / 'old', count=10)
    with BagWriter(tmp_path / 'new', (TEXT,)) as bag:
        bag.write(TEXT.name, START_NS + 10**12, cdr_string('x'))
    (tmp_path / 'no_bag').mkdir()
    (tmp_path / 'link').symlink_to(tmp_path / 'old')
    newest, oldest = library.entries()
    assert (newest.name, oldest.name) == ('new', 'old')
    assert (oldest.start_ns, oldest.messages, oldest.complete) == (START_NS, 10, True)
    assert oldest.duration_s == pytest.approx(0.09)
    assert oldest.size > 500


@pytest.mark.parametrize('name', ['../a', '/etc', '', '.', '..', 'x/y', 'link', 'no_bag', 'x' * 200])
def test_names_lead_nowhere(tmp_path: Path, name: str) -> None:
    write_bag(tmp_path / 'a')
    folder = tmp_path / 'bags'
    (folder / 'no_bag').mkdir(parents=True)
    (folder / 'link').symlink_to(tmp_path / 'a')
    with pytest.raises(BagError):
        BagLibrary(folder).delete(name)
    assert (tmp_path / 'a' / 'a_0.mcap').is_file()
    assert (folder / 'no_bag').is_dir()


def test_a_new_name_is_free(tmp_path: Path) -> None:
    library = BagLibrary(tmp_path)
    assert library.new('', NOW).name == '20261125_120000'
    write_bag(library.new('my test', NOW))
    assert library.new('my test', NOW).name == '20261125_120000_my_test_2'
    for label in ('../x', 'a/b', 'x' * 50, 'ü'):
        with pytest.raises(BagError) as caught:
            library.new(label, NOW)
        assert caught.value.code == ReasonCode.INVALID_ARGUMENT


def test_the_oldest_automatic_bags_go(tmp_path: Path) -> None:
    for name in ('auto_1', 'auto_2', 'auto_3', 'mine'):
        write_bag(tmp_path / name, count=1)
    BagLibrary(tmp_path).prune('auto_', 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['auto_2', 'auto_3', 'mine']


def test_a_bag_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    library = BagLibrary(tmp_path)
    writer = BagWriter(tmp_path / 'a', (TEXT,))
    writer.open()
    assert library.entries() == []
    assert library.recover() == []
    for act in (library.delete, lambda name: recover(tmp_path / name)):
        with pytest.raises(BagError) as caught:
            act('a')
        assert caught.value.code == ReasonCode.BUSY
    writer.close()
    assert len(library.entries()) == 1
    library.delete('a')
    assert library.entries() == []


def test_a_bag_that_cannot_be_repaired_delays_no_other(tmp_path: Path) -> None:
    write_bag(tmp_path / 'a')
    write_bag(tmp_path / 'b')
    with (tmp_path / 'a' / 'a_0.mcap').open('r+b') as file:
        file.truncate(1000)
    (tmp_path / 'a' / 'a_1.mcap').write_bytes((tmp_path / 'a' / 'a_0.mcap').read_bytes())
    (tmp_path / 'a' / 'a_0.mcap').chmod(0)
    os.truncate(tmp_path / 'b' / 'b_0.mcap', 1000)
    results = dict(BagLibrary(tmp_path).recover())
    assert results['b'].startswith('repaired b: ')


def test_bags_of_other_programs_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / 'foreign').mkdir()
    with (tmp_path / 'foreign' / 'x.mcap').open('wb') as stream:
        writer = Writer(stream)
        writer.start('ros2', 'other recorder')
        schema = writer.register_schema('std_msgs/msg/String', 'ros2msg', b'string data')
        writer.add_message(writer.register_channel('/chatter', 'cdr', schema), 1, cdr_string('a'), 1)
        writer.finish()  # type: ignore[no-untyped-call]
        stream.truncate(stream.tell() - 20)
    before = (tmp_path / 'foreign' / 'x.mcap').read_bytes()
    assert BagLibrary(tmp_path).recover() == []
    assert (tmp_path / 'foreign' / 'x.mcap').read_bytes() == before
    assert [path.name for path in (tmp_path / 'foreign').iterdir()] == ['x.mcap']


def test_a_bag_is_renamed(tmp_path: Path) -> None:
    library = BagLibrary(tmp_path)
    write_bag(tmp_path / 'a')
    write_bag(tmp_path / 'b')
    library.rename('a', 'better name')
    with Bag(tmp_path / 'better name') as bag:
        assert bag.messages_total == 100
    for old, new, code in (
            ('a', 'c', ReasonCode.NOT_FOUND), ('b', 'better name', ReasonCode.ALREADY_EXISTS),
            ('b', '../c', ReasonCode.INVALID_ARGUMENT)):
        with pytest.raises(BagError) as caught:
            library.rename(old, new)
        assert caught.value.code == code


# --- The writing thread

def recorder(
        folder: Path, limits: Limits | None = None, flush_s: float = 0.0, **writer: object) -> BagRecorder:
    bag = BagWriter(folder, (TEXT,), **writer)  # type: ignore[arg-type]
    return BagRecorder(bag, limits or Limits(0.0, 0, 10**6), lambda: None, flush_s)


def test_a_recording(tmp_path: Path) -> None:
    recording = recorder(tmp_path / 'a')
    recording.start()
    for i in range(50):
        recording.offer(TEXT.name, START_NS + i, cdr_string(str(i)), START_NS + i)
    recording.add_topic(FLAG)
    recording.offer(FLAG.name, START_NS + 50, b'\0\1\0\0\1', START_NS + 50)
    wait_until(lambda: recording.progress.messages == 51, 10.0, 'all written while it continues')
    recording.stop()
    recording.offer(TEXT.name, START_NS + 60, b'too late', START_NS + 60)
    assert not recording.progress.active
    assert recording.progress.ended is None
    with Bag(tmp_path / 'a') as bag:
        assert bag.counts == {TEXT.name: 50, FLAG.name: 1}


def test_what_finds_no_room_is_counted(tmp_path: Path) -> None:
    recording = recorder(tmp_path / 'a', Limits(0.0, 0, 1000))
    for i in range(30):  # nothing is taken out before the start
        recording.offer(TEXT.name, START_NS + i, bytes(100), START_NS + i)
    assert recording.progress.dropped == 20
    recording.start()
    recording.stop()
    assert recording.progress.messages == 10


def test_it_ends_after_its_time(tmp_path: Path) -> None:
    recording = recorder(tmp_path / 'a', Limits(0.01, 0, 1000))
    recording.start()
    wait_until(lambda: not recording.progress.active, 10.0, 'its end')
    assert recording.progress.ended is not None
    assert recording.progress.ended.code == ReasonCode.TIMED_OUT
    with Bag(tmp_path / 'a') as bag:
        assert bag.messages_total == 0


def test_it_needs_free_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple('usage', 'total used free')
    recording = recorder(tmp_path / 'a', Limits(0.0, 1000, 1000))
    recording.start()
    for i in range(5):
        recording.offer(TEXT.name, START_NS + i, cdr_string(str(i)), START_NS + i)
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage(2000, 1001, 999))
    wait_until(lambda: not recording.progress.active, 10.0, 'its end')
    assert recording.progress.ended is not None
    assert recording.progress.ended.code == ReasonCode.STORAGE_FULL
    assert is_complete(tmp_path / 'a')
    with Bag(tmp_path / 'a') as bag:
        assert bag.messages_total == 5
    with pytest.raises(TurretError) as caught:
        recorder(tmp_path / 'b', Limits(0.0, 1000, 1000)).start()
    assert caught.value.code == ReasonCode.STORAGE_FULL
    assert not (tmp_path / 'b').exists()


def test_a_disk_that_fails_stops_the_recording_and_releases_the_bag(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = recorder(tmp_path / 'a')
    recording.start()
    for i in range(20):
        recording.offer(TEXT.name, START_NS + i, cdr_string(str(i)), START_NS + i)
    wait_until(lambda: recording.progress.messages == 20, 10.0, 'the first messages on the disk')

    def fail(_: int) -> None:
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr(os, 'fdatasync', fail)
    for i in range(20, 40):
        recording.offer(TEXT.name, START_NS + i, cdr_string(str(i)), START_NS + i)
    wait_until(lambda: not recording.progress.active, 10.0, 'its end')
    monkeypatch.undo()
    assert recording.progress.ended is not None
    assert recording.progress.ended.code == ReasonCode.STORAGE_FULL
    assert recording.progress.messages == 20  # what is on the disk for certain
    library = BagLibrary(tmp_path)
    assert [(entry.name, entry.complete) for entry in library.entries()] == [('a', False)]
    assert recover(tmp_path / 'a').messages >= 20
    with Bag(tmp_path / 'a') as bag:
        assert bag.messages_total >= 20


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can mount a file system')
def test_a_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / 'disk'
    disk.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], check=False).returncode:
        pytest.skip('file systems cannot be mounted here')
    try:
        recording = recorder(disk / 'a', Limits(0.0, 0, 10**8))
        recording.start()
        for i in range(200):
            recording.offer(TEXT.name, START_NS + i, cdr_string('') + os.urandom(20_000), START_NS + i)
        wait_until(lambda: not recording.progress.active, 20.0, 'its end')
        assert recording.progress.ended is not None
        assert recording.progress.ended.code == ReasonCode.STORAGE_FULL
        counted = recording.progress.messages
        with pytest.raises(BagError) as caught:
            recover(disk / 'a')
        assert caught.value.code == ReasonCode.STORAGE_FULL
        assert not list((disk / 'a').glob('*.part'))
        shutil.copytree(disk / 'a', tmp_path / 'a')
        assert recover(tmp_path / 'a').messages >= counted
    finally:
        subprocess.run(['umount', disk], check=True)


def recorded_until_flushed(folder: Path) -> BagRecorder:
    recording = recorder(folder)
    recording.start()
    for i in range(50):
        recording.offer(TEXT.name, START_NS + i, cdr_string(str(i)), START_NS + i)
    wait_until(lambda: recording.progress.messages == 50, 10.0, 'the messages on the disk')
    return recording


def test_a_deleted_folder_stops_the_recording(tmp_path: Path) -> None:
    recording = recorded_until_flushed(tmp_path / 'a')
    shutil.rmtree(tmp_path / 'a')
    wait_until(lambda: not recording.progress.active, 10.0, 'its end')
    assert recording.progress.ended is not None
    assert recording.progress.ended.code == ReasonCode.RECORDING_FAILED
    assert 'deleted' in recording.progress.ended.message
    assert recording.progress.messages == 0
    assert list(tmp_path.iterdir()) == []


def test_a_renamed_folder_stops_the_recording_and_keeps_the_bag(tmp_path: Path) -> None:
    recording = recorded_until_flushed(tmp_path / 'a')
    (tmp_path / 'a').rename(tmp_path / 'b')
    wait_until(lambda: not recording.progress.active, 10.0, 'its end')
    assert recording.progress.ended is not None
    assert 'renamed' in recording.progress.ended.message
    assert [path.name for path in tmp_path.iterdir()] == ['b']
    with Bag(tmp_path / 'b') as bag:
        assert bag.messages_total == 50
    assert is_complete(tmp_path / 'b')


@pytest.mark.parametrize('method', ['flush', 'write', 'close'])
def test_a_lost_network_folder_stops_the_recording_and_releases_the_bag(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    writer = BagWriter(tmp_path / 'a', (TEXT,))
    recorder = BagRecorder(writer, Limits(0.0, 1, 1 << 20), lambda: None, flush_s=0.05)
    recorder.start()
    recorder.offer(TEXT.name, START_NS, cdr_string('kept'), START_NS)
    wait_until(lambda: recorder.progress.messages == 1, 10.0, 'a message on the disk')

    def lost(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    monkeypatch.setattr(writer, method, lost)
    recorder.offer(TEXT.name, START_NS + 1, cdr_string('lost'), START_NS)
    if method == 'close':
        recorder.stop(10.0)
    wait_until(lambda: not recorder.progress.active, 10.0, 'the end of the recording')
    assert recorder.progress.ended is not None
    assert recorder.progress.ended.code is ReasonCode.RECORDING_FAILED
    assert 'Input/output error' in recorder.progress.ended.message
    monkeypatch.undo()
    assert not is_complete(tmp_path / 'a')
    assert recover(tmp_path / 'a').messages >= 1


def test_a_detached_folder_stops_the_recording(tmp_path: Path) -> None:
    """A mount of its own in a namespace of its own, detached lazily as a lost share is."""
    program = """
import os, subprocess, sys, time
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from bag_testing import START_NS, TEXT, cdr_string
from turret_bringup.bags.writer import BagWriter
from turret_bringup.recording.recorder import BagRecorder, Limits
folder = Path(sys.argv[1])
subprocess.run(['mount', '-t', 'tmpfs', 'share', folder], check=True)
recorder = BagRecorder(BagWriter(folder / 'a', (TEXT,)), Limits(0.0, 1, 1 << 20), lambda: None, flush_s=0.05)
recorder.start()
recorder.offer(TEXT.name, START_NS, cdr_string('x'), START_NS)
subprocess.run(['umount', '-l', folder], check=True)
deadline = time.monotonic() + 20.0
while recorder.progress.active and time.monotonic() < deadline:
    time.sleep(0.02)
print(recorder.progress.ended.code.name, recorder.progress.ended.message)
"""
    if subprocess.run(
            ['unshare', '--mount', 'mount', '-t', 'tmpfs', 'x', tmp_path], capture_output=True, check=False).returncode:
        pytest.skip('no right to mount')
    result = subprocess.run(
        ['unshare', '--mount', sys.executable, '-c', program, tmp_path, *sys.path], capture_output=True, text=True)
    assert result.stdout.startswith('RECORDING_FAILED'), result.stderr
    assert 'renamed or detached' in result.stdout


def test_a_disk_that_does_not_answer_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_bringup.recording.recorder._STALLED_S', 0.3)
    writer = BagWriter(tmp_path / 'a', (TEXT,))
    recorder = BagRecorder(writer, Limits(0.0, 1, 1000), lambda: None, flush_s=0.05)
    answers = threading.Event()
    flush = writer.flush

    def waiting() -> None:
        answers.wait(20.0)
        flush()
    monkeypatch.setattr(writer, 'flush', waiting)
    recorder.start()
    wait_until(lambda: recorder.stalled_s > 0.3, 10.0, 'the report')
    for i in range(100):
        recorder.offer(TEXT.name, START_NS + i, cdr_string('x' * 50), START_NS)
    assert recorder.progress.dropped > 50  # bounded memory, and counted
    answers.set()
    wait_until(lambda: recorder.stalled_s == 0.0, 10.0, 'an answer')
    recorder.stop(10.0)
    assert recorder.progress.ended is None


def test_a_folder_that_is_gone_at_the_stop_is_an_error(tmp_path: Path) -> None:
    recording = recorded_until_flushed(tmp_path / 'a')
    shutil.rmtree(tmp_path / 'a')
    recording.stop()
    assert recording.progress.ended is not None


def test_every_split_begins_with_latched_topics_and_parameters(tmp_path: Path) -> None:
    latched = Topic('/map', 'std_msgs/msg/String', 'string data', qos=(Qos(durability='transient_local'),))
    events = Topic('/parameter_events', 'std_msgs/msg/String', 'string data')
    with BagWriter(
            tmp_path / 'a', (TEXT, latched, events), split_s=1.0,
            repeated=lambda: [(events.name, cdr_string('parameters')), ('/unknown', b'')]) as writer:
        writer.write(latched.name, START_NS, cdr_string('old'))
        writer.write(latched.name, START_NS, cdr_string('newest'), START_NS - 7)
        for i in range(35):
            writer.write(TEXT.name, START_NS + i * 10**8, cdr_string(str(i)))
    files = sorted((tmp_path / 'a').glob('*.mcap'))
    assert len(files) == 4
    for path in files[1:]:
        with Bag(path) as bag:
            first = list(bag.messages())[:3]
        assert [(message.topic, message.data) for message in first] == [
            (latched.name, cdr_string('newest')), (events.name, cdr_string('parameters')), (TEXT.name, first[2].data)]
        assert len({message.stamp_ns for message in first}) == 1


def test_a_step_of_the_clock_begins_a_file_where_files_are_split_by_time(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'a', (TEXT,), split_s=60.0) as writer:
        for i, step_s in enumerate((0, 1, -3600, -3599, 3600)):
            writer.write(TEXT.name, START_NS + step_s * SECOND_NS, cdr_string(str(i)))
    assert len(list((tmp_path / 'a').glob('*.mcap'))) == 3
    with Bag(tmp_path / 'a') as bag:
        assert len(list(bag.messages())) == 5


_KILLED = """
import sys, time
from pathlib import Path
from turret_bringup.bags.metadata import Topic
from turret_bringup.recording.recorder import BagRecorder, Limits
from turret_bringup.bags.writer import BagWriter
recording = BagRecorder(
    BagWriter(Path(sys.argv[1]), [Topic('/chatter', 'std_msgs/msg/String', 'string data')]), Limits(0.0, 0, 10**7),
    lambda: None)
recording.start()
while True:
    stamp = time.time_ns()
    recording.offer('/chatter', stamp, bytes(100), stamp)
    print(stamp, flush=True)
    time.sleep(0.002)
"""


def test_a_killed_recorder_misses_at_most_a_second(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, '-c', _KILLED, tmp_path / 'a'], stdout=subprocess.PIPE)
    assert process.stdout is not None
    first_ns = int(process.stdout.readline())
    last_ns = first_ns
    while last_ns < first_ns + 2.5e9:
        last_ns = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    with contextlib.suppress(ValueError):  # the last line may be half a one
        for line in process.stdout:
            last_ns = int(line)
    process.wait()
    assert [(entry.name, entry.complete) for entry in BagLibrary(tmp_path).entries()] == [('a', False)]
    assert [name for name, _ in BagLibrary(tmp_path).recover()] == ['a']
    with Bag(tmp_path / 'a') as bag:
        found = [message.stamp_ns for message in bag.messages()]
    assert found[0] == first_ns
    assert last_ns - found[-1] <= 1_000_000_000


# --- Texts of message types

@pytest.mark.parametrize('name', ['turret_msgs/msg/TurretStatus', 'sensor_msgs/msg/JointState', 'std_msgs/msg/Bool'])
def test_a_definition_is_all_that_a_reader_needs(name: str) -> None:
    types = get_types_from_msg(definition(name), name)
    store = get_typestore(Stores.EMPTY)
    store.register(types)
    assert store.hash_rihs01(name) == get_typestore(Stores.ROS2_JAZZY).hash_rihs01(name) if (
        not name.startswith('turret')) else name in types


@pytest.mark.parametrize('name', ['nowhere_msgs/msg/Thing', '../x/msg/y', 'std_msgs', '', 'std_msgs/msg/../Bool'])
def test_a_type_that_is_not_installed_has_none(name: str) -> None:
    assert definition(name) == ''
