# SPDX-License-Identifier: Apache-2.0
"""What a replay that the node ``bag`` starts is given, and how its end is reported."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from turret_bringup import cli
from turret_bringup.commands.replay import options_of, web_assignments
from turret_bringup.replay import graph
from turret_bringup.replay.child import PORTS, access_of, command, environment, sentence
from turret_bringup.run import panel_address
from turret_common import params
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.testing.waiting import wait_until
from turret_web.web_parameters import WebParameters


def web(**changed: object) -> dict[str, object]:
    """Return the parameters of a web gateway as its node gives them."""
    return {name: params.plain(value) for name, value in {
        **params.flatten(WebParameters()), **changed}.items()}  # type: ignore[arg-type]


def test_nothing_of_the_turret_is_in_the_environment() -> None:
    turrets = {
        'ROS_STATIC_PEERS': '10.0.0.1', 'ROS_DISCOVERY_SERVER': '10.0.0.1:11811', 'ROS_SUPER_CLIENT': 'TRUE',
        'ROS_SECURITY_ENABLE': 'true', 'ROS_NAMESPACE': '/turret', 'FASTRTPS_DEFAULT_PROFILES_FILE': '/x.xml',
        'FASTDDS_DEFAULT_PROFILES_FILE': '/x.xml', 'XDG_STATE_HOME': '/state', 'NOTIFY_SOCKET': '/run/notify',
        'TURRET_BRIDGE_PATH': '/secret', 'RCUTILS_COLORIZED_OUTPUT': '1', 'SSH_CONNECTION': 'a 1 b 2'}
    needed = {'PATH': '/bin', 'HOME': '/home/me', 'LC_ALL': 'C.UTF-8', 'ROS_DISTRO': 'jazzy'}
    # The domain of the turret stays: the command keeps away from it.
    assert environment({**turrets, **needed, 'ROS_DOMAIN_ID': '7'}) == {**needed, 'ROS_DOMAIN_ID': '7'}


def test_access_to_the_panel_of_a_replay_is_that_to_the_turret(tmp_path: Path) -> None:
    given = web(
        host='0.0.0.0', allowed_hosts=('turret.example', "it's"), tls_certificate='/etc/a b.pem', tls_key='/etc/k.pem',
        port=8443, bridge='rosbridge_suite', media_dir='/media', **{
            'access.topics': ('status',), 'access.operator_services': (), 'limits.clients': 3})
    access = access_of(given, tmp_path / 'web.tokens', tmp_path / 'web.pem')
    words = command(tmp_path / 'a bag', 0.5, 8123, access)
    args = cli.parser().parse_args(words[3:])
    options = options_of(args)
    assert (args.bag, options.rate, options.port, options.paused, options.hold, args.parent) == (
        str(tmp_path / 'a bag'), 0.5, 8123, True, True, os.getpid())
    effective = graph.compose('turret', options.player(101), {}, web_assignments(options), True).effective['web']
    assert (effective.host, effective.allowed_hosts, effective.tls_certificate, effective.tls_key) == (
        '0.0.0.0', ('turret.example', "it's"), '/etc/a b.pem', '/etc/k.pem')
    assert (effective.access.topics, effective.access.operator_services, effective.limits.clients) == (
        ('status',), (), 3)
    assert (effective.tokens_file, effective.port) == (str(tmp_path / 'web.tokens'), 8123)
    assert (effective.bridge, effective.media_dir) == ('embedded', '')  # do not decide on access


def test_files_of_the_turret_take_the_place_of_those_in_the_state_of_the_replay(tmp_path: Path) -> None:
    own = access_of(web(tls_certificate='self-signed', tls_key='/x'), tmp_path / 'tokens', tmp_path / 'web.pem')
    assert (own['tls_certificate'], own['tls_key'], own['tokens_file']) == (
        str(tmp_path / 'web.pem'), '', str(tmp_path / 'tokens'))
    named = access_of(web(tokens_file='/etc/tokens'), tmp_path / 'tokens', tmp_path / 'web.pem')
    assert (named['tls_certificate'], named['tokens_file']) == ('', '/etc/tokens')


@pytest.mark.parametrize(('output', 'code', 'why'), [
    (b'anything', 0, ''),
    (b'turret | REPLAY of x\nturret: x has no messages\n', 2, 'x has no messages'),
    (b'turret: \x1b[31mred\x1b[0m \xff\n\n', 2, '[31mred [0m \ufffd'),
    (b'', 3, 'the replay exited with code 3'),
    (b'turret | all is well\n', -9, 'the replay was killed by SIGKILL'),
    (b'x' * 1000, 1, 'x' * 300)], ids=['well', 'refused', 'no text', 'silent', 'killed', 'long'])
def test_the_end_of_a_replay_is_one_sentence(output: bytes, code: int, why: str) -> None:
    assert sentence(output, code) == why


def test_the_first_free_port_is_taken_and_an_address_of_another_machine_is_refused() -> None:
    with socket.socket() as other:
        other.bind(('127.0.0.1', 0))
        taken = other.getsockname()[1]
        with pytest.raises(TurretError) as refused:
            panel_address.first_free('127.0.0.1', range(taken, taken + 1))
        assert refused.value.code is ReasonCode.BUSY
    with pytest.raises(TurretError) as refused:
        panel_address.first_free('192.0.2.1', PORTS)
    assert refused.value.code is ReasonCode.IO_ERROR


def test_a_replay_of_another_parent_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ended = subprocess.run(
        [sys.executable, '-m', 'turret_bringup.cli', 'replay', str(tmp_path), '--parent', '1'], check=False)
    assert ended.returncode == cli.WRONG_INPUT
    assert capfd.readouterr().err == 'turret: process 1 did not start this command, or has ended\n'


def has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_the_kernel_ends_a_process_with_its_parent(tmp_path: Path) -> None:
    child = 'import time, turret_common.host.parent as p; p.end_with_parent(); print(flush=True); time.sleep(60)'
    parent = subprocess.Popen(
        [sys.executable, '-c', f'import subprocess, sys; p = subprocess.Popen([sys.executable, "-c", {child!r}]); '
         'print(p.pid, flush=True); p.wait()'], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.stdout.readline()
    parent.kill()
    parent.wait(10.0)
    try:
        wait_until(lambda: has_ended(pid), 10.0, 'the end of the child')
    except AssertionError:
        os.kill(pid, signal.SIGKILL)
        raise
