# SPDX-License-Identifier: Apache-2.0
"""``./turret replay`` as a person runs it: what it reaches, what it never reaches, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rclpy.node import Node
from replay_bags import Entry, dangerous, images, write
from sensor_msgs.msg import JointState, Joy

from turret_bringup import cli
from turret_bringup.bags.reader import Bag
from turret_common.ros.qos import NEWEST, STATE
from turret_common.testing.ros_testing import RosHarness, claim_domain, release_domain
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import (
    FireGrant,
    FireRequest,
    GimbalCommand,
    LaserState,
    ReplayState,
    SafetyPermit,
    TrackArray,
    TurretStatus,
)

sys.path.append(str(Path(__file__).parents[1] / 'ros'))

pytestmark = pytest.mark.system
GOLDEN = Path(__file__).parents[1] / 'goldens' / 'crossing'
#: Everything by which hardware could be moved or a laser could emit.
GUARDED = (
    (SafetyPermit, 'safety/permit'), (FireGrant, 'safety/fire_grant'), (LaserState, 'laser/state'),
    (GimbalCommand, 'gimbal/command'), (JointState, 'joint_states'), (Joy, 'joy'),
    (FireRequest, 'controller/fire_request'), (TurretStatus, 'status'))


class Replay:
    """A running ``./turret replay``."""

    def __init__(self, arguments: Sequence[object], environment: dict[str, str]) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, '-m', 'turret_bringup.cli', 'replay', *map(str, arguments)],
            env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines += self.process.stdout

    @property
    def text(self) -> str:
        return ''.join(self.lines)

    def code(self, timeout_s: float = 60.0) -> int:
        """Wait for the end and return the exit code."""
        code = self.process.wait(timeout_s)
        self._reader.join(5.0)
        return code


@contextmanager
def replay(*arguments: object, **environment: str) -> Iterator[Replay]:
    running = Replay(arguments, environment)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGINT)
            running.process.wait(20.0)


@pytest.fixture
def own(ros: RosHarness) -> Iterator[RosHarness]:
    """A harness in the domain of the replay; ``ros`` is in that of the shell."""
    harness = RosHarness(claim_domain())
    yield harness
    harness.close()
    release_domain(harness.domain_id)


@pytest.fixture
def unused() -> Iterator[int]:
    """A free domain for a replay."""
    domain = claim_domain()
    yield domain
    release_domain(domain)


def test_nothing_that_moves_or_fires_leaves_the_domain_of_a_replay(
        ros: RosHarness, unused: int, tmp_path: Path, own_state: Path) -> None:
    reached = [ros.collect(kind, topic, NEWEST) for kind, topic in GUARDED]
    with replay(write(tmp_path / 'bag', dangerous(2.0)), '--loop', '--no-panel', '--domain', unused, '--set',
                'replay.rate=2.0', ROS_DOMAIN_ID=str(ros.domain_id), ROS_AUTOMATIC_DISCOVERY_RANGE='SUBNET') as running:
        wait_until(lambda: 'REPLAY' in running.text, 30.0, 'the start')
        inside = RosHarness(unused)
        try:
            moved = inside.collect(GimbalCommand, 'gimbal/command', NEWEST)
            permits = inside.collect(SafetyPermit, 'safety/permit', NEWEST)
            wait_until(lambda: len(moved) > 5 and len(permits) > 5, 30.0, 'messages in the domain of the replay')
        finally:
            inside.close()
        names = {name for name, _ in ros.probe.get_node_names_and_namespaces()}
    assert reached == [[] for _ in GUARDED]
    assert names == {'probe'}
    assert not list(own_state.rglob('*')), 'the state of the turret was touched'


def test_a_node_that_may_drive_hardware_ends_it(unused: int, tmp_path: Path) -> None:
    with replay(write(tmp_path / 'bag', dangerous(2.0)), '--loop', '--no-panel', '--domain', unused) as running:
        wait_until(lambda: 'REPLAY' in running.text, 30.0, 'the start')
        inside = RosHarness(unused)
        try:
            wait_until(lambda: inside.probe.count_publishers('/turret/gimbal/command'), 30.0, 'the replay')
            inside.add(Node('laser', namespace='turret', context=inside.context))
            assert running.code() == 2
        finally:
            inside.close()
    assert running.lines[-1].startswith('turret: the node "laser"')


def test_it_ends_with_the_bag(unused: int, tmp_path: Path) -> None:
    with replay(write(tmp_path / 'bag', images(1.0)), '--no-panel', '--domain', unused) as running:
        assert running.code() == 0


def test_control_runs_again_on_what_was_recorded(unused: int, own_state: Path) -> None:
    with replay(GOLDEN, '--loop', '--no-panel', '--domain', unused, '--into', 'control') as running:
        wait_until(lambda: 'REPLAY' in running.text, 30.0, 'the start')
        inside = RosHarness(unused)
        try:
            again = inside.collect(GimbalCommand, 'gimbal/command', NEWEST)
            before = inside.collect(GimbalCommand, 'recorded/gimbal/command', NEWEST)
            wait_until(lambda: before and any(c.mode == GimbalCommand.MODE_VELOCITY for c in again), 40.0, 'aiming')
            publishers = inside.probe.get_publishers_info_by_topic('/turret/gimbal/command')
            assert [publisher.node_name for publisher in publishers] == ['controller']
        finally:
            inside.close()
    assert not list(own_state.rglob('*')), 'the state of the turret was touched'


def test_vision_runs_again_on_recorded_images(unused: int) -> None:
    with replay(GOLDEN, '--loop', '--no-panel', '--domain', unused, '--into', 'vision', '--set',
                'vision.method=balloon') as running:
        wait_until(lambda: 'REPLAY' in running.text, 30.0, 'the start')
        inside = RosHarness(unused)
        try:
            tracks = inside.collect(TrackArray, 'vision/tracks')
            state = inside.collect(ReplayState, 'replay/state', STATE)
            wait_until(lambda: any(message.tracks for message in tracks), 40.0, 'tracks')
            publishers = inside.probe.get_publishers_info_by_topic('/turret/vision/tracks')
            assert [publisher.node_name for publisher in publishers] == ['vision']
            assert list(state[-1].into) == ['vision']
        finally:
            inside.close()


def test_a_message_that_cannot_be_read_is_left_out_with_a_warning(unused: int, tmp_path: Path) -> None:
    bag = write(tmp_path / 'bag', [
        Entry(0.0, '/turret/status', TurretStatus()), Entry(0.1, '/turret/status', b'\0\1\0\0' + b'\xff' * 64)])
    with replay(bag, '--no-panel', '--domain', unused) as running:
        assert running.code() == 0
    assert running.text.count('/turret/status: a damaged message is left out') == 1
    assert 'Traceback' not in running.text


def truncated(folder: Path) -> Path:
    bag = write(folder / 'bag', images(1.0))
    file = next(bag.glob('*.mcap'))
    file.write_bytes(file.read_bytes()[:-200])
    return bag


def flipped(folder: Path) -> Path:
    bag = write(folder / 'bag', images(1.0))
    file = next(bag.glob('*.mcap'))
    data = bytearray(file.read_bytes())
    data[-60:-30] = b'\xff' * 30
    file.write_bytes(bytes(data))
    return bag


def outside(folder: Path) -> Path:
    bag = write(folder / 'bag', images(1.0))
    text = (bag / 'metadata.yaml').read_text()
    (bag / 'metadata.yaml').write_text(text.replace('bag_0.mcap', '../../etc/passwd'))
    return bag


def text_file(folder: Path) -> Path:
    path = folder / 'bag.mcap'
    path.write_text('no bag')
    return path


def nothing(folder: Path) -> Path:
    return folder / 'nowhere'


def empty(folder: Path) -> Path:
    (folder / 'bag').mkdir()
    return folder / 'bag'


def silent(folder: Path) -> Path:
    return write(folder / 'bag', [])


@pytest.mark.parametrize('command', [['replay'], ['bench', 'replay']], ids=' '.join)
@pytest.mark.parametrize('make', [truncated, flipped, outside, text_file, nothing, empty, silent])
def test_a_bag_that_is_none_is_refused_in_one_sentence(
        command: list[str], make: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*command, str(make(tmp_path))]) == cli.WRONG_INPUT
    out, err = capfd.readouterr()
    assert out == ''
    assert err.startswith('turret: ')
    assert err.count('\n') == 1


@pytest.mark.parametrize('words', [
    ['--start', '1000'], ['--start', '-1'], ['--start', 'nan'], ['--domain', '0'], ['--domain', '500'],
    ['--topics', 'nothing/*'], ['--remap', 'a'], ['--remap', '/turret/status:=/turret/gimbal/command']], ids=str)
def test_options_that_make_no_sense_are_refused(
        words: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('ROS_DOMAIN_ID', raising=False)
    bag = write(tmp_path / 'bag', dangerous(1.0))
    assert cli.main(['replay', str(bag), '--no-panel', *words]) == cli.WRONG_INPUT
    assert capfd.readouterr().err.count('\n') == 1


def test_a_bag_of_something_else_is_no_turrets(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bag = write(tmp_path / 'bag', [Entry(0.0, '/chatter', TurretStatus())])
    assert cli.main(['bench', 'replay', str(bag)]) == cli.WRONG_INPUT
    assert 'no topics of a turret' in capfd.readouterr().err
    with Bag(bag) as readable:
        assert readable.messages_total == 1
