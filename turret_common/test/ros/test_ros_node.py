# SPDX-License-Identifier: Apache-2.0
"""A node ends on a signal while it can still publish, and refuses a start with exit code 2."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from turret_common.ros.node import LAUNCHER_VARIABLE
from turret_common.testing.ros_testing import claim_domain
from turret_common.testing.waiting import wait_until

NODE = '''
import sys
import threading
import numpy  # starts threads of its own, on which a signal may land
from rclpy.node import Node
from std_msgs.msg import Empty
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.ros.node import run

class Example(Node):
    def __init__(self):
        super().__init__('example')
        self.publisher = self.create_publisher(Empty, 'last_words', 1)
        if '--refuse' in sys.argv:
            raise TurretError(ReasonCode.CAMERA_ABSENT, 'there is no camera')
        if '--fail' in sys.argv:
            threading.Timer(0.1, self.context.try_shutdown).start()
        print('ready', flush=True)

    def destroy_node(self):
        if self.context.ok():
            self.publisher.publish(Empty())
        print('safe', flush=True)
        super().destroy_node()

raise SystemExit(run(Example))
'''


def start(*arguments: str, launcher: str = '') -> 'subprocess.Popen[str]':
    environment = {
        **os.environ, 'ROS_DOMAIN_ID': str(claim_domain()), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        LAUNCHER_VARIABLE: launcher}
    return subprocess.Popen(
        [sys.executable, '-c', NODE, *arguments], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_node_while_it_can_still_publish(number: signal.Signals) -> None:
    with start() as process:
        assert process.stdout is not None
        assert process.stdout.readline() == 'ready\n'
        process.send_signal(number)
        output, errors = process.communicate(timeout=10.0)
    assert (output, errors, process.returncode) == ('safe\n', '', 0)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_repeated_signals_do_not_kill_the_ending_node(number: signal.Signals) -> None:
    with start() as process:
        assert process.stdout is not None
        assert process.stdout.readline() == 'ready\n'
        while process.poll() is None:
            process.send_signal(number)
            time.sleep(0.001)
        assert process.returncode == 0


def test_it_ends_with_its_launcher() -> None:
    with subprocess.Popen(['sleep', '600']) as launcher, start(launcher=str(launcher.pid)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == 'ready\n'
        launcher.kill()
        output, errors = process.communicate(timeout=10.0)
    assert (output, errors, process.returncode) == ('safe\n', '', 0)


def test_it_ends_at_once_where_its_launcher_is_gone() -> None:
    launcher = subprocess.Popen(['true'])
    launcher.wait()
    with start(launcher=str(launcher.pid)) as process:
        output, errors = process.communicate(timeout=10.0)
    assert (output, errors, process.returncode) == ('ready\nsafe\n', '', 0)


def test_sigusr1_prints_the_stack_and_the_node_continues() -> None:
    with start() as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == 'ready\n'
        process.send_signal(signal.SIGUSR1)
        while 'in <module>' not in process.stderr.readline():  # the outermost frame of the main thread comes last
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=10.0)
    assert (output, process.returncode) == ('safe\n', 0)


def test_a_refused_start_prints_the_reason() -> None:
    with start('--refuse') as process:
        output, errors = process.communicate(timeout=10.0)
    assert (output, process.returncode) == ('', 2)
    assert errors.strip() == 'there is no camera'


def test_a_failing_thread_ends_the_process() -> None:
    with start('--fail') as process:
        output, errors = process.communicate(timeout=10.0)
    assert (output, errors, process.returncode) == ('ready\nsafe\n', '', 1)


LOGGING = '''
import sys
import threading
from pathlib import Path
from rclpy.node import Node
from turret_common.ros.node import run

class Example(Node):
    def __init__(self):
        super().__init__('example')
        threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        for i in range(20_000):
            self.get_logger().warning(f'{i:06d} ' + 100 * 'x')
        Path(sys.argv[1]).touch()

raise SystemExit(run(Example, real_time=True))
'''


def test_a_log_without_a_reader_does_not_hold_up_a_node_in_real_time(tmp_path: Path) -> None:
    environment = {
        **os.environ, 'ROS_DOMAIN_ID': str(claim_domain()), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        'ROS_LOG_DIR': str(tmp_path / 'log')}
    logged = tmp_path / 'logged'
    with subprocess.Popen(
            [sys.executable, '-c', LOGGING, str(logged)], env=environment, stderr=subprocess.PIPE) as process:
        try:
            wait_until(logged.exists, 60.0)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30.0) == 0
        finally:
            process.kill()
        assert process.stderr is not None
        assert b'000000 xxx' in process.stderr.read()
    assert not list(tmp_path.glob('log/*'))  # a log file is a disk
