# SPDX-License-Identifier: Apache-2.0
"""The laser's thread with pins that fail, a guardian that comes and goes, and requests from other threads."""

from __future__ import annotations

import functools
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from lgpio_chip import Chip

from turret_common.errors import TurretError
from turret_common.permit import Permit, PermitMonitor, lease_digest
from turret_common.reason_codes import ReasonCode
from turret_common.testing.waiting import wait_until
from turret_control.laser.guardian import GuardianLink
from turret_control.laser.lines.registry import LINES
from turret_control.laser.state_machine import LaserCore, LaserState, Lines
from turret_control.laser.thread import LaserThread
from turret_control.laser_parameters import LaserParameters

MS = 1_000_000


class Pins:
    """Pins that remember what was driven, and may fail."""

    def __init__(self) -> None:
        self.driven: list[tuple[str, float]] = []
        self.broken = False
        self.beats = 0

    def beat(self) -> None:
        self.beats += 1

    def set_laser(self, level: float) -> None:
        self._drive('laser', level)

    def set_indicator(self, lit: bool) -> None:
        self._drive('indicator', float(lit))

    def description(self) -> dict[str, Any]:
        return {'driver': 'test'}

    def _drive(self, name: str, level: float) -> None:
        if self.broken:
            raise OSError('no such pin')
        self.driven.append((name, level))

    def level(self, name: str) -> float | None:
        return next((level for pin, level in reversed(self.driven) if pin == name), None)


class ScriptedCore(LaserCore):
    """A core whose wishes for the pins are given."""

    def __init__(self) -> None:
        super().__init__(LaserParameters(), PermitMonitor())
        self.wanted = Lines(0.0, False)

    def tick(self, now_ns: int) -> Lines:
        return Lines(0.0, False) if self.state is LaserState.FAULT else self.wanted


class Bench:
    def __init__(self, guardian: GuardianLink | None = None) -> None:
        self.core = ScriptedCore()
        self.pins = Pins()
        self.changes = 0
        self.ended: list[str] = []
        self.loop = LaserThread(self.core, self.pins, guardian, self._count, self.ended.append)

    def _count(self) -> None:
        self.changes += 1

    def start(self) -> Bench:
        self.loop.start()
        return self


@pytest.fixture
def bench() -> Iterator[Bench]:
    rig = Bench()
    yield rig
    rig.loop.stop()


def test_the_first_thing_driven_is_off(bench: Bench) -> None:
    bench.start()
    wait_until(lambda: bench.changes)
    assert bench.pins.driven == [('laser', 0.0), ('indicator', 0.0)]


def test_it_is_in_fault_until_the_pins_were_driven(bench: Bench) -> None:
    bench.pins.broken = True
    bench.start()
    wait_until(lambda: bench.core.state is LaserState.FAULT and bench.changes)
    with pytest.raises(TurretError) as refused:
        bench.loop.call(bench.core.arm)
    assert refused.value.code in (ReasonCode.IO_ERROR, ReasonCode.NOT_READY)
    bench.pins.broken = False
    wait_until(lambda: bench.core.state is LaserState.OFF)


def test_only_what_changes_is_driven_and_the_indicator_comes_first(bench: Bench) -> None:
    bench.start()
    wait_until(lambda: bench.core.state is LaserState.OFF)
    for wanted in (Lines(0.0, True), Lines(0.5, True), Lines(0.2, True), Lines(0.0, True), Lines(0.3, False)):
        bench.core.wanted = wanted
        wait_until(lambda wanted=wanted: bench.loop._driven == wanted)  # type: ignore[misc]  # noqa: SLF001  the level as driven
    bench.core.wanted = Lines(0.6, True)
    wait_until(lambda: bench.pins.level('laser') == 0.6)
    bench.core.wanted = Lines(0.0, False)
    wait_until(lambda: bench.pins.level('indicator') == 0.0)
    assert bench.pins.driven[2:] == [
        ('indicator', 1.0), ('laser', 0.5), ('laser', 0.2), ('laser', 0.0), ('indicator', 0.0), ('laser', 0.3),
        ('indicator', 1.0), ('laser', 0.6), ('laser', 0.0), ('indicator', 0.0)]


def test_pins_that_fail_are_a_fault_that_ends_with_its_cause(bench: Bench) -> None:
    bench.start()
    wait_until(lambda: bench.core.state is LaserState.OFF)
    bench.pins.broken = True
    bench.core.wanted = Lines(0.0, True)
    wait_until(lambda: bench.core.state is LaserState.FAULT)
    assert bench.core.snapshot(0).code is ReasonCode.IO_ERROR
    assert bench.core.snapshot(0).message == 'no such pin'
    bench.core.wanted = Lines(0.0, False)
    bench.pins.driven.clear()
    bench.pins.broken = False
    wait_until(lambda: bench.core.state is LaserState.OFF)
    assert bench.pins.driven == [('laser', 0.0), ('indicator', 0.0)]


