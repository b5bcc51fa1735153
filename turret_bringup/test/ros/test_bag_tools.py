# SPDX-License-Identifier: Apache-2.0
"""``./turret bag``: what is in a bag, as words, images, video and tables."""

from __future__ import annotations

import csv
import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pyarrow.parquet
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import Header

from turret_bringup.bags.messages import BagMessages, namespace_of
from turret_bringup.bags.messages import messages as bag_messages
from turret_bringup.bags.metadata import BagError, Topic
from turret_bringup.bags.reader import Bag
from turret_bringup.bags.writer import BagWriter
from turret_bringup.cli import main
from turret_common.images import ENCODINGS
from turret_common.messages.cdr import Codec
from turret_common.messages.definitions import definition, parse, type_hash
from turret_common.messages.ros_schema import schema
from turret_common.messages.schema import Text
from turret_common.ros.time import stamp_from
from turret_msgs.msg import (
    AimTarget,
    BoundingBox,
    ControllerState,
    CrosshairState,
    LaserState,
    SafetyState,
    SimGroundTruth,
    SimTarget,
    Track,
    TrackArray,
)

START_NS = 1_700_000_000_000_000_000
FRAMES = 30


def topic(name: str, cls: Any) -> Topic:
    kind = f'{cls.__module__.split(".")[0]}/msg/{cls.__name__}'
    return Topic(f'/turret/{name}', kind, definition(kind), type_hash(kind))


TOPICS = {
    'joint_states': JointState, 'vision/tracks': TrackArray, 'controller/target': AimTarget,
    'controller/state': ControllerState, 'laser/state': LaserState, 'safety/state': SafetyState,
    'sim/ground_truth': SimGroundTruth,
    'camera/image_raw/compressed': CompressedImage}


def image(number: int) -> np.ndarray[Any, Any]:
    image = np.full((120, 160, 3), 90, np.uint8)
    cv2.circle(image, (20 + 4 * number, 60), 10, (40, 40, 220), -1)
    return image


def messages(i: int) -> dict[str, Any]:
    """Return what a turret publishes for one image."""
    header = Header(stamp=stamp_from(START_NS * 1e-9 + i / 30), frame_id='base_link')
    box = BoundingBox(center_x=20.0 + 4 * i, center_y=60.0, width=24.0, height=24.0)
    return {
        'joint_states': JointState(header=header, name=['pan_joint', 'tilt_joint'], position=[0.01 * i, 0.2]),
        'vision/tracks': TrackArray(header=header, tracks=[Track(id='7', state=Track.STATE_TRACKING, box=box)]),
        'controller/target': AimTarget(header=header, aim_error=math.radians(0.5), azimuth=0.01 * i),
        'controller/state': ControllerState(
            header=header, mode=ControllerState.MODE_TRACK, aim_error=math.radians(0.5),
            crosshair=CrosshairState(x=80.0, y=60.0)),
        'laser/state': LaserState(header=header, emitting=i > 20),
        'safety/state': SafetyState(header=header, motion_ok=True),
        'sim/ground_truth': SimGroundTruth(
            header=header, targets=[SimTarget(azimuth=math.radians(2.0)), SimTarget(azimuth=1.0)]),
        'camera/image_raw/compressed': CompressedImage(
            header=header, format='jpeg', data=cv2.imencode('.jpg', image(i))[1].tobytes()),
    }


def write(folder: Path, changed: dict[str, bytes] | None = None, without: tuple[str, ...] = ()) -> None:
    topics = [topic(name, cls) for name, cls in TOPICS.items() if name not in without]
    with BagWriter(folder, topics, custom={'turret.namespace': 'turret', 'turret.selection': 'full'}) as writer:
        for i in range(FRAMES):
            for name, message in messages(i).items():
                if name not in without:
                    data = (changed or {}).get(name) or serialize_message(message)
                    writer.write(f'/turret/{name}', START_NS + i * 33_333_333 + 20_000_000, data)


