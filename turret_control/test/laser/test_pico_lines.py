# SPDX-License-Identifier: Apache-2.0
"""The laser lines of a Pico with its firmware in this process: caps, watchdog, lost frames, and a Pico that goes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from typing import Any

import pytest
from pico_firmware import EmulatedPico, FirmwareWire, firmware

from turret_common.errors import TurretError
from turret_common.permit import PermitMonitor
from turret_common.reason_codes import ReasonCode
from turret_control.laser.lines.pico import PicoLines
from turret_control.laser.lines.registry import LINES
from turret_control.laser.state_machine import LaserCore, LaserState
from turret_control.laser.thread import LaserThread
from turret_control.laser_parameters import LaserParameters
from turret_control.pico import protocol
from turret_control.servo_bus.pty_bus import PtyBus

REAL = LaserParameters(driver='pico')


class Clock:
    now = 0

    def now_ns(self) -> int:
        return self.now


class Rig:
    def __init__(self, parameters: LaserParameters = REAL) -> None:
        self.clock = Clock()
        self.wire = FirmwareWire(self.clock)
        self.opened = 0
        self.parameters = parameters

    def open_wire(self, port: str, baud: int) -> FirmwareWire:
        assert port == '/dev/ttyACM1'
        if self.wire.broken:
            raise TurretError(ReasonCode.DRIVER_FAULT, 'no such port')
        self.opened += 1
        return self.wire

    def lines(self) -> PicoLines:
        return PicoLines(self.parameters, self.open_wire, self.wait)

    def wait(self, seconds: float) -> None:
        self.clock.now += round(1e9 * seconds)
        self.wire.run()

    @property
    def level(self) -> int:
        return int(self.wire.machine.laser.level)

    def hold(self, lines: PicoLines, seconds: float) -> None:
        """Beat every 5 ms as the thread of an armed laser does."""
        for _ in range(round(200 * seconds)):
            lines.beat()
            self.wait(0.005)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_nothing_is_emitted_while_the_watchdog_is_measured(rig: Rig) -> None:
    seen: set[int] = set()
    step = rig.wire.machine.step

    def watched(*args: Any) -> Any:
        made = step(*args)
        seen.add(rig.level)
        return made

    rig.wire.machine.step = watched
    rig.lines()
    assert seen == {0}
    assert not rig.wire.machine.indicator
    assert rig.wire.machine.reason == protocol.NONE


def test_it_is_dimmed_switched_and_fed(rig: Rig) -> None:
    lines = rig.lines()
    lines.set_indicator(True)
    lines.set_laser(0.5)
    rig.hold(lines, 0.5)
    assert rig.level == 128
    assert rig.wire.machine.indicator
    lines.set_laser(0.001)
    rig.wait(0.002)
    assert rig.level == 1, 'power that is not zero is not rounded to none'
    lines.set_laser(0.0)
    rig.wait(0.002)
    assert rig.level == 0
    lines.set_laser(1.0)
    rig.wait(0.002)
    assert rig.level == 255
    lines.close()
    rig.wait(0.002)
    assert (rig.level, rig.wire.machine.indicator, rig.wire.closed) == (0, False, True)


def test_without_beats_it_is_off_after_51_ms(rig: Rig) -> None:
    lines = rig.lines()
    lines.set_indicator(True)
    lines.set_laser(1.0)
    rig.wait(0.049)
    assert rig.level == 255
    rig.wait(0.002)
    assert (rig.level, rig.wire.machine.indicator) == (0, False)
    lines.beat()  # of the cycle that sent the level
    with pytest.raises(OSError, match='no frame arrived in time'):
        lines.beat()
    rig.wait(0.01)
    assert rig.level == 0, 'it stays off until it was asked for nothing'
    lines.set_laser(0.0)
    lines.set_laser(1.0)
    rig.wait(0.002)
    assert rig.level == 255


@pytest.mark.parametrize('disturbance', ['lose', 'corrupt'])
def test_single_lost_and_damaged_answers_disturb_nothing(rig: Rig, disturbance: str) -> None:
    lines = rig.lines()
    lines.set_indicator(True)
    lines.set_laser(1.0)
    for _ in range(20):
        setattr(rig.wire, disturbance, 1)
        rig.hold(lines, 0.01)
        assert rig.level == 255


def test_a_watchdog_that_does_not_act_is_refused(rig: Rig) -> None:
    step = rig.wire.machine.step

    def without_deadline(*args: Any) -> Any:
        rig.wire.machine._deadline_us = None  # noqa: SLF001  a firmware that is broken
        return step(*args)

    rig.wire.machine.step = without_deadline
    with pytest.raises(TurretError, match='does not act 60 ms after') as refused:
        rig.lines()
    assert refused.value.code is ReasonCode.NO_WATCHDOG
    assert rig.wire.closed


def test_one_that_reports_itself_tripped_all_the_time_is_refused_too(rig: Rig) -> None:
    rig.wire.machine._state = lambda now_us: protocol.pack_state(  # noqa: SLF001
        0, protocol.TRIPPED, protocol.FRAMES_STOPPED, 0, 0, 0, 0, 0, 0, 0)
    with pytest.raises(TurretError) as refused:
        rig.lines()
    assert refused.value.code is ReasonCode.NO_WATCHDOG


@pytest.mark.parametrize(('limits', 'accepted'), [
    ({}, True), ({'declared_mw': 1.0, 'profile': 'class2_play'}, False)])
def test_a_laser_that_may_emit_longer_than_its_pico_permits_is_refused(
        limits: dict[str, Any], accepted: bool) -> None:
    rig = Rig(LaserParameters(driver='pico', **limits))
    if accepted:
        rig.lines().close()
        return
    with pytest.raises(TurretError, match=r'permits 1\.1 s and 22 %') as refused:
        rig.lines()
    assert refused.value.code is ReasonCode.OUT_OF_RANGE


@pytest.mark.parametrize(('pause_s', 'cap'), [(0.0, 'pulse cap'), (0.05, 'duty cap')])
def test_the_caps_of_the_pico_hold_and_are_reported(rig: Rig, pause_s: float, cap: str) -> None:
    lines = rig.lines()
    lines.set_indicator(True)
    on = 0.0
    with pytest.raises(OSError, match=f'its {cap}'):  # noqa: PT012  the cap is met at some time
        for _ in range(100):
            lines.set_laser(1.0)
            for _ in range(100 if pause_s else 300):
                rig.hold(lines, 0.005)
                on += 0.005 * bool(rig.level)
            if pause_s:
                lines.set_laser(0.0)
                rig.hold(lines, pause_s)
    assert on == pytest.approx(2.2 if pause_s else 1.1, abs=0.02)
    assert rig.level == 0


def test_the_emergency_stop_at_the_pico_switches_off_and_is_named(rig: Rig) -> None:
    lines = rig.lines()
    lines.set_indicator(True)
    lines.set_laser(1.0)
    rig.hold(lines, 0.1)
    rig.wire.estop = True
    rig.wait(0.001)
    assert (rig.level, rig.wire.machine.indicator) == (0, False)
    with pytest.raises(OSError, match='the emergency stop is pressed'):
        lines.beat()
    lines.set_laser(0.0)  # which it is
    lines.set_indicator(False)
    with pytest.raises(OSError, match='the emergency stop is pressed'):
        lines.set_indicator(True)
    lines.set_indicator(False)
    rig.wire.estop = False
    rig.wait(0.01)
    lines.set_indicator(True)
    assert rig.wire.machine.indicator


def test_a_stop_that_is_pressed_at_the_start_delays_the_measurement(rig: Rig) -> None:
    rig.wire.estop = True
    rig.wait(0.01)
    lines = rig.lines()
    with pytest.raises(OSError, match='the emergency stop at the Pico is pressed'):
        lines.set_laser(0.0)
    rig.wire.estop = False
    rig.wait(0.01)
    lines.set_laser(0.0)
    lines.set_indicator(True)
    lines.set_laser(1.0)
    rig.wait(0.002)
    assert rig.level == 255


def test_a_pico_that_vanishes_and_returns_is_measured_again(rig: Rig) -> None:
    lines = rig.lines()
    lines.set_indicator(True)
    lines.set_laser(1.0)
    lines.beat()
    rig.wire.broken = True
    for use in (lines.beat, lambda: lines.set_laser(0.0)):
        with pytest.raises(OSError, match='cannot be driven'):
            use()
    rig.wire.broken = False
    rig.wire.machine = firmware('logic').Machine(firmware('config'))
    lines.set_laser(0.0)
    lines.set_indicator(False)
    assert rig.opened == 2
    lines.set_laser(1.0)
    rig.wait(0.002)
    assert rig.level == 255


def test_a_pico_that_restarts_while_it_emits_is_off_and_reported(rig: Rig) -> None:
    lines = rig.lines()
    lines.set_laser(1.0)
    lines.beat()
    rig.wire.machine = firmware('logic').Machine(firmware('config'))
    with pytest.raises(OSError, match='it was restarted'):
        lines.beat()
    rig.wait(0.01)
    assert rig.level == 0


def test_one_that_falls_silent_is_an_error(rig: Rig) -> None:
    lines = rig.lines()
    rig.wire.deaf = True
    with pytest.raises(OSError, match='does not answer'):
        lines.set_indicator(True)
    with pytest.raises(OSError, match='no Pico with the firmware'):
        lines.set_laser(0.0)
    lines.close()


def test_its_watchdog_needs_no_declaration() -> None:
    assert LaserParameters(driver='pico').has_watchdog
    assert not LaserParameters().has_watchdog
    assert [name for name in LINES.names if LINES[name].measured_watchdog] == ['pico']


def connected(parameters: LaserParameters) -> PicoLines:
    """Connect in real time, again where a busy machine delays the answers."""
    deadline = time.monotonic() + 20.0
    while True:
        try:
            return PicoLines(parameters)
        except TurretError:
            if time.monotonic() > deadline:
                raise


def test_the_thread_of_the_laser_faults_and_recovers_with_its_pico() -> None:
    """In real time on a pseudo-terminal: the port answers, falls silent while armed, and comes back."""
    pico = EmulatedPico()
    served = PtyBus(pico)  # type: ignore[arg-type]  what a bus is asked for
    parameters = LaserParameters(driver='pico', pico=type(REAL.pico)(served.path))  # type: ignore[attr-defined]
    core = LaserCore(parameters, PermitMonitor())
    ended: list[str] = []
    thread = LaserThread(core, connected(parameters), None, lambda: None, ended.append)
    thread.start()
    try:
        deadline = time.monotonic() + 20.0
        while core.state is LaserState.FAULT and time.monotonic() < deadline:
            time.sleep(0.005)
        assert core.state is LaserState.OFF
        pico.wire.deaf = True
        thread.call(lambda now_ns: setattr(thread, '_driven', None))
        while core.state is not LaserState.FAULT and time.monotonic() < deadline:
            time.sleep(0.005)
        assert core.state is LaserState.FAULT
        pico.wire.deaf = False
        while core.state is not LaserState.OFF and time.monotonic() < deadline:
            time.sleep(0.005)
        assert core.state is LaserState.OFF
        assert ended == []
    finally:
        thread.stop()
        served.close()
    assert not pico.emitting()


GUARDED = '''
    import os, signal, sys, time
    from turret_control.laser.guardian import Guardian

    def drive(link):
        from turret_control.laser.lines.pico import PicoLines
        from turret_control.laser_parameters import LaserParameters
        parameters = LaserParameters(driver='pico')
        lines = PicoLines(LaserParameters(driver='pico', pico=type(parameters.pico)(sys.argv[1])))
        link.announce(lines.description())
        lines.set_indicator(True)
        lines.set_laser(1.0)
        print('emitting', flush=True)
        while True:
            link.pulse(True, time.monotonic_ns())
            lines.beat()
            time.sleep(0.005)

    raise SystemExit(Guardian(drive).run())
'''


def test_a_killed_driver_leaves_it_off_and_its_guardian_switches_off_too() -> None:
    pico = EmulatedPico()
    seen: set[int] = set()
    step = pico.wire.machine.step

    def watched(*args: Any) -> Any:
        made = step(*args)
        seen.add(pico.wire.machine.laser.level)
        return made

    pico.wire.machine.step = watched
    served = PtyBus(pico)  # type: ignore[arg-type]
    path = os.pathsep.join(part for part in sys.path if part)
    errors = ''
    try:
        for _ in range(10):  # again where a busy machine delays the answers
            process = subprocess.Popen(
                [sys.executable, '-c', textwrap.dedent(GUARDED), served.path], stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, env={**os.environ, 'PYTHONPATH': path})
            assert process.stdout is not None
            emitting = process.stdout.readline() == 'emitting\n'
            process.terminate()  # the guardian passes it on, and the driver dies of it
            _, errors = process.communicate(timeout=20)
            if emitting and 255 in seen:
                break
        assert 255 in seen
        assert 'cannot be driven low' not in errors
        assert not pico.emitting()
        assert not pico.wire.machine._asked  # noqa: SLF001  the newest conversation is that of the guardian
        assert pico.wire.machine._seq is None  # noqa: SLF001
    finally:
        served.close()