def test_failing_pins_are_tried_again_ten_times_a_second(bench: Bench) -> None:
    tries: list[float] = []

    def fail(_: float) -> None:
        tries.append(time.monotonic())
        raise OSError
    bench.pins.set_laser = fail  # type: ignore[method-assign]
    bench.start()
    wait_until(lambda: len(tries) >= 4)
    assert all(b - a > 0.09 for a, b in itertools.pairwise(tries))


def test_the_watchdog_is_pulsed_while_armed_only(bench: Bench) -> None:
    bench.start()
    wait_until(lambda: bench.core.state is LaserState.OFF)
    time.sleep(0.05)
    assert bench.pins.beats == 0
    bench.core.wanted = Lines(0.0, True)
    wait_until(lambda: bench.pins.beats >= 10)
    bench.core.wanted = Lines(0.0, False)
    wait_until(lambda: bench.pins.level('indicator') == 0.0)
    before = bench.pins.beats
    time.sleep(0.05)
    assert bench.pins.beats == before


def test_a_watchdog_that_cannot_be_pulsed_switches_it_off_at_the_next_tick(bench: Bench) -> None:
    def fail() -> None:
        failed.append(time.monotonic_ns())
        bench.core.wanted = Lines(0.0, False)
        raise OSError('no such pin')
    failed: list[int] = []
    bench.pins.beat = fail  # type: ignore[method-assign]
    bench.start()
    wait_until(lambda: bench.core.state is LaserState.OFF)
    bench.core.wanted = Lines(0.5, True)
    wait_until(lambda: failed)
    wait_until(lambda: bench.pins.level('laser') == 0.0)
    assert len(failed) == 1
    assert bench.ended == []


def test_changes_are_published_and_nothing_else(bench: Bench) -> None:
    bench.start()
    wait_until(lambda: bench.core.state is LaserState.OFF)
    time.sleep(0.05)
    before = bench.changes
    time.sleep(0.05)
    assert bench.changes == before
    bench.core.wanted = Lines(0.5, True)
    wait_until(lambda: bench.changes == before + 1)


def test_requests_run_in_the_lasers_thread_and_answer(bench: Bench) -> None:
    bench.start()
    before = time.monotonic_ns()
    thread, now_ns = bench.loop.call(lambda now_ns: (threading.current_thread(), now_ns))
    assert thread is bench.loop
    assert before <= now_ns <= time.monotonic_ns()

    def refuse(_: int) -> None:
        raise ValueError('no')
    with pytest.raises(ValueError, match='no'):
        bench.loop.call(refuse)
    done: list[int] = []
    bench.loop.post(done.append)
    wait_until(lambda: done)


def test_a_request_to_a_thread_that_does_not_answer_is_refused_and_never_runs() -> None:
    bench, done = Bench(), []
    with pytest.raises(TurretError) as refused:
        bench.loop.call(done.append)
    assert refused.value.code is ReasonCode.TIMED_OUT
    bench.start()
    bench.loop.call(lambda _: None)
    assert done == []
    bench.loop.stop()


def test_it_ticks_every_5_ms_while_lit_or_unknown_and_every_20_ms_while_dark(bench: Bench) -> None:
    waits: list[float] = []
    bench.loop._mailbox.run_next = waits.append  # type: ignore[method-assign,assignment]  # noqa: SLF001  no thread runs here
    for driven in (Lines(0.0, False), Lines(0.0, True), Lines(0.5, True), None):
        bench.loop._driven = driven  # noqa: SLF001  the level as driven
        bench.loop._serve_one(0)  # noqa: SLF001  one step of the thread
    assert waits == pytest.approx([0.02, 0.005, 0.005, 0.005])
    bench.core.next_ns = lambda now_ns: now_ns + MS  # type: ignore[method-assign]
    bench.loop._serve_one(0)  # noqa: SLF001  one step of the thread
    assert waits[-1] == pytest.approx(0.001)  # a pulse ends between two ticks


def test_requests_do_not_hold_the_ticks_up(bench: Bench) -> None:
    bench.start()
    wait_until(lambda: bench.core.state is LaserState.OFF)
    bench.core.wanted = Lines(0.5, True)
    for _ in range(50):
        bench.loop.post(lambda _: None)
    wait_until(lambda: bench.pins.level('laser') == 0.5)