@pytest.fixture(scope='module')
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('tools') / 'a'
    write(folder)
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(['bag', *words]) == 2
    return capsys.readouterr().err


def test_info_says_what_is_in_it(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['bag', 'info', str(bag)]) == 0
    out = capsys.readouterr().out
    assert 'messages:  240' in out
    assert '/turret/joint_states' in out
    assert '1.0 s' in out


@pytest.mark.parametrize('name', ['plot.png', 'plot.svg', 'plot.html'])
def test_plots(bag: Path, tmp_path: Path, name: str) -> None:
    assert main(['bag', 'plot', str(bag), '-o', name]) == 0
    content = (tmp_path / name).read_bytes()
    if name.endswith('png'):
        image = cv2.imread(name)
        assert image is not None
        assert image.std() > 5
    else:
        for words in (b'aim error [deg]', b'angles [deg]', b'age when recorded [ms]', b'laser emitting'):
            assert words in content or name.endswith('svg')
        assert content.count(b'<path') > 20


def test_what_is_plotted_is_what_was_recorded(bag: Path) -> None:
    from turret_bringup.bags.messages import TurretMessages
    from turret_bringup.bags.reader import Bag
    from turret_bringup.evaluation.series import TOPICS as PLOTTED
    from turret_bringup.evaluation.series import Series
    with Bag(bag) as opened:
        series = Series()
        for name, stamp_ns, values in TurretMessages(opened).values(PLOTTED):
            series.add(name, (stamp_ns - opened.start_ns) * 1e-9, stamp_ns * 1e-9, values)
    assert series.angles['pan'][1][10] == pytest.approx(math.degrees(0.1))
    assert series.errors['controller'][1][0] == pytest.approx(0.5, rel=1e-6)
    assert series.errors['ground truth, nearest target'][1] == pytest.approx([2.0] * FRAMES)
    assert series.latencies['vision/tracks'][1] == pytest.approx([20.0] * FRAMES, abs=0.01)
    assert series.states['laser emitting'][1] == [0.0] * 21 + [1.0] * 9


def test_a_video_shows_what_was_seen(bag: Path) -> None:
    assert main(['bag', 'video', str(bag), '-o', 'v.mp4']) == 0
    with av.open('v.mp4') as container:
        frames = [frame.to_ndarray(format='bgr24') for frame in container.decode(video=0)]
        assert container.duration is not None
        assert container.duration * 1e-6 == pytest.approx(1.0, abs=0.1)
    assert len(frames) == FRAMES
    assert frames[10].shape == (120, 160, 3)
    green = (frames[10][:, :, 1].astype(int) - frames[10][:, :, 2]) > 60
    assert green[48:73, 48:73].sum() > 10  # the corners of the track's box


def test_a_bag_without_images_gives_no_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / 'b', without=('camera/image_raw/compressed',))
    assert 'selection "full"' in refusal(capsys, 'video', 'b')


@pytest.mark.parametrize('change', [{'step': 7}, {'width': 10**6}, {'height': 0}, {'encoding': 'bayer'}, {'data': b''}])
def test_a_raw_image_that_lies_about_its_size(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any]) -> None:
    image = {'width': 4, 'height': 2, 'step': 12, 'encoding': 'bgr8', 'data': bytes(24)}
    with BagWriter(tmp_path / 'b', [topic('camera/image_raw', Image)]) as writer:
        writer.write('/turret/camera/image_raw', START_NS, serialize_message(Image(**{**image, **change})))
    assert refusal(capsys, 'video', 'b').startswith('turret: ')


