# SPDX-License-Identifier: Apache-2.0
"""Several turrets on one host share neither names, ports, folders nor pins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from turret_bringup.run import assignment
from turret_bringup.settings import configuration
from turret_bringup.settings.configuration import Configuration
from turret_bringup.settings.graph import GROUPS, HARDWARE, PERCEPTION, groups_named
from turret_common.errors import TurretError
from turret_common.paths import runtime_dir, state_dir


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


def test_names_ports_frames_and_folders_differ_unless_told_otherwise() -> None:
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
    monkeypatch.delenv('ROS_DOMAIN_ID', raising=False)
    with assignment.hold_namespace('left', GROUPS):
        monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path / 'another'))
        for same_domain in ('0', '', '0 '):
            monkeypatch.setenv('ROS_DOMAIN_ID', same_domain)
            with pytest.raises(TurretError, match=r'"left" of ROS domain 0 .* is in use by the turret "left"'):
                assignment.hold_namespace('left', (PERCEPTION,))
        for other in ('Left', 'left_', 'lef', 'left/left', 'hall/left'):
            assignment.hold_namespace(other, GROUPS).close()
        monkeypatch.setenv('ROS_DOMAIN_ID', '5')
        assignment.hold_namespace('left', GROUPS).close()
    monkeypatch.setenv('ROS_DOMAIN_ID', '0')
    with assignment.hold_namespace('left', (HARDWARE,)):  # the groups of a turret may be started one after another
        assignment.hold_namespace('left', (PERCEPTION,)).close()


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