def test_stopping_switches_it_off_and_reports_no_one(bench: Bench) -> None:
    bench.start()
    bench.core.wanted = Lines(0.5, True)
    wait_until(lambda: bench.pins.level('laser') == 0.5)
    bench.loop.stop()
    assert not bench.loop.is_alive()
    assert bench.pins.level('laser') == 0.0
    assert bench.pins.level('indicator') == 0.0
    assert bench.ended == []


def test_stopping_before_the_start_drives_off(bench: Bench) -> None:
    bench.loop.stop()
    assert bench.pins.level('laser') == 0.0


@pytest.mark.parametrize('driver', ['gpio_pwm', 'gpio_digital', 'servo_relay'])
@pytest.mark.parametrize('end', ['stop', 'error'])
def test_the_real_lines_are_off_before_and_after_whatever_ends_it(
        monkeypatch: pytest.MonkeyPatch, driver: str, end: str) -> None:
    chip = Chip(monkeypatch)
    chip.outside[18] = True
    bench = Bench()
    bench.loop._lines = LINES[driver](LaserParameters(driver=driver, no_watchdog_accepted=True), chip.factory)  # noqa: SLF001  a line on an imitated chip
    dark, lit = (0.0, 0.1) if driver == 'servo_relay' else (0.0, 1.0)
    bench.start()
    wait_until(lambda: bench.core.state is LaserState.OFF)
    assert set(chip.levels(18)) <= {None, 0.0, dark}
    bench.core.wanted = Lines(1.0, True)
    wait_until(lambda: chip.level(18) == lit)
    assert chip.trace.index((23, 1.0)) < chip.trace.index((18, lit))
    if end == 'stop':
        bench.loop.stop()
    else:
        monkeypatch.setattr(bench.core, 'tick', lambda now_ns: 1 / 0)
        wait_until(lambda: bench.ended)
    assert (chip.level(18), chip.level(23)) == (dark, 0.0)
    last_lit = len(chip.trace) - 1 - chip.trace[::-1].index((18, lit))
    assert (18, dark) in chip.trace[last_lit:chip.trace.index((23, 0.0), last_lit)], 'the indicator outlasts the beam'
    chip.close()


def test_an_error_in_the_thread_switches_it_off(bench: Bench) -> None:
    bench.start()
    bench.core.wanted = Lines(0.5, True)
    wait_until(lambda: bench.pins.level('laser') == 0.5)

    def break_(_: int) -> Lines:
        raise RuntimeError('a defect')
    bench.core.tick = break_  # type: ignore[method-assign]
    wait_until(lambda: bench.ended)
    assert bench.ended == ['RuntimeError: a defect']
    assert bench.pins.level('laser') == 0.0
    assert bench.pins.level('indicator') == 0.0


def test_switching_off_is_tried_twice(bench: Bench) -> None:
    failures = [OSError('the connection was an old one')]
    drive = bench.pins.set_laser

    def fail_once(level: float) -> None:
        if failures:
            raise failures.pop()
        drive(level)
    bench.pins.set_laser = fail_once  # type: ignore[method-assign]
    bench.loop.stop()
    assert bench.pins.driven == [('laser', 0.0), ('indicator', 0.0)]


# With a guardian


class Guarded(Bench):
    """A bench whose guardian is this test."""

    def __init__(self) -> None:
        ours, self.guardian = socket.socketpair()
        self.guardian.settimeout(0.005)
        self.heard = b''
        self.answering = True
        super().__init__(GuardianLink(ours))
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        while True:
            try:
                data = self.guardian.recv(4096)
                self.heard += data
                if self.answering:
                    self.guardian.send(data[-1:])
            except TimeoutError:
                continue
            except OSError:
                return


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    rig = Guarded()
    yield rig
    rig.loop.stop()
    rig.guardian.close()


def test_the_guardian_gets_the_line_first(guarded: Guarded) -> None:
    guarded.start()
    wait_until(lambda: guarded.core.state is LaserState.OFF)
    line = b'{"driver": "test"}\n'
    wait_until(lambda: len(guarded.heard) > len(line))
    assert guarded.heard.startswith(line + b'D')


@pytest.mark.parametrize('power', [0.5, 1.0])
def test_a_line_that_cannot_be_driven_off_is_handed_to_the_guardian(bench: Bench, power: float) -> None:
    bench.start()
    bench.core.wanted = Lines(power, True)
    wait_until(lambda: bench.pins.level('laser') == power)
    tries: list[tuple[str, float]] = []
    drive = bench.pins._drive  # noqa: SLF001
    bench.pins._drive = lambda name, level: (tries.append((name, level)), drive(name, level))[1]  # type: ignore  # noqa: SLF001
    bench.pins.broken = True
    bench.core.wanted = Lines(0.0, False)
    before = time.monotonic()
    wait_until(lambda: bench.ended)  # which ends the process
    assert time.monotonic() - before < 1.0
    assert 'no such pin' in bench.ended[0]
    assert tries == [('laser', 0.0)] * 4, 'twice, and twice before the process ends'


