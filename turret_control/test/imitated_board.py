# SPDX-License-Identifier: Apache-2.0
"""A Raspberry Pi Pico as ``main.py`` of the firmware sees it: pins, PWM, state machines, USB, clock and watchdog.

The whole program runs here under CPython, one loop after the other. The words that it gives to its state machines can
be passed on to the PIO emulator of ``firmware/emulation``.
"""

from __future__ import annotations

import builtins
import types
from collections.abc import Callable
from typing import Any

from pico_firmware import FOLDER, firmware

_Space = types.SimpleNamespace
_LOOP_US = 40  # of work in each pass of the loop


class _EndError(Exception):
    """The board is switched off."""


class Assembler:
    """The instructions of ``rp2.asm_pio`` that the firmware uses, encoded as in chapter 3.4 of the RP2040 datasheet."""

    SOURCES = {'pins': 0, 'x': 1, 'y': 2, 'osr': 7}  # noqa: RUF012
    CONDITIONS = {'x_dec': 2, 'y_dec': 4}  # noqa: RUF012

    def __init__(self) -> None:
        self.words: list[int] = []
        self.labels: dict[str, int] = {}

    def __getitem__(self, delay: int) -> Assembler:
        self.words[-1] |= delay << 8
        return self

    def _word(self, word: int) -> Assembler:
        self.words.append(word)
        return self

    def names(self) -> dict[str, Any]:
        return {
            **self.SOURCES, **self.CONDITIONS, 'block': 1,
            'pull': lambda block: self._word(0x80A0), 'mov': lambda to, source: self._word(0xA000 | to << 5 | source),
            'set': lambda to, value: self._word(0xE000 | to << 5 | value),
            'jmp': lambda condition, label: self._word(condition << 5 | self.labels.get(label, 0)),
            'label': lambda name: self.labels.__setitem__(name, len(self.words))}


def assembled(function: Any) -> list[int]:
    """Return the words of a function that is decorated with ``rp2.asm_pio``."""
    assembler = Assembler()
    for _ in range(2):  # labels are known in the second pass
        assembler.words.clear()
        types.FunctionType(function.__code__, assembler.names())()
    return list(assembler.words)


