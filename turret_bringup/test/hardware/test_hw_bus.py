# SPDX-License-Identifier: Apache-2.0
"""./turret hw bus: scan, IDs and baud rates on an emulated bus, and the emulation as a command."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from turret_bringup import cli
from turret_bringup.hardware import found
from turret_control.servo_bus.emulated_feetech import EmulatedFeetechBus, EmulatedSts
from turret_control.servo_bus.feetech import FeetechBus
from turret_control.servo_bus.pty_bus import PtyBus

FAST = ['--timeout', '0.04', '--baud', '1000000']


@pytest.fixture
def bus() -> Iterator[tuple[str, EmulatedFeetechBus]]:
    emulated = EmulatedFeetechBus([EmulatedSts(1)])
    served = PtyBus(emulated)
    yield served.path, emulated
    served.close()


def test_new_servos_get_their_ids_one_after_the_other(
        bus: tuple[str, EmulatedFeetechBus], capsys: pytest.CaptureFixture[str]) -> None:
    port, emulated = bus
    assert cli.main(['hw', 'bus', 'scan', '--port', port, *FAST]) == 0
    assert capsys.readouterr().out == 'ID   1  1000000 Bd  STS3215\n'
    assert cli.main(['hw', 'bus', 'set-id', '1', '2', '--port', port, *FAST]) == 0
    emulated.servos.append(EmulatedSts(1))
    assert cli.main(['hw', 'bus', 'scan', '--port', port, *FAST]) == 0
    assert capsys.readouterr().out.count('STS3215') == 2
    assert cli.main(['hw', 'bus', 'set-id', '1', '2', '--port', port, *FAST]) == cli.WRONG_INPUT
    assert 'a servo with ID 2 is on the bus already' in capsys.readouterr().err


def test_a_baud_rate_is_changed_and_verified(
        bus: tuple[str, EmulatedFeetechBus], capsys: pytest.CaptureFixture[str]) -> None:
    port, emulated = bus
    assert cli.main(['hw', 'bus', 'set-baud', '1', '115200', '--port', port, *FAST]) == 0
    assert 'answers at 115200 Bd now' in capsys.readouterr().out
    assert emulated.baud_of(emulated.servos[0]) == 115_200
    assert cli.main(['hw', 'bus', 'scan', '--port', port, *FAST]) == 1
    assert 'No servo answers' in capsys.readouterr().out


@pytest.mark.parametrize('words', [['scan'], ['set-id', '1', '5'], ['set-baud', '1', '115200']])
def test_an_adapter_that_is_unplugged_meanwhile_is_one_sentence(
        words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    served = PtyBus(EmulatedFeetechBus([EmulatedSts(1)]))
    ping = FeetechBus.ping

    def unplug(bus: FeetechBus, servo: int) -> int | None:
        if servo == 5:
            served.close()
        return ping(bus, servo)

    monkeypatch.setattr(FeetechBus, 'ping', unplug)
    if words[0] == 'set-baud':
        monkeypatch.setattr(FeetechBus, 'set_baud', lambda bus, servo, baud: unplug(bus, 5))
    assert cli.main(['hw', 'bus', *words, '--port', served.path, *FAST]) == cli.WRONG_INPUT
    error = capsys.readouterr().err
    assert 'unplugged, or failed' in error
    assert error.count('\n') == 1


def test_a_port_that_is_missing_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(['hw', 'bus', 'scan', '--port', '/dev/nothing']) == cli.WRONG_INPUT
    assert capsys.readouterr().err.count('\n') == 1


def test_the_adapter_must_be_named_where_there_are_several(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for ports, words in (([], 'no USB serial adapter'), ([found.Device('/a', ''), found.Device('/b', '')], '/a, /b')):
        monkeypatch.setattr('turret_bringup.hardware.bus.serial_ports', lambda ports=ports: ports)
        assert cli.main(['hw', 'bus', 'scan']) == cli.WRONG_INPUT
        assert words in capsys.readouterr().err


def test_a_bus_is_emulated_for_other_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    link = tmp_path / 'servos'
    emulation = subprocess.Popen(
        [sys.executable, '-m', 'turret_bringup.cli', 'hw', 'bus', 'emulate', '--link', str(link)],
        stdout=subprocess.PIPE, text=True)
    try:
        assert emulation.stdout is not None
        assert str(link) in emulation.stdout.readline()
        deadline = time.monotonic() + 20.0
        while cli.main(['hw', 'bus', 'scan', '--port', str(link), *FAST]) and time.monotonic() < deadline:
            pass
        assert capsys.readouterr().out.count('STS3215') == 2
    finally:
        emulation.terminate()
        emulation.wait(10.0)


def test_devices_are_listed_with_their_names(tmp_path: Path) -> None:
    for path, text in (
            ('class/i2c-dev/i2c-1/name', 'bcm2835 (i2c@7e804000)\n'), ('class/video4linux/video0/name', 'HD Webcam\n'),
            ('class/video4linux/video0/index', '0\n'), ('class/video4linux/video1/name', 'HD Webcam\n'),
            ('class/video4linux/video1/index', '1\n')):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / 'bus/gpio/devices/gpiochip0').mkdir(parents=True)
    assert found.i2c_buses(tmp_path) == [found.Device('/dev/i2c-1', 'bcm2835 (i2c@7e804000)')]
    assert found.cameras(tmp_path) == [found.Device('/dev/video0', 'HD Webcam')]
    assert found.gpio_chips(tmp_path) == [found.Device('/dev/gpiochip0', 'GPIO')]


@pytest.mark.parametrize(('words', 'sentence'), [
    (['scan', '--timeout', 'nan'], '--timeout is above 0'), (['scan', '--timeout', '-1'], '--timeout is above 0'),
    (['scan', '--baud', '7'], '7 Bd is not one of'), (['set-id', '300', '3'], 'an ID is 0 to 253, not 300'),
    (['set-id', '-1', '3'], 'an ID is 0 to 253, not -1'), (['set-id', '1', '999'], 'an ID is 0 to 253, not 999'),
    (['set-baud', '1', '1000000', '--baud', '-5'], '-5 Bd is not one of'),
    (['emulate', '--latency', 'nan'], '--latency is 0 to 1 s')])
def test_what_no_servo_can_have_is_refused_before_anything_is_sent(
        bus: tuple[str, EmulatedFeetechBus], words: list[str], sentence: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    port = [] if words[0] == 'emulate' else ['--port', bus[0]]
    assert cli.main(['hw', 'bus', *words, *port]) == cli.WRONG_INPUT
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize('port', ['/dev/null', '/tmp', '/dev/no-such-port'])
def test_a_port_that_is_none_is_one_sentence(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(['hw', 'bus', 'scan', '--port', port, *FAST]) == cli.WRONG_INPUT
    assert 'cannot open the servo bus' in capsys.readouterr().err