def test_a_line_that_may_have_been_driven_on_counts_as_on(bench: Bench) -> None:
    bench.start()
    wait_until(lambda: bench.pins.level('indicator') == 0.0)
    bench.pins.set_indicator = lambda on: None  # type: ignore[method-assign]
    bench.pins.broken = True  # whether the level was set before the error came is not known
    bench.core.wanted = Lines(0.5, True)
    wait_until(lambda: bench.ended)


def test_the_guardian_learns_of_the_disarm_only_once_the_line_is_off(guarded: Guarded) -> None:
    guarded.start()
    guarded.core.wanted = Lines(0.5, True)
    wait_until(lambda: guarded.pins.level('laser') == 0.5)
    drive, blocked, go_on = guarded.pins.set_laser, threading.Event(), threading.Event()

    def block(level: float) -> None:
        blocked.set()
        go_on.wait(10.0)
        drive(level)
    guarded.pins.set_laser = block  # type: ignore[method-assign]
    guarded.core.wanted = Lines(0.0, False)
    assert blocked.wait(10.0)
    time.sleep(0.05)  # what was sent has arrived
    assert guarded.heard.endswith(b'A')
    go_on.set()
    wait_until(lambda: guarded.heard.endswith(b'D'))


def test_the_guardian_gets_of_the_arm_before_the_line_is_driven(guarded: Guarded) -> None:
    guarded.start()
    wait_until(lambda: guarded.core.state is LaserState.OFF)
    drive = guarded.pins.set_laser

    def drive_when_it_was_heard(level: float) -> None:
        if level > 0.0:
            wait_until(lambda: guarded.heard.endswith(b'A'))  # informed afterwards, it would never read it
        drive(level)
    guarded.pins.set_laser = drive_when_it_was_heard  # type: ignore[method-assign]
    guarded.core.wanted = Lines(0.5, True)
    wait_until(lambda: guarded.pins.level('laser') == 0.5)


def test_a_guardian_that_is_silent_switches_it_off_until_it_answers(guarded: Guarded) -> None:
    guarded.start()
    wait_until(lambda: guarded.core.state is LaserState.OFF)
    guarded.core.wanted = Lines(0.5, True)
    wait_until(lambda: guarded.pins.level('laser') == 0.5)
    guarded.answering = False
    wait_until(lambda: guarded.pins.level('laser') == 0.0)
    assert guarded.core.snapshot(0).code is ReasonCode.GUARDIAN_LOST
    assert guarded.core.snapshot(0).message == 'the guardian does not respond'
    assert guarded.ended == []
    guarded.core.wanted = Lines(0.0, False)
    guarded.answering = True
    wait_until(lambda: guarded.core.state is LaserState.OFF)


def test_a_guardian_that_is_gone_switches_it_off(guarded: Guarded) -> None:
    guarded.start()
    guarded.core.wanted = Lines(0.5, True)
    wait_until(lambda: guarded.pins.level('laser') == 0.5)
    guarded.guardian.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: guarded.ended)
    assert guarded.ended == ['the guardian has ended']
    assert guarded.pins.level('laser') == 0.0


# With the real rules


def test_a_pulse_ends_on_time() -> None:
    permits = PermitMonitor()
    core = LaserCore(LaserParameters(power=1.0), permits)
    pins, edges = Pins(), []
    drive = pins.set_laser

    def record(level: float) -> None:
        edges.append((time.monotonic(), level))
        drive(level)
    pins.set_laser = record  # type: ignore[method-assign]
    loop = LaserThread(core, pins, None, lambda: None, lambda _: None)
    loop.start()
    ending = threading.Event()

    def permit() -> None:
        seq = 0
        while not ending.wait(0.02):
            seq += 1
            permit = Permit(1, seq, time.monotonic_ns(), True, True, lease_digest('lease'), ())
            loop.post(functools.partial(permits.update, permit))
    threading.Thread(target=permit, daemon=True).start()
    try:
        def ready() -> bool:
            try:
                if core.state is LaserState.OFF:
                    loop.call(core.arm)
                elif core.state is LaserState.ARMED:
                    loop.call(lambda now_ns: core.fire(1, 0.1, 0.0, now_ns))
                    return True
            except TurretError:
                pass
            return False
        wait_until(ready)
        wait_until(lambda: edges[-1][1] == 0.0 and len(edges) >= 3)
    finally:
        ending.set()
        loop.stop()
    (on, level), (off, _) = next(
        (a, b) for a, b in itertools.pairwise(edges) if a[1] > 0.0)
    assert level == 1.0
    assert 0.095 < off - on < 0.2
