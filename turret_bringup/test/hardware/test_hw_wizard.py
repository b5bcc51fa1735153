# SPDX-License-Identifier: Apache-2.0
"""./turret hw wizard: what it asks, what it writes, and that nothing moves without a yes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from turret_bringup import cli
from turret_bringup.hardware import wizard
from turret_bringup.hardware.found import Device
from turret_bringup.hardware.wizard import CHECKS, HEADS, ORDER, Wizard
from turret_bringup.settings import configuration
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.drivers.driver import Dialog
from turret_control.drivers.registry import DRIVERS
from turret_control.servo_bus.emulated_feetech import EmulatedFeetechBus, EmulatedSts
from turret_control.servo_bus.emulator import EmulatedServo
from turret_control.servo_bus.pty_bus import PtyBus

NUMBER = {name: str(number) for number, name in enumerate(HEADS, 1)}


class Person:
    """Answers questions by their words; what is not listed is answered with Enter."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.lines: list[str] = []
        self.asked: list[str] = []

    def ask(self, question: str) -> str:
        self.asked.append(question)
        for words, answer in self.answers.items():
            if words in question:
                return str(answer() if callable(answer) else answer)
        return ''

    @property
    def text(self) -> str:
        return '\n'.join(self.lines)


def make(person: Person, port: str = '', check: Callable[[str, Path], bool] = lambda name, path: True) -> Wizard:
    return Wizard(Dialog(person.lines.append, person.ask, lambda seconds: None), check, port)


