# SPDX-License-Identifier: Apache-2.0
"""The guardian: a small parent process of the laser driver that takes the fire line when the driver is silent or dead.

Both ends of their conversation are here. Over a socket pair the driver first sends one line of JSON that describes its
fire line, then a byte every 10 ms: ``A`` while the line may go high, before it first does so, and ``D`` while it may
not. The guardian sends a byte back for what it received. Neither outlives the other: when the driver falls silent the
guardian kills it, drives the line low and ends; when the guardian falls silent the driver switches emission off, and
exits once the connection is closed.

The guardian imports no ROS and keeps to the standard library, so that it stays small and has little that can fail.
Should the driver's threads be stuck when the guardian dies, the kernel sends it SIGTERM.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import struct
import sys
import termios
import time
import traceback
import tty
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, Protocol

from turret_common.plant_client import PlantError, PlantLink
from turret_common.threads.real_time import prepare_process
from turret_control.pico import protocol

_ARMED, _DISARMED = b'A', b'D'
_PULSE_NS = 10_000_000
#: Silence of an armed driver, in s, after which the guardian kills it; and of one that reported itself disarmed.
ARMED_SILENCE_S, _DISARMED_SILENCE_S = 0.05, 1.0
#: Silence of the guardian, in ns, after which the driver switches emission off.
_GUARDIAN_SILENCE_NS = 80_000_000
#: A driver has so long to start, in s, and so long to exit after SIGTERM.
_START_S = 60.0
_END_S = 2.0
#: The line of a driver that has ended is tried to be had for so long, in s.
_TAKE_S = 0.5
#: How often the guardian looks whether the driver's time is up, and whether it has ended, in s.
_LOOK_S, _REAP_S = 0.2, 0.002
_PRIORITY = 20


class GuardianLink:
    """The driver's end. Used by one thread."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._pulse_ns = 0
        self._armed = False
        self._heard_ns: int | None = None
        self.closed = False

    def announce(self, line: dict[str, Any]) -> None:
        """Tell the guardian which line to take."""
        self._send(json.dumps(line).encode() + b'\n')

    def pulse(self, armed: bool, now_ns: int) -> bool:
        """Tell the guardian that the driver lives; return whether the guardian does.

        Args:
            armed: the line may go high from now on.
            now_ns: CLOCK_MONOTONIC in ns.
        """
        if now_ns - self._pulse_ns >= _PULSE_NS or armed != self._armed:
            self._pulse_ns, self._armed = now_ns, armed
            self._send(_ARMED if armed else _DISARMED)
        try:
            if self._connection.recv(4096):
                self._heard_ns = now_ns
            else:
                self.closed = True
        except BlockingIOError:
            pass
        except OSError:
            self.closed = True
        return not self.closed and self._heard_ns is not None and now_ns - self._heard_ns < _GUARDIAN_SILENCE_NS

    def _send(self, data: bytes) -> None:
        try:
            self._connection.send(data)
        except BlockingIOError:
            pass  # a guardian that does not read is noticed by its silence
        except OSError:
            self.closed = True


class Line(Protocol):
    """A fire line as the guardian takes it."""

    def prepare(self) -> None:
        """Get ready while the driver still has it. Raises OSError."""

    def drive_low(self) -> None:
        """Take it and drive it low. Raises OSError."""


class SimLine:
    """The simulated hardware's laser pin."""

    def __init__(self, path: Path) -> None:
        self._link = PlantLink(path)

    def prepare(self) -> None:
        self.drive_low()

    def drive_low(self) -> None:
        try:
            self._link.call('pin', name='laser', level=0.0)
        except PlantError:  # the connection may be one to an earlier plant: once more, with a new one
            self._link.call('pin', name='laser', level=0.0)


class GpioLine:
    """A line of the kernel's GPIO character device (``linux/gpio.h``, version 2), held low until this process ends.

    The kernel gives it out once its owner is dead; until then taking it fails.
    """

    _GET_LINE = 0xC250B407  # GPIO_V2_GET_LINE_IOCTL: _IOWR(0xB4, 7, struct gpio_v2_line_request)
    _OUTPUT = 1 << 3  # GPIO_V2_LINE_FLAG_OUTPUT; without a value given it is low
    # offsets[64], consumer[32], config {flags, num_attrs, padding[5], attrs[10] of 24 bytes}, num_lines,
    # event_buffer_size, padding[5], fd
    _REQUEST = struct.Struct('=64I32sQI20x240xII20xi')

    def __init__(self, chip: str, line: int) -> None:
        self._path = chip
        self._line = line
        self._chip = -1
        self._fd = -1

    def prepare(self) -> None:
        self._chip = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)

    def drive_low(self) -> None:
        if self._fd >= 0:
            return
        if self._chip < 0:
            self.prepare()
        request = bytearray(self._REQUEST.pack(
            self._line, *(63 * [0]), b'laser guardian', self._OUTPUT, 0, 1, 0, -1))
        fcntl.ioctl(self._chip, self._GET_LINE, request)
        self._fd = self._REQUEST.unpack(request)[-1]


