# SPDX-License-Identifier: Apache-2.0
"""Several turrets on one host share neither names, ports, folders nor pins."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import pytest

from turret_bringup.run import assignment, instance
from turret_bringup.run.assignment import JoinedDomain
from turret_bringup.settings import configuration
from turret_bringup.settings.configuration import Configuration
from turret_bringup.settings.environment import remember_discovery
from turret_bringup.settings.graph import GRAPH, GROUPS, HARDWARE, PERCEPTION, groups_named
from turret_common.errors import TurretError
from turret_common.paths import runtime_dir, state_dir
from turret_common.reason_codes import ReasonCode


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assignment, '_LOCK_FOLDERS', (tmp_path,))  # those of this machine may be in use


def composed(namespace: str, *assignments: str, file: str = '', groups: str = '') -> Configuration:
    return configuration.compose(
        namespace, [Path(file)] if file else [], assignments, groups=groups_named(groups),
        panel_port=assignment.panel_port(namespace))


def real(namespace: str, *assignments: str, groups: str = '') -> Configuration:
    return composed(namespace, 'camera.source=sim', *assignments, file='pi_servo_gpio.yaml', groups=groups)


def test_each_namespace_keeps_a_port_of_its_own() -> None:
    names = ['turret', 'left', 'right', 'hall/left']
    ports = [assignment.panel_port(name) for name in names]
    assert ports[0] == 8000
    assert len(set(ports)) == len(names)
    assert [assignment.panel_port(name) for name in names] == ports


def test_turrets_that_start_at_once_get_different_ports() -> None:
    code = 'import sys; from turret_bringup.run.assignment import panel_port; print(panel_port(sys.argv[1]))'
    started = [
        subprocess.Popen([sys.executable, '-c', code, f't{i}'], stdout=subprocess.PIPE, text=True) for i in range(4)]
    assert len({process.communicate(timeout=60.0)[0] for process in started}) == 4


def test_names_ports_frames_and_folders_differ_by_default() -> None:
    left, right = composed('left'), composed('right')
    assert left.effective['web'].port != right.effective['web'].port
    for node in ('vision', 'controller', 'camera'):
        assert left.effective[node].frame_prefix == 'left/'
        assert right.effective[node].frame_prefix == 'right/'
    assert state_dir('left') != state_dir('right')
    assert runtime_dir('left') != runtime_dir('right')
    assert composed('turret').effective['vision'].frame_prefix == ''
    chosen = composed('left', '*.frame_prefix=""', 'web.port=9000')
    assert (chosen.effective['vision'].frame_prefix, chosen.effective['web'].port) == ('', 9000)


def test_a_pin_belongs_to_one_turret_until_that_ends() -> None:
    with assignment.devices_held(real('left')):
        with pytest.raises(TurretError, match=r'GPIO \d+ \(gimbal\.servo\..*is in use by the turret "left"'):
            assignment.hold_devices(real('right'))
        with assignment.devices_held(composed('sim')):  # simulated hardware has none
            pass
    with assignment.devices_held(real('right')):
        pass


def test_a_camera_and_a_bus_belong_to_one_turret() -> None:
    with assignment.devices_held(composed('left', 'camera.source=v4l2', 'camera.device=/dev/video7')):
        with pytest.raises(TurretError, match='/dev/video7'):
            assignment.hold_devices(composed('right', 'camera.source=v4l2', 'camera.device=/dev/video7'))
        assignment.hold_devices(composed('right', 'camera.source=v4l2', 'camera.device=/dev/video8')).close()
    boards = [composed(name, 'camera.source=sim', 'laser.driver=sim', 'safety.estop_driver=sim', file='pi_pca9685.yaml')
              for name in ('left', 'right')]
    with assignment.devices_held(boards[0]), pytest.raises(TurretError, match=r'is in use by the turret "left"'):
        assignment.hold_devices(boards[1])


def test_a_device_is_the_same_by_every_link_to_it(tmp_path: Path) -> None:
    device, link = tmp_path / 'ttyUSB7', tmp_path / 'usb-servo-board'
    device.touch()
    link.symlink_to(device)
    boards = [composed(
        name, f'gimbal.feetech.port="{path}"', 'camera.source=sim', 'laser.driver=sim', 'safety.estop_driver=sim',
        file='pi5_feetech.yaml') for name, path in (('left', device), ('right', link))]
    with assignment.devices_held(boards[0]), pytest.raises(TurretError, match=r'ttyUSB7 .* is in use by the turret "l'):
        assignment.hold_devices(boards[1])


def test_a_namespace_of_a_domain_belongs_to_one_turret_whatever_its_state_folder(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_DOMAIN_ID', '0')
    with assignment.join_domain('left', GROUPS).locks:
        monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path / 'another'))
        for same_domain in ('0', '0 '):
            monkeypatch.setenv('ROS_DOMAIN_ID', same_domain)
            with pytest.raises(TurretError, match=r'"left" of ROS domain 0 .* is in use by the turret "left"'):
                assignment.join_domain('left', (PERCEPTION,))
        for other in ('Left', 'left_', 'lef', 'left/left', 'hall/left'):
            assignment.join_domain(other, GROUPS).locks.close()
        monkeypatch.setenv('ROS_DOMAIN_ID', '5')
        assignment.join_domain('left', GROUPS).locks.close()
    monkeypatch.setenv('ROS_DOMAIN_ID', '0')
    with assignment.join_domain('left', (HARDWARE,)).locks:  # the groups of a turret may be started one after another
        assignment.join_domain('left', (PERCEPTION,)).locks.close()


class Host:
    """The participants in the domains of a host; the turrets of a test choose from domains 0 to 3."""

    shell: ClassVar = {assignment.DOMAINS_VARIABLE: '0,1,2,3'}

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.present: dict[int, int] = {}
        self.locks = ExitStack()
        monkeypatch.setattr(assignment, 'participants', lambda domain: self.present.get(domain, 0))

    def join(self, namespace: str, groups: str = '', **shell: str) -> JoinedDomain:
        joined = assignment.join_domain(namespace, groups_named(groups), {**self.shell, **shell})
        self.locks.enter_context(joined.locks)
        return joined

    def start(self, namespace: str, **shell: str) -> int:
        """Start all nodes of a turret, long ago; return its domain."""
        number = self.join(namespace, **shell).number
        self.present[number] = self.present.get(number, 0) + len(GRAPH)
        for path in assignment.lock_folder().glob('turret-domain-*'):
            os.utime(path, (0, 0))
        return number


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host(monkeypatch)
    with host.locks:
        yield host


def test_a_domain_has_room_for_two_turrets_and_some_tools(host: Host) -> None:
    assert [host.start(f't{number}') for number in range(5)] == [0, 0, 1, 1, 2]
    host.present[0] = len(GRAPH)  # one has ended
    assert host.start('t5') == 0


def test_turrets_that_have_not_started_yet_have_their_room_too(host: Host) -> None:
    assert [host.join(f't{number}').number for number in range(5)] == [0, 0, 1, 1, 2]


def test_a_turret_that_is_started_again_gets_its_room_again(host: Host) -> None:
    for _ in range(5):
        with host.join('left').locks:
            assert host.join('right').number == 0
        host.locks.close()
    host.present[0] = len(GRAPH) + 5  # one turret, and tools
    assert host.join('left').number == 0


def test_other_programs_need_room_too_and_keep_their_other_domains(host: Host) -> None:
    host.present.update({0: 17, 1: 1})
    assert host.start('left') == 2
    host.present[0] = 16
    assert host.start('right') == 0


def test_no_room_in_any_domain_is_refused(host: Host) -> None:
    host.present.update(dict.fromkeys(range(4), 17))
    with pytest.raises(TurretError, match='none of the ROS domains 0 to 3 has enough free places') as refused:
        host.join('left')
    assert refused.value.code is ReasonCode.BUSY
    assert host.join('left', ROS_DOMAIN_ID='1').number == 1


def test_the_domain_of_the_shell_is_used_whatever_its_room(host: Host) -> None:
    host.present[7] = 30
    joined = host.join('left', ROS_DOMAIN_ID='7')
    assert joined.number == 7
    assert '30 programs' in joined.notes[0]
    assert host.join('right', ROS_DOMAIN_ID='8').notes == []
    assert host.join('right', ROS_DOMAIN_ID=' ').number == 0


@pytest.mark.parametrize('shell', [
    {'ROS_STATIC_PEERS': '10.0.0.2'}, {'ROS_DISCOVERY_SERVER': '10.0.0.2:11811'},
    {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}, {'RMW_IMPLEMENTATION': 'rmw_zenoh_cpp'}])
def test_a_turret_with_other_hosts_stays_in_the_domain_that_these_know(host: Host, shell: dict[str, str]) -> None:
    host.present[0] = 30
    assert host.join('left', **shell).number == 0


def test_further_groups_join_those_that_run(host: Host) -> None:
    host.present[0] = 30
    with instance.held('left', groups_named('hardware')):
        first = host.join('left', 'hardware')
        remember_discovery('left', {'ROS_DOMAIN_ID': str(first.number)})
        host.present.update(dict.fromkeys(range(4), 30))
        with instance.held('left', groups_named('perception,control')):
            assert host.join('left', 'perception,control').number == first.number == 1


def test_the_domain_is_shown_where_it_is_not_that_of_the_shell(host: Host) -> None:
    assert host.join('left').notes == []
    host.present[0] = 30
    note, = host.join('right').notes
    assert note.startswith('ROS_DOMAIN_ID 1: ')


@pytest.mark.parametrize('text', ['-1', '233', '1.0', 'one', '0x1', '٣', '1,2', '9' * 5000])
def test_what_is_not_a_domain_is_refused(text: str, host: Host) -> None:
    with pytest.raises(TurretError, match='is not a number from 0 to 232') as refused:
        host.join('left', ROS_DOMAIN_ID=text)
    assert refused.value.code is ReasonCode.INVALID_ARGUMENT
    with pytest.raises(TurretError, match=assignment.DOMAINS_VARIABLE):
        host.join('left', **{assignment.DOMAINS_VARIABLE: f'3,{text},-'})


@pytest.mark.parametrize('content', ['', 'x\n', 'x\ny\n', 'x\n-5\n'])
def test_a_lock_with_other_content_promises_nothing(host: Host, content: str) -> None:
    host.join('left')
    for path in assignment.lock_folder().glob('turret-domain-0-*'):
        path.write_text(content)
    assert host.join('right').number == 0


def test_turrets_that_start_at_once_do_not_get_the_same_room(tmp_path: Path) -> None:
    code = (
        'import sys; from pathlib import Path; from turret_bringup.run import assignment\n'
        'from turret_bringup.settings.graph import GROUPS\n'
        'assignment._LOCK_FOLDERS = (Path(sys.argv[1]),)\n'
        'assignment.participants = lambda domain: 0\n'
        'joined = assignment.join_domain(sys.argv[2], GROUPS)\n'
        'print(joined.number, flush=True); sys.stdin.read()')
    environment = {**os.environ, 'ROS_DOMAIN_ID': '', assignment.DOMAINS_VARIABLE: '0,1,2'}
    started = [subprocess.Popen(
        [sys.executable, '-c', code, str(tmp_path), f't{i}'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=environment) for i in range(5)]
    try:
        numbers = [process.stdout.readline().strip() for process in started if process.stdout]
    finally:
        for process in started:
            process.communicate(timeout=60.0)
    assert sorted(numbers) == ['0', '0', '1', '1', '2']


@pytest.mark.parametrize('namespace', ['left/run', 'left/bags/', '/hall/media/left'])
def test_a_namespace_within_the_folders_of_another_turret_is_refused(
        namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path))
    with pytest.raises(TurretError, match='is a folder of the turret'):
        state_dir(namespace)
    assert not list(tmp_path.iterdir())
    assert {state_dir(name) for name in ('run', 'left', 'hall/left', 'left/left')} == {
        tmp_path / 'turret' / name for name in ('run', 'left', 'hall/left', 'left/left')}


def test_a_host_without_the_hardware_takes_no_device() -> None:
    with assignment.devices_held(real('left')):
        assignment.hold_devices(real('left', groups='perception')).close()