class Board:
    """The board and the program on it.

    Attributes:
        now_us: time since power-on.
        levels: level of each output.
        trace: every change of an output, as (time [us], GPIO, level).
        inputs: level of each input; one that is missing is open, and pulled up.
        words: what each state machine was given, as (time [us], word), by GPIO of its pin.
        programs: PIO program of each state machine, by GPIO of its pin.
        frequencies: PIO clock of each state machine [Hz].
        received: bytes that the host sent and the program has not read.
        sent: bytes that the program sent to the host.
        fed_us: when the watchdog was fed last; None before it runs.
        timeout_us: of the watchdog.
        stuck_us: time that the next pass of the loop takes longer.
    """

    def __init__(self) -> None:
        self.now_us = 0
        self.levels: dict[int, float] = {}
        self.trace: list[tuple[int, int, float]] = []
        self.inputs: dict[int, int] = {}
        self.words: dict[int, list[tuple[int, int]]] = {}
        self.programs: dict[int, list[int]] = {}
        self.frequencies: dict[int, int] = {}
        self.received = bytearray()
        self.sent = bytearray()
        self.fed_us: int | None = None
        self.timeout_us = 0
        self.stuck_us = 0
        self._end_us = 0
        self._pass: Callable[[int], None] = lambda now_us: None

    def drive(self, pin: int, level: float) -> None:
        if self.levels.get(pin) != level:
            self.levels[pin] = level
            self.trace.append((self.now_us, pin, level))

    def run(self, seconds: float, each_pass: Callable[[int], None] = lambda now_us: None) -> None:
        """Power it on and run ``main.py``; ``each_pass`` is called at each look at the clock, and may send bytes."""
        self._end_us, self._pass = round(1e6 * seconds), each_pass
        source = compile((FOLDER / 'main.py').read_text(), 'main.py', 'exec')
        modules = self._modules()
        original = builtins.__import__

        def find(name: str, *args: Any) -> Any:
            return modules[name] if name in modules else original(name, *args)

        try:
            exec(source, {'__builtins__': {**vars(builtins), '__import__': find}, '__name__': 'main'})
        except _EndError:
            return
        raise AssertionError('the program ended')

    # What the program imports

    def _modules(self) -> dict[str, Any]:
        return {
            'config': firmware('config'), 'logic': firmware('logic'), 'time': self._time(), 'machine': self._machine(),
            'micropython': _Space(kbd_intr=lambda character: None), 'rp2': self._rp2(), **self._usb()}

    def _machine(self) -> Any:
        board = self

        class Pin:
            IN, OUT, PULL_UP = 'in', 'out', 'up'

            def __init__(self, number: int, mode: Any = None, pull: Any = None, value: Any = None) -> None:
                self.number, self._mode = number, mode
                if mode == self.OUT:
                    board.drive(number, int(value))
                if mode == self.IN:
                    assert pull == self.PULL_UP

            def value(self, level: Any = None) -> int:
                if level is None:
                    assert self._mode == self.IN
                    return board.inputs.get(self.number, 1)
                assert self._mode == self.OUT
                board.drive(self.number, int(level))
                return 0

        class PWM:
            def __init__(self, pin: Pin, freq: int, duty_u16: int) -> None:
                assert freq > 0
                self._pin = pin
                self.duty_u16(duty_u16)

            def duty_u16(self, value: int) -> None:
                assert 0 <= value <= 65535
                board.drive(self._pin.number, value / 65535)

        class WDT:
            def __init__(self, timeout: int) -> None:
                board.timeout_us, board.fed_us = 1000 * timeout, board.now_us

            def feed(self) -> None:
                board.fed_us = board.now_us

        return _Space(Pin=Pin, PWM=PWM, WDT=WDT)

    def _rp2(self) -> Any:
        board = self

        class StateMachine:
            def __init__(self, number: int, program: Any, freq: int, set_base: Any) -> None:
                self._pin = set_base.number
                board.programs[self._pin], board.frequencies[self._pin] = assembled(program), freq
                board.words[self._pin] = []

            def active(self, on: int) -> None:
                assert on

            def put(self, word: int) -> None:
                board.words[self._pin].append((board.now_us, word))

        def asm_pio(**options: Any) -> Callable[[Any], Any]:
            assert options == {'set_init': 'low'}
            return lambda function: function

        return _Space(PIO=_Space(OUT_LOW='low'), StateMachine=StateMachine, asm_pio=asm_pio)

    def _time(self) -> Any:
        board = self

        class Time:
            @staticmethod
            def ticks_us() -> int:
                board.now_us += 10  # of a pass that only waits
                if board.now_us >= board._end_us:
                    raise _EndError
                board._pass(board.now_us)
                return board.now_us & 0x3FFFFFFF  # it overflows

            @staticmethod
            def ticks_diff(end: int, begin: int) -> int:
                return ((end - begin + 0x20000000) & 0x3FFFFFFF) - 0x20000000

        return Time

    def _usb(self) -> dict[str, Any]:
        board = self

        class Poll:
            def register(self, stream: Any, what: int) -> None:
                pass

            def poll(self, timeout_ms: int) -> list[Any]:
                board.now_us += board.stuck_us
                board.stuck_us = 0
                return [1] if board.received else []

        class Input:
            def read(self, count: int) -> bytes:
                data = bytes(board.received[:count])
                del board.received[:count]
                return data

        class Output:
            def write(self, data: bytes) -> None:
                board.now_us += _LOOP_US
                board.sent.extend(data)

        return {
            'select': _Space(poll=Poll, POLLIN=1),
            'sys': _Space(stdin=_Space(buffer=Input()), stdout=_Space(buffer=Output()))}
