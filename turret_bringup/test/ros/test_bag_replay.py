# SPDX-License-Identifier: Apache-2.0
"""The node ``bag`` replays bags: one at a time, in a graph of its own that ends with the node, however that ends."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter
from replay_bags import dangerous, images, write

from turret_bringup.bag_node import BagNode
from turret_bringup.run.isolated_turret import alive
from turret_common.reason_codes import ReasonCode
from turret_common.ros import qos
from turret_common.ros.params import RosParameters
from turret_common.testing.ros_testing import RosHarness
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import BagState
from turret_msgs.srv import DeleteBag, RenameBag, StartReplay, StopReplay
from turret_web.web_parameters import WebParameters

START_S = 60.0
END_S = 20.0


class Rig:
    """Bags, and what a bag node says about their replays."""

    def __init__(self, ros: RosHarness, folder: Path) -> None:
        self.ros = ros
        self.folder = folder
        write(folder / 'long', dangerous(2.0))
        write(folder / 'other', images(1.0))
        write(folder / 'silent', [])
        (folder / 'link').symlink_to(folder / 'long', target_is_directory=True)
        self.states = ros.collect(BagState, 'bag/state', qos.STATE)

    def gateway(self, **parameters: Any) -> None:
        """Add a node with the parameters of a web gateway."""
        node = self.ros.add(Node('web', namespace='turret', context=self.ros.context, parameter_overrides=[
            Parameter(name, value=value) for name, value in parameters.items()]))
        self.parameters = RosParameters(node, WebParameters)

    def add_node(self, ros: RosHarness | None = None) -> None:
        """Add a bag node to this process."""
        ros = ros or self.ros
        ros.add(BagNode(namespace='turret', context=ros.context, parameter_overrides=[
            Parameter('bag_dir', value=str(self.folder)), Parameter('ring.selection', value='off')]))

    def start(self, name: str = 'long', rate: float = 0.0) -> Any:
        return self.ros.call(StartReplay, 'bag/start_replay', StartReplay.Request(name=name, rate=rate))

    def start_when_ready(self, name: str = 'long') -> None:
        """Start a replay once the node knows the gateway."""
        def is_started() -> bool:
            answer = self.start(name)
            assert answer.success or answer.code == ReasonCode.NOT_READY, answer.message
            return bool(answer.success)
        wait_until(is_started, START_S, 'the start of a replay')

    def stop(self) -> Any:
        return self.ros.call(StopReplay, 'bag/stop_replay', StopReplay.Request(), END_S)

    def state(self, timeout_s: float = START_S, **values: Any) -> BagState:
        """Wait until a state has these values, of which True means any that is true."""
        def fits() -> Any:
            newest = self.states[-1] if self.states else None
            return newest is not None and all(
                bool(getattr(newest, name)) if value is True else getattr(newest, name) == value
                for name, value in values.items()) and newest
        state: BagState = wait_until(fits, timeout_s, f'{values} in the state')
        return state


@pytest.fixture
def rig(ros: RosHarness, tmp_path: Path) -> Rig:
    return Rig(ros, tmp_path / 'bags')


@pytest.fixture
def ended() -> Iterator[list[psutil.Process]]:
    """Processes to end whatever becomes of the test."""
    processes: list[psutil.Process] = []
    yield processes
    for process in processes:
        if process.is_running():
            process.kill()


def family(of: psutil.Process) -> list[psutil.Process]:
    """Return a process and all that it started, once its panel answers."""
    return [of, *of.children(recursive=True)]


def replays(parent: psutil.Process) -> list[psutil.Process]:
    """Return the replays that a process has started."""
    found = []
    for child in parent.children():
        try:
            if 'replay' in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=5.0)
        connection.request('GET', '/healthz')
        return connection.getresponse().status == 200
    except OSError:
        return False


def wait_for_the_end(processes: Sequence[psutil.Process], port: int) -> None:
    wait_until(lambda: not alive(processes), END_S, 'the end of all processes of the replay')
    with socket.socket() as probe:
        assert probe.connect_ex(('127.0.0.1', port)) != 0


def test_a_bag_is_replayed_until_it_is_stopped(rig: Rig, ended: list[psutil.Process]) -> None:
    rig.gateway()
    rig.add_node()
    rig.start_when_ready()
    assert rig.state(replay='long').replay_message == ''
    port = rig.state(replay='long', replay_port=True).replay_port
    assert answers(port)
    (replay,) = replays(psutil.Process())
    processes = family(replay)
    ended += processes
    assert {process.nice() for process in processes} == {min(19, psutil.Process().nice() + 10)}
    assert 'ROS_AUTOMATIC_DISCOVERY_RANGE' not in replay.environ()
    busy = rig.start('other')
    assert (busy.success, busy.code, busy.message) == (
        False, ReasonCode.BUSY, 'long is being replayed; end that replay first')
    for answer in (rig.ros.call(DeleteBag, 'bag/delete', DeleteBag.Request(name='long')), rig.ros.call(
            RenameBag, 'bag/rename', RenameBag.Request(name='long', new_name='new'))):
        assert (answer.success, answer.code) == (False, ReasonCode.BUSY)
    assert rig.ros.probe.count_publishers('/turret/safety/permit') == 0  # it plays in another domain
    stopped = rig.stop()
    assert stopped.success, stopped.message
    assert alive(processes) == []
    wait_for_the_end(processes, port)
    state = rig.state(replay='', replay_port=0)
    assert state.replay_message == ''
    assert rig.stop().code == ReasonCode.NOT_READY
    assert rig.ros.call(DeleteBag, 'bag/delete', DeleteBag.Request(name='long')).success


def test_a_replay_that_dies_or_cannot_be_played_is_reported(rig: Rig, ended: list[psutil.Process]) -> None:
    rig.gateway()
    rig.add_node()
    rig.start_when_ready('silent')
    state = rig.state(replay='', replay_message=True)
    assert state.replay_message.endswith('silent has no messages')
    assert rig.start().success
    port = rig.state(replay='long', replay_port=True, replay_message='').replay_port
    (replay,) = replays(psutil.Process())
    processes = family(replay)
    ended += processes
    replay.kill()
    assert rig.state(replay='').replay_message == 'the replay was killed by SIGKILL'
    wait_for_the_end(processes, port)
    assert rig.start('other').success


def test_it_ends_with_its_node(rig: Rig, ended: list[psutil.Process]) -> None:
    rig.gateway()
    others = RosHarness(rig.ros.domain_id)
    rig.add_node(others)
    rig.start_when_ready()
    port = rig.state(replay='long', replay_port=True).replay_port
    (replay,) = replays(psutil.Process())
    processes = family(replay)
    ended += processes
    others.close()
    assert alive(processes) == []
    wait_for_the_end(processes, port)


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_it_ends_with_the_process_of_its_node(rig: Rig, ended: list[psutil.Process], number: int) -> None:
    rig.gateway()
    node = subprocess.Popen(
        [sys.executable, '-m', 'turret_bringup.bag_node', '--ros-args', '-r', '__ns:=/turret', '-p',
         f'bag_dir:={rig.folder}'],
        env={**os.environ, 'ROS_DOMAIN_ID': str(rig.ros.domain_id)})
    ended.append(psutil.Process(node.pid))
    rig.state(replay='')
    rig.start_when_ready()
    port = rig.state(replay='long', replay_port=True).replay_port
    (replay,) = replays(psutil.Process(node.pid))
    processes = family(replay)
    ended += processes
    node.send_signal(number)
    node.wait(END_S)
    wait_for_the_end(processes, port)


def test_refusals_start_nothing(rig: Rig) -> None:
    rig.add_node()
    refused = {
        ('long', 0.0): ReasonCode.NOT_READY,  # there is no gateway
        ('', 1.0): ReasonCode.INVALID_ARGUMENT,
        ('../bags/long', 1.0): ReasonCode.INVALID_ARGUMENT,
        (str(rig.folder / 'long'), 1.0): ReasonCode.INVALID_ARGUMENT,
        ('--loop', 1.0): ReasonCode.INVALID_ARGUMENT,
        ('none', 1.0): ReasonCode.NOT_FOUND,
        ('link', 1.0): ReasonCode.NOT_FOUND,
        ('long', float('nan')): ReasonCode.NOT_FINITE,
        ('long', float('inf')): ReasonCode.NOT_FINITE,
        ('long', -1.0): ReasonCode.OUT_OF_RANGE,
        ('long', 101.0): ReasonCode.OUT_OF_RANGE}
    for (name, rate), code in refused.items():
        answer = rig.start(name, rate)
        assert (answer.success, answer.code) == (False, code), answer.message
        assert answer.message
    assert rig.stop().code == ReasonCode.NOT_READY
    assert replays(psutil.Process()) == []
    state = rig.state()
    assert (state.replay, state.replay_port, state.replay_message) == ('', 0, '')


def test_an_address_of_another_machine_is_refused(rig: Rig) -> None:
    rig.gateway(host='192.0.2.1')
    rig.add_node()
    answer = wait_until(
        lambda: (answer := rig.start()).code != ReasonCode.NOT_READY and answer, START_S, 'the gateway')
    assert (answer.success, answer.code) == (False, ReasonCode.IO_ERROR)
    assert replays(psutil.Process()) == []
