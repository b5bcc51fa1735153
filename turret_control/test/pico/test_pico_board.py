# SPDX-License-Identifier: Apache-2.0
"""The whole program of the Pico on an imitated board, and its step pulses in an emulator of the RP2040."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from imitated_board import Board
from pico_firmware import FOLDER, firmware

from turret_control.pico import protocol

EMULATION = FOLDER.parent / 'emulation'
CONFIG = firmware('config')
STILL = (0, 0, 1)
PROGRAM = [0x80A0, 0xA047, 0x80A0, 0xE301, 0xE000, 0xA027, 0x0046, 0x0083]  # as the assembler of MicroPython makes it
MIN_PULSE_US, MIN_DIRECTION_US = 1.9, 0.65  # of a DRV8825, which is the slowest of the common drivers


class Host:
    """Sends DRIVE frames to a board every 5 ms while it is not silent."""

    def __init__(self, order: Callable[[int], tuple[int, int, tuple[int, int, int]]], silent_us: int = 10**9) -> None:
        self.board = Board()
        for pin in (CONFIG.PAN_LOWER, CONFIG.PAN_UPPER, CONFIG.TILT_LOWER, CONFIG.TILT_UPPER, CONFIG.ESTOP):
            self.board.inputs[pin] = 0  # closed
        self.last_us = 0
        self._order, self._silent_us = order, silent_us
        self._seq, self._due_us = 0, 2_000

    def __call__(self, now_us: int) -> None:
        if now_us >= self._due_us and now_us < self._silent_us:
            self._due_us = now_us + 5_000
            flags, level, pan = self._order(now_us)
            self.board.received += protocol.encode(
                protocol.DRIVE, self._seq, protocol.pack_drive(50, flags, level, pan, STILL))
            self._seq += 1
            self.last_us = now_us

    def run(self, seconds: float) -> list[tuple[int, ...]]:
        """Return the states that the board has sent."""
        self.board.run(seconds, self)
        states, data = [], bytearray(self.board.sent)
        while (frame := protocol.take_frame(data)) is not None:
            assert frame[0] == protocol.STATE
            state = protocol.unpack_state(frame[2])
            assert state is not None
            states.append(state)
        assert not data
        return states


def all_on(now_us: int) -> tuple[int, int, tuple[int, int, int]]:
    return (protocol.MOTORS | protocol.LASER | protocol.INDICATOR if now_us > 10_000 else 0), 255, STILL


def forth_and_back(now_us: int) -> tuple[int, int, tuple[int, int, int]]:
    flags = protocol.MOTORS if now_us > 10_000 else 0
    return flags, 0, (2000 if now_us < 500_000 else -1500, 8000, 100_000)


def test_everything_is_off_from_the_first_moment_on() -> None:
    board = Board()
    board.run(0.01)
    assert {(pin, level) for _, pin, level in board.trace} == {
        (CONFIG.LASER, 0.0), (CONFIG.INDICATOR, 0), (CONFIG.PAN_ENABLE, 1), (CONFIG.TILT_ENABLE, 1),
        (CONFIG.PAN_DIR, 0), (CONFIG.TILT_DIR, 0)}
    assert board.timeout_us == 50_000
    assert board.programs == {CONFIG.PAN_STEP: PROGRAM, CONFIG.TILT_STEP: PROGRAM}


def test_pins_follow_the_frames_and_are_off_51_ms_after_the_last() -> None:
    for silent_us in range(100_000, 105_000, 700):
        host = Host(all_on, silent_us)
        host.run(0.2)
        on = {pin: [time for time, at, level in host.board.trace if at == pin and level == wanted] for pin, wanted in (
            (CONFIG.LASER, 1.0), (CONFIG.INDICATOR, 1), (CONFIG.PAN_ENABLE, 0), (CONFIG.TILT_ENABLE, 0))}
        assert all(len(times) == 1 for times in on.values())
        off = {pin: max(time for time, at, _ in host.board.trace if at == pin) for pin in on}
        for time in off.values():
            assert 49_000 < time - host.last_us <= 51_500, 'and a pass of the loop'


def test_the_emergency_stop_is_a_pin_and_a_broken_wire_presses_it() -> None:
    host = Host(all_on)

    def broken(now_us: int) -> None:
        host(now_us)
        if now_us > 100_000:
            host.board.inputs.pop(CONFIG.ESTOP, None)

    host.board.run(0.2, broken)
    assert (host.board.levels[CONFIG.LASER], host.board.levels[CONFIG.PAN_ENABLE]) == (0.0, 1)
    off_us = max(time for time, pin, _ in host.board.trace if pin == CONFIG.LASER)
    assert off_us - 100_000 <= 1_200


def test_a_loop_that_hangs_is_not_fed_to_the_watchdog_of_the_chip() -> None:
    host = Host(all_on)
    fed: list[int] = []

    def hang(now_us: int) -> None:
        host(now_us)
        assert host.board.fed_us is None or now_us - host.board.fed_us < 1_000_000
        if host.board.fed_us is not None:
            fed.append(host.board.fed_us)
        if 100_000 < now_us < 101_000:
            host.board.stuck_us = 60_000

    host.board.run(0.3, hang)
    gaps = [after - before for before, after in itertools.pairwise(fed)]
    assert max(gaps) > host.board.timeout_us, 'the real chip would have restarted'
    assert sorted(gaps)[-2] < 2_500


def test_bytes_that_are_no_frames_do_not_disturb_the_program() -> None:
    host = Host(forth_and_back)

    def noise(now_us: int) -> None:
        host(now_us)
        if now_us % 7_000 < 10:
            host.board.received += b'\xa5\x40\x03\x04\x04raw repl\x03'
    host.board.run(0.6, noise)
    assert host.board.levels[CONFIG.PAN_ENABLE] == 0


def emulated(program: str, *arguments: str, given: Any = None) -> str:
    """Return what a program of ``firmware/emulation`` prints; skip the test where it cannot run."""
    node = shutil.which('node')
    if node is None or not (EMULATION / 'node_modules').is_dir():
        pytest.skip('needs Node.js and the packages of firmware/emulation: ./turret setup for tests installs them')
    done = subprocess.run(
        [node, str(EMULATION / program), *arguments], input=json.dumps(given), capture_output=True, text=True,
        check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_firmware_runs_under_micropython() -> None:
    printed = emulated('micropython.mjs', str(FOLDER), 'selftest')
    assert printed.startswith('micropython 1 ')
    assert printed.count('good:') == len(firmware('selftest').TESTS)


@pytest.mark.parametrize('count', [1, 2, 7, 40, firmware('logic').MAX_RATE // 1000])
def test_the_pio_program_makes_as_many_pulses_as_it_was_asked_for_evenly(count: int) -> None:
    pause = max(0, 950 // count - 8)
    pulses = json.loads(emulated('pio.mjs', given={
        'program': PROGRAM, 'pin': CONFIG.PAN_STEP, 'words': [[10, count - 1], [12, pause]]}))
    rises = [time for time, level in pulses['edges'] if level]
    falls = [time for time, level in pulses['edges'] if not level]
    assert len(rises) == len(falls) == count
    assert {fall - rise for rise, fall in zip(rises, falls, strict=True)} == {4}
    assert {after - before for before, after in itertools.pairwise(rises)} <= {pause + 8}
    assert pulses['stalled'] - 10 < 1000, 'before the next period begins'


def test_the_steps_of_a_whole_motion_are_those_that_were_counted() -> None:
    """Frames in, edges of the STEP pin out: ``main.py`` on the board, its words through the PIO of the emulator."""
    host = Host(forth_and_back)
    states = host.run(1.4)
    board = host.board
    assert board.frequencies[CONFIG.PAN_STEP] == 1_000_000
    pulses = json.loads(emulated('pio.mjs', given={
        'program': PROGRAM, 'pin': CONFIG.PAN_STEP, 'words': board.words[CONFIG.PAN_STEP]}))
    rises = [time for time, level in pulses['edges'] if level]
    falls = [time for time, level in pulses['edges'] if not level]
    assert min(fall - rise for rise, fall in zip(rises, falls, strict=True)) >= MIN_PULSE_US
    assert min(after - before for before, after in itertools.pairwise(rises)) > 100, '8000 steps/s at most'
    turns = [(time, level) for time, pin, level in board.trace if pin == CONFIG.PAN_DIR]
    assert [level for _, level in turns] == [0, 1, 0], 'at rest, forth, back'
    for turn_us, _ in turns[1:]:
        assert not any(rise <= turn_us < fall for rise, fall in zip(rises, falls, strict=True))
        assert min(abs(rise - turn_us) for rise in rises) >= MIN_DIRECTION_US
    forth = sum(turns[1][0] <= rise < turns[2][0] for rise in rises)
    back = sum(rise >= turns[2][0] for rise in rises)
    assert forth + back == len(rises)
    assert forth - back == states[-1][5] == -1500, 'where the Pico says that it is'
    assert forth >= 2000