def test_tables(bag: Path, tmp_path: Path) -> None:
    assert main(['bag', 'export', str(bag), '-o', 'csv']) == 0
    with (tmp_path / 'csv' / 'turret_joint_states.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == FRAMES
    assert float(rows[3]['position[0]']) == pytest.approx(0.03)
    assert rows[3]['name[1]'] == 'tilt_joint'
    assert int(rows[3]['stamp_ns']) == START_NS + 3 * 33_333_333 + 20_000_000
    assert not (tmp_path / 'csv' / 'turret_camera_image_raw_compressed.csv').exists()


def test_tables_for_programs(bag: Path, tmp_path: Path) -> None:
    assert main(['bag', 'export', str(bag), '-o', 'pq', '--parquet', '--topics', 'joint_states', 'laser/state']) == 0
    assert sorted(path.name for path in (tmp_path / 'pq').iterdir()) == [
        'turret_joint_states.parquet', 'turret_laser_state.parquet']
    table = pyarrow.parquet.read_table('pq/turret_laser_state.parquet')
    assert table['emitting'].to_pylist() == [False] * 21 + [True] * 9


def test_a_topic_that_is_not_there(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 'no topic /turret/nonsense' in refusal(capsys, 'export', str(bag), '--topics', 'nonsense')


def test_damaged_messages_are_left_out_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / 'b', {'joint_states': b'\0\1\0\0' + b'\xff' * 40})
    for words in (('plot', 'b'), ('export', 'b', '-o', 'csv')):
        assert main(['bag', *words]) == 0
        assert '/turret/joint_states: 30 damaged messages are left out' in capsys.readouterr().err
    with (tmp_path / 'csv' / 'turret_laser_state.csv').open() as file:
        assert len(list(csv.DictReader(file))) == FRAMES


#: What AimTarget, TrackArray and CompressedImage once were like, and the values of the new fields.
OLDER = {
    'controller/target': lambda text: text.replace('string track_id', 'string retired', 1),
    'controller/state': lambda text: re.sub(r'\nbool on_target.*', '', text, count=1),
    'camera/image_raw/compressed': lambda text: re.sub(r'\nstring format', '\nint8 retired\nstring format', text)}


def older(folder: Path) -> None:
    """Write a bag as an older version of the messages would have: fields are missing, others are gone now."""
    topics, codecs = [], {}
    for name, cls in TOPICS.items():
        recorded = topic(name, cls)
        if name in OLDER:
            text = OLDER[name](recorded.definition)
            assert text != recorded.definition
            recorded = dataclasses.replace(recorded, definition=text, type_hash='RIHS01_' + '1' * 64)
        codecs[name] = Codec(parse(recorded.definition, recorded.type))
        topics.append(recorded)
    with BagWriter(folder, topics, custom={'turret.namespace': 'turret'}) as writer:
        for i in range(FRAMES):
            for name, message in messages(i).items():
                values = Codec(schema(type(message))).to_json(serialize_message(message))
                kind = codecs[name].kind
                kept = {field.name: values.get(field.name, '' if isinstance(field.type, Text) else 0)
                        for field in kind.fields}
                writer.write(f'/turret/{name}', START_NS + i * 33_333_333, codecs[name].encode(kept, 0))


def test_a_bag_of_an_older_message_version_through_every_command(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    older(tmp_path / 'b')
    for words in (['info'], ['plot', '-o', 'p.html'], ['video', '-o', 'v.mp4'], ['export', '-o', 'csv']):
        assert main(['bag', words[0], 'b', *words[1:]]) == 0, words
    assert 'left out' not in capsys.readouterr().err
    with (tmp_path / 'csv' / 'turret_controller_target.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[3]['azimuth']) == pytest.approx(0.03)
    assert 'retired' not in rows[0]
    assert rows[0]['track_id'] == ''
    with (tmp_path / 'csv' / 'turret_controller_state.csv').open() as file:
        assert {row['on_target'] for row in csv.DictReader(file)} == {'False'}
    with av.open('v.mp4') as container:
        assert len(list(container.decode(video=0))) == FRAMES


def test_an_older_message_version_in_a_rerun_and_a_replay(tmp_path: Path) -> None:
    older(tmp_path / 'b')
    with Bag(tmp_path / 'b') as bag:
        assert namespace_of(bag) == '/turret'
        targets = [message for _, _, message in bag_messages(bag, ['controller/target'], '/turret')]
        assert targets[3] == deserialize_message(serialize_message(messages(3)['controller/target']), AimTarget)
        decoder = BagMessages(bag)
        replayed = [decoder.data(message) for message in bag.messages(['/turret/controller/target'])]
    assert [deserialize_message(data, AimTarget) for data in replayed] == targets
    assert not decoder.left_out
    assert not decoder.damaged


def test_a_type_that_is_not_installed_is_decoded_by_its_recorded_definition(tmp_path: Path) -> None:
    foreign = Topic('/other', 'not_installed/msg/Thing', 'float64 x\nstring name\n')
    with BagWriter(tmp_path / 'b', [foreign]) as writer:
        codec = Codec(parse(foreign.definition, foreign.type))
        writer.write('/other', START_NS, codec.encode({'x': 1.5, 'name': 'a'}, 0))
    assert main(['bag', 'export', 'b', '-o', 'csv']) == 0
    with (tmp_path / 'csv' / 'other.csv').open() as file:
        assert [(row['x'], row['name']) for row in csv.DictReader(file)] == [('1.5', 'a')]


def test_another_version_without_its_definition_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = Topic('/turret/joint_states', 'sensor_msgs/msg/JointState', '', 'RIHS01_' + '1' * 64)
    with BagWriter(tmp_path / 'b', [old]) as writer:
        writer.write(old.name, START_NS, b'\0\1\0\0' + bytes(8))
    assert main(['bag', 'export', 'b', '-o', 'csv']) == 0
    assert 'another version' in capsys.readouterr().err
    assert list((tmp_path / 'csv').iterdir()) == []


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_a_video_of_every_encoding_that_the_turret_uses(tmp_path: Path, encoding: str) -> None:
    kind, channels = ENCODINGS[encoding]
    step = 64 * channels * np.dtype(kind).itemsize
    rows = b''.join(bytes([60 + 2 * row]) * step for row in range(48))
    image = Image(width=64, height=48, step=step, encoding=encoding, data=rows)
    with BagWriter(tmp_path / 'b', [topic('camera/image_raw', Image)]) as writer:
        for i in range(5):
            writer.write('/turret/camera/image_raw', START_NS + i * 10**8, serialize_message(image))
    assert main(['bag', 'video', 'b', '-o', 'v.mp4']) == 0
    with av.open('v.mp4') as container:
        frames = [frame.to_ndarray(format='bgr24') for frame in container.decode(video=0)]
    assert len(frames) == 5
    assert 40 < frames[0][:20].mean() < 140


def test_one_damaged_image_costs_one_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / 'b')
    with Bag(tmp_path / 'b') as bag, BagWriter(tmp_path / 'c', bag.topics.values()) as writer:
        for i, message in enumerate(bag.messages(['/turret/camera/image_raw/compressed'])):
            writer.write(message.topic, message.stamp_ns, serialize_message(
                CompressedImage(format='jpeg', data=b'not a jpeg')) if i == 7 else message.data)
    assert main(['bag', 'video', 'c', '-o', 'v.mp4']) == 0
    assert '1 images are left out' in capsys.readouterr().err


def test_a_part_of_a_bag(bag: Path, tmp_path: Path) -> None:
    assert main(['bag', 'export', str(bag), '-o', 'csv', '--start', '0.5', '--duration', '0.2']) == 0
    with (tmp_path / 'csv' / 'turret_joint_states.csv').open() as file:
        rows = list(csv.DictReader(file))
    times = [(int(row['stamp_ns']) - START_NS - 20_000_000) * 1e-9 for row in rows]
    assert len(times) == 6
    assert min(times) >= 0.5
    assert max(times) < 0.7


def test_large_arrays_and_long_names_of_topics_are_bounded_in_tables(tmp_path: Path) -> None:
    name = '/' + 'x' * 300
    wide = Topic(name, 'not_installed/msg/Wide', 'int8[] cells\n')
    with BagWriter(tmp_path / 'b', [wide]) as writer:
        for _ in range(2):
            writer.write(name, START_NS, Codec(parse(wide.definition, wide.type)).encode({'cells': [1] * 500_000}, 0))
    assert main(['bag', 'export', 'b', '-o', 'csv']) == 0
    assert main(['bag', 'export', 'b', '-o', 'pq', '--parquet']) == 0
    (path,) = (tmp_path / 'csv').iterdir()
    with path.open() as file:
        assert file.readline() == 'stamp_ns,cells\n'


def test_a_plot_without_data_says_so(tmp_path: Path) -> None:
    write(tmp_path / 'b', without=tuple(name for name in TOPICS if name != 'camera/image_raw/compressed'))
    assert main(['bag', 'plot', 'b', '-o', 'p.svg']) == 0
    assert main(['bag', 'plot', 'b', '-o', 'p.html']) == 0
    assert 'no data to plot' in (tmp_path / 'p.html').read_text()


def test_default_names_never_overwrite(bag: Path, tmp_path: Path) -> None:
    write(tmp_path / 'x.1.5')
    write(tmp_path / 'x.1.6')
    for name in ('x.1.5', 'x.1.6', 'x.1.6'):
        assert main(['bag', 'plot', name]) == 0
    assert sorted(path.name for path in tmp_path.glob('*.png')) == ['x.1.5.png', 'x.1.6.png', 'x.1.6_2.png']


def test_the_newest_bag_is_meant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 'no bags in' in refusal(capsys, 'info', '--folder', 'bags')
    write(tmp_path / 'bags' / 'old')
    with BagWriter(tmp_path / 'bags' / 'new', [topic('laser/state', LaserState)]) as writer:
        writer.write('/turret/laser/state', 2 * START_NS, serialize_message(LaserState()))
    assert main(['bag', 'list', '--folder', 'bags']) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ['new', 'old']
    assert main(['bag', 'info', '--folder', 'bags']) == 0
    assert 'bag:       new' in capsys.readouterr().out


def test_what_was_cut_off_is_recovered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / 'b')
    path = tmp_path / 'b' / 'b_0.mcap'
    path.write_bytes(path.read_bytes()[:-30])
    assert './turret bag recover' in refusal(capsys, 'info', 'b')
    assert main(['bag', 'recover', 'b']) == 0
    assert 'b: 240 messages, repaired b_0.mcap' in capsys.readouterr().out
    assert main(['bag', 'info', 'b']) == 0


def test_what_is_no_bag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'x.mcap').write_text('words')
    assert 'x.mcap is not an MCAP file' in refusal(capsys, 'info', 'x.mcap')
    assert 'is not a valid name of a bag' in refusal(capsys, 'plot', '../nowhere')


@pytest.mark.parametrize(('topics', 'custom', 'namespace'), [
    (('/tf', '/left/joint_states'), {}, '/left'), (('/b/c/a',), {'turret.namespace': 'b/c'}, '/b/c'),
    (('/joint_states',), {}, ''),
    (('/left/joint_states',), {'turret.namespace': 'gone'}, '/left'), (('/a',), {}, None)])
def test_the_namespace_is_found(
        tmp_path: Path, topics: tuple[str, ...], custom: dict[str, str], namespace: str | None) -> None:
    described = [dataclasses.replace(topic('joint_states', JointState), name=name) for name in topics]
    with BagWriter(tmp_path / 'b', described, custom=custom):
        pass
    with Bag(tmp_path / 'b') as bag:
        if namespace is None:
            with pytest.raises(BagError):
                namespace_of(bag)
        else:
            assert namespace_of(bag) == namespace


def test_a_bag_without_a_turret_gives_no_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with BagWriter(tmp_path / 'b', [Topic('/a', 'std_msgs/msg/String', 'string data\n')]) as writer:
        writer.write('/a', START_NS, b'\0\1\0\0\1\0\0\0\0')
    assert 'no topics of a turret' in refusal(capsys, 'plot', 'b')