class PicoLine:
    """The laser pin of a Raspberry Pi Pico, which its own watchdog has switched off already when frames stopped."""

    _ANSWER_S = 0.1

    def __init__(self, port: str) -> None:
        self._port = port

    def prepare(self) -> None:
        """Nothing: while the driver has the port, no other process can open it."""

    def drive_low(self) -> None:
        port = os.open(self._port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            tty.setraw(port)
            os.write(port, protocol.encode(protocol.HELLO, 0))  # switches everything off
            data, end_by = bytearray(), time.monotonic() + self._ANSWER_S
            while (left := end_by - time.monotonic()) > 0.0:
                if select.select([port], [], [], left)[0]:
                    data += os.read(port, 4096)
                    while (frame := protocol.take_frame(data)) is not None:
                        if frame[0] == protocol.IDENTITY:
                            return
        except termios.error as error:
            raise OSError(*error.args) from error
        finally:
            os.close(port)
        raise OSError('the Pico does not answer')


class Guardian:
    """The parent's end."""

    def __init__(self, drive: Callable[[GuardianLink], int]) -> None:
        """Prepare it.

        Args:
            drive: the driver; it runs in a process of its own until it returns the exit code. It may import and start
                what the guardian must not.
        """
        self._drive = drive
        self._pid = 0
        self._line: Line | None = None
        self._armed = False
        self._end_by: float | None = None

    def run(self) -> int:
        """Start the driver, watch it until it ends or must be ended, leave the line low; return the exit code."""
        connection, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = os.fork()
        if self._pid == 0:
            connection.close()
            _exit_with(self._drive, GuardianLink(theirs))
        theirs.close()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._forward)
        _raise_priority()
        why = self._watch(connection)
        if why:
            os.kill(self._pid, signal.SIGKILL)
        self._drive_low()
        status = self._wait()
        end_by = time.monotonic() + _TAKE_S
        while (problem := self._drive_low()) and time.monotonic() < end_by:
            time.sleep(_REAP_S)
        if problem:
            sys.stderr.write(f'laser guardian: the fire line cannot be driven low: {problem}\n')
        if why:
            sys.stderr.write(f'laser guardian: the driver {why}; it was killed and the fire line is low\n')
            return 1
        return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1

    def _watch(self, connection: socket.socket) -> str:
        """Answer pulses until the driver ends; return why it must be killed, empty when it went by itself."""
        announcement = b''
        heard = time.monotonic()
        while True:
            silence = (ARMED_SILENCE_S if self._armed else _DISARMED_SILENCE_S) if self._line else _START_S
            connection.settimeout(min(silence, _LOOK_S))
            try:
                data = connection.recv(4096)
                connection.send(data[-1:])
            except TimeoutError:
                data = b''
                if time.monotonic() - heard >= silence:
                    return 'was silent'
            except OSError:
                return ''
            else:
                if not data:
                    return ''
                heard = time.monotonic()
            if self._end_by is not None and time.monotonic() >= self._end_by:
                return 'did not exit on SIGTERM'
            if self._line is None:
                announcement += data
                head, newline, data = announcement.partition(b'\n')
                if newline:
                    self._line = line_of(json.loads(head))
                    with contextlib.suppress(OSError):  # if it is still so at the end, that will show it
                        self._line.prepare()
            if data:
                self._armed = data.endswith(_ARMED)

    def _drive_low(self) -> str:
        """Drive the line low; return why that failed, empty when it did not."""
        problem = ''
        try:
            if self._line is not None:  # a driver that never announced its line never drove it
                self._line.drive_low()
        except OSError as error:
            problem = str(error)
        return problem

    def _wait(self) -> int:
        """Wait for the driver to end, with force when it takes too long; return its wait status."""
        end_by = time.monotonic() + _END_S
        while True:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._pid = 0
                return status
            if time.monotonic() >= end_by:
                os.kill(self._pid, signal.SIGKILL)
            time.sleep(_REAP_S)

    def _forward(self, number: int, _: FrameType | None) -> None:
        if self._end_by is None:
            self._end_by = time.monotonic() + _END_S
        if self._pid:
            os.kill(self._pid, number)


def _exit_with(drive: Callable[[GuardianLink], int], link: GuardianLink) -> NoReturn:
    """Run the driver and end this process, whatever comes, without returning to what the guardian was started from."""
    from turret_common.host.parent import end_with_parent  # in the driver only

    code = 1
    try:
        end_with_parent()
        code = drive(link)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001  the process ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def line_of(description: dict[str, Any]) -> Line:
    """Return the line that a driver announced."""
    if description['driver'] == 'gpio':
        return GpioLine(description['chip'], description['line'])
    if description['driver'] == 'pico':
        return PicoLine(description['port'])
    return SimLine(Path(description['socket']))


def _raise_priority() -> None:
    """Run before others where the system permits it; a guardian that waits for the processor, or a page, is late."""
    prepare_process()
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