@pytest.fixture
def bus() -> Iterator[tuple[str, EmulatedFeetechBus]]:
    emulated = EmulatedFeetechBus()
    served = PtyBus(emulated)
    yield served.path, emulated
    served.close()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for few servos, and wait long enough for them on a busy machine."""
    monkeypatch.setattr(wizard, '_IDS', range(1, 3))
    monkeypatch.setattr(wizard, '_ANSWER_S', 0.1)
    monkeypatch.setattr('turret_bringup.hardware.found.cameras', lambda: [])
    monkeypatch.setattr('turret_bringup.hardware.found.serial_ports', lambda: [])


def hand(servo: EmulatedServo, counts: float) -> Callable[[], str]:
    def move() -> str:
        assert not servo.shaft.powered
        servo.shaft.position = servo.shaft.goal = counts
        return ''
    return move


def both(*moves: Callable[[], str]) -> Callable[[], str]:
    def move() -> str:
        for one in moves:
            one()
        return ''
    return move


def test_bus_servos_are_identified_and_measured_by_hand(
        bus: tuple[str, EmulatedFeetechBus], tmp_path: Path) -> None:
    port, emulated = bus
    tilt, pan = emulated.servos  # the pan servo has ID 2, and is mounted upside down
    person = Person({
        'How is the head driven?': NUMBER['feetech'], 'Which camera?': '1', 'straight ahead': both(
            hand(pan, 2100), hand(tilt, 2000)), 'left end': hand(pan, 1100), 'right end': hand(pan, 3000),
        'upper end': hand(tilt, 2500), 'lower end': hand(tilt, 1700)})
    checks: list[str] = []
    output = tmp_path / 'my.yaml'
    assert make(person, port, lambda name, path: bool(checks.append(name)) or True).run(output)
    gimbal = yaml.safe_load(output.read_text())['/**/gimbal']['ros__parameters']
    assert gimbal['feetech']['pan'] == {
        'id': 2, 'center': 2100, 'invert': True, 'lower': pytest.approx(-1.381, abs=1e-3),
        'upper': pytest.approx(1.534, abs=1e-3)}
    assert gimbal['feetech']['tilt'] == {
        'id': 1, 'center': 2000, 'invert': False, 'lower': pytest.approx(-0.46, abs=1e-3),
        'upper': pytest.approx(0.767, abs=1e-3)}
    assert gimbal['pan']['upper'] == pytest.approx(1.484, abs=1e-3)
    assert checks == ['plan', 'servos', 'axis']
    assert f'./turret up --params {output}' in person.text
    config = configuration.compose('turret', [output])
    assert config.effective['gimbal'].driver == 'feetech'
    assert not config.effective['laser'].hardware


def test_new_servos_with_the_same_id_are_set_up_one_by_one(tmp_path: Path) -> None:
    emulated = EmulatedFeetechBus([EmulatedSts(1)])
    served = PtyBus(emulated)

    def connect() -> str:
        if len(emulated.servos) == 1:
            emulated.servos.append(EmulatedSts(1))
        return ''

    person = Person({
        'How is the head driven?': NUMBER['feetech'], 'Which camera?': '1', 'gets ID 2': 'yes',
        'Connect the other': connect})
    try:
        assert make(person, served.path).run(tmp_path / 'my.yaml')
    finally:
        served.close()
    assert sorted(servo.table[5] for servo in emulated.servos) == [1, 2]
    assert 'Neither servo moved' in person.text


def test_nothing_is_written_to_a_servo_without_a_yes(tmp_path: Path) -> None:
    emulated = EmulatedFeetechBus([EmulatedSts(1)])
    served = PtyBus(emulated)
    before = bytes(emulated.servos[0].table)
    person = Person({'How is the head driven?': NUMBER['feetech']})
    try:
        with pytest.raises(TurretError, match='nothing was written') as refusal:
            make(person, served.path).run(tmp_path / 'my.yaml')
    finally:
        served.close()
    assert refusal.value.code is ReasonCode.NOT_READY
    assert bytes(emulated.servos[0].table)[5:56] == before[5:56]
    assert not (tmp_path / 'my.yaml').exists()


@pytest.mark.parametrize('head', [head for head in HEADS if head not in ('feetech', 'dynamixel')])
def test_every_other_head_gives_a_file_that_is_accepted(head: str, tmp_path: Path) -> None:
    person = Person({'How is the head driven?': NUMBER[head], 'Which camera?': '1'})
    checks: list[str] = []
    output = tmp_path / 'my.yaml'
    assert make(person, '/dev/ttyACM7', lambda name, path: bool(checks.append(name)) or True).run(output)
    config = configuration.compose('turret', [output])
    driver = config.effective['gimbal'].driver
    laser = config.effective['laser']
    assert tuple(checks) == (*ORDER[driver], *(('laser',) if laser.hardware else ()))
    assert not config.effective['laser'].hardware or config.effective['laser'].dry_run
    assert driver != 'pico' or config.effective['gimbal'].pico.port == '/dev/ttyACM7'
    assert driver != 'onvif' or not any('laser' in question for question in person.asked)


def test_heads_in_the_network_get_what_was_answered(tmp_path: Path) -> None:
    person = Person({
        'How is the head driven?': NUMBER['ros2_control.yaml'], 'joint states': '/robot/joint_states',
        'joint of tilt': 'neck', 'Which camera?': '1'})
    output = tmp_path / 'ros.yaml'
    assert make(person).run(output)
    head = configuration.compose('turret', [output]).effective['gimbal'].ros
    assert (head.joint_states, head.command) == ('/robot/joint_states', '/head_controller/joint_trajectory')
    assert (head.pan.joint, head.tilt.joint) == ('pan_joint', 'neck')
    person = Person({
        'How is the head driven?': NUMBER['onvif_ptz.yaml'], 'device service': 'http://10.0.0.5/onvif/device_service',
        'stream': 'rtsp://10.0.0.5/main'})
    output = tmp_path / 'onvif.yaml'
    assert make(person).run(output)
    config = configuration.compose('turret', [output])
    assert config.effective['gimbal'].onvif.url == 'http://10.0.0.5/onvif/device_service'
    assert config.effective['gimbal'].onvif.user == 'operator'
    assert (config.effective['camera'].source, config.effective['camera'].url) == ('stream', 'rtsp://10.0.0.5/main')


def test_a_laser_on_a_pico_does_not_emit_and_is_checked(tmp_path: Path) -> None:
    person = Person({
        'How is the head driven?': NUMBER['usb_pico.yaml'], 'Pico of its own': 'yes', 'Pico of the laser': '1',
        'Path of the port': '/dev/ttyACM8', 'Which camera?': '1'})
    checks: list[str] = []
    output = tmp_path / 'my.yaml'
    assert make(person, '/dev/ttyACM7', lambda name, path: bool(checks.append(name)) or True).run(output)
    laser = configuration.compose('turret', [output]).effective['laser']
    assert (laser.driver, laser.pico.port, laser.dry_run, laser.has_watchdog) == ('pico', '/dev/ttyACM8', True, True)
    assert checks[-1] == 'laser'


def test_a_check_that_fails_says_what_to_do_and_can_be_repeated(tmp_path: Path) -> None:
    person = Person({'How is the head driven?': NUMBER['sim'], 'Which camera?': '1'})
    results = iter([False, True])
    person.answers['Repeat'] = 'yes'
    assert make(person, '', lambda name, path: next(results)).run(tmp_path / 'a.yaml')
    assert CHECKS['plan'].remedy in person.text

    def fail(name: str, path: Path) -> bool:
        raise TurretError(ReasonCode.DRIVER_FAULT, 'the cable is out')

    person.answers['Repeat'] = 'no'
    assert not make(person, '', fail).run(tmp_path / 'b.yaml')
    assert 'the cable is out' in person.text


def test_a_file_is_not_replaced_without_a_yes(tmp_path: Path) -> None:
    output = tmp_path / 'my.yaml'
    output.write_text('mine')
    person = Person({'How is the head driven?': NUMBER['sim'], 'Which camera?': '1'})
    with pytest.raises(TurretError, match='left as it is'):
        make(person).run(output)
    assert output.read_text() == 'mine'


def test_what_is_plugged_in_is_listed_and_a_camera_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_bringup.hardware.found.cameras', lambda: [Device('/dev/video7', 'HD Webcam')])
    monkeypatch.setattr('turret_bringup.hardware.found.serial_ports', lambda: [Device('/dev/ttyACM3', 'CH343')])
    person = Person({'How is the head driven?': NUMBER['sim'], 'Which camera?': '1'})
    make(person).run(tmp_path / 'my.yaml')
    assert '/dev/ttyACM3  CH343' in person.text
    camera = yaml.safe_load((tmp_path / 'my.yaml').read_text())['/**/camera']['ros__parameters']
    assert camera == {'source': 'v4l2', 'device': '/dev/video7'}


def test_every_driver_that_moves_motors_has_its_checks() -> None:
    assert set(ORDER) == set(DRIVERS.names)
    assert {step for steps in ORDER.values() for step in steps} | {'laser'} == set(CHECKS)
    assert all(step.expect and step.remedy for step in CHECKS.values())
    for driver, steps in ORDER.items():
        assert set(DRIVERS[driver].hardware_checks) <= set(steps)


def test_without_a_terminal_it_ends_with_a_sentence(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def end(question: str) -> str:
        raise EOFError

    monkeypatch.setattr('builtins.input', end)
    assert cli.main(['hw', 'wizard', '--output', str(tmp_path / 'x.yaml')]) == cli.WRONG_INPUT
    assert 'no answer: nothing was written' in capsys.readouterr().err
