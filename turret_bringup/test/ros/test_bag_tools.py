"""``./turret bag``: what is in a bag, as words, pictures, video and tables."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pyarrow.parquet
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import Header

from turret_bringup.bags.metadata import Topic
from turret_bringup.bags.writer import BagWriter
from turret_bringup.cli import main
from turret_bringup.evaluation.series import namespace_of
from turret_common.messages.definitions import definition, type_hash
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


def picture(number: int) -> np.ndarray[Any, Any]:
    image = np.full((120, 160, 3), 90, np.uint8)
    cv2.circle(image, (20 + 4 * number, 60), 10, (40, 40, 220), -1)
    return image


def messages(i: int) -> dict[str, Any]:
    """Return what a turret publishes for one picture."""
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
            header=header, format='jpeg', data=cv2.imencode('.jpg', picture(i))[1].tobytes()),
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
    from turret_bringup.bags.reader import Bag
    from turret_bringup.commands.bag import Relative
    from turret_bringup.evaluation.series import TOPICS as PLOTTED
    from turret_bringup.evaluation.series import Series
    with Bag(bag) as opened:
        series = Series()
        for name, stamp_ns, values in Relative(opened).messages(PLOTTED):
            series.add(name, (stamp_ns - opened.start_ns) * 1e-9, stamp_ns * 1e-9, values)
    assert series.angles['pan'][1][10] == pytest.approx(math.degrees(0.1))
    assert series.errors['as the controller sees it'][1][0] == pytest.approx(0.5, rel=1e-6)
    assert series.errors['in truth, to the nearest target'][1] == pytest.approx([2.0] * FRAMES)
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


def test_a_bag_without_pictures_gives_no_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / 'b', without=('camera/image_raw/compressed',))
    assert 'selection "full"' in refusal(capsys, 'video', 'b')


@pytest.mark.parametrize('change', [{'step': 7}, {'width': 10**6}, {'height': 0}, {'encoding': 'bayer'}, {'data': b''}])
def test_a_raw_picture_that_lies_about_its_size(
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


def test_a_damaged_message_is_a_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / 'b', {'joint_states': b'\0\1\0\0' + b'\xff' * 40})
    for words in (('plot', 'b'), ('export', 'b')):
        assert 'a message of /turret/joint_states is damaged' in refusal(capsys, *words)


def test_another_version_of_a_type_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = Topic('/turret/joint_states', 'sensor_msgs/msg/JointState', 'float64 x', 'RIHS01_' + '1' * 64)
    with BagWriter(tmp_path / 'b', [old]) as writer:
        writer.write(old.name, START_NS, b'\0\1\0\0' + bytes(8))
    assert main(['bag', 'export', 'b', '-o', 'csv']) == 0
    assert 'another version' in capsys.readouterr().err
    assert list((tmp_path / 'csv').iterdir()) == []


def test_the_newest_bag_is_meant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 'there are no bags' in refusal(capsys, 'info', '--folder', 'bags')
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
    assert 'b: 240 messages, rewrote b_0.mcap' in capsys.readouterr().out
    assert main(['bag', 'info', 'b']) == 0


def test_what_is_no_bag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'x.mcap').write_text('words')
    assert 'x.mcap is no MCAP file' in refusal(capsys, 'info', 'x.mcap')
    assert 'cannot be the name of a bag' in refusal(capsys, 'plot', '../nowhere')


def test_the_namespace_is_found_without_a_note() -> None:
    assert namespace_of(['/tf', '/left/joint_states'], {}) == '/left/'
    assert namespace_of(['/a'], {'turret.namespace': 'b/c'}) == '/b/c/'
    assert namespace_of(['/a'], {}) == '/'
