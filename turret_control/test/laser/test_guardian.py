# SPDX-License-Identifier: Apache-2.0
"""The guardian with drivers that misbehave, as processes, on a line that this test holds the other end of."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from turret_common.testing.waiting import wait_until
from turret_control.laser.guardian import Guardian, GuardianLink, PicoLine, line_of
from turret_control.pico import protocol

MS = 1_000_000
DRIVER = '''
    import os, signal, sys, time
    from turret_control.laser.guardian import Guardian

    def drive(link):
        link.announce({'driver': 'sim', 'socket': sys.argv[1]})
        def pulse(armed, seconds):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                link.pulse(armed, time.monotonic_ns())
                time.sleep(0.005)
        print('driver', os.getpid(), flush=True)
        BODY
        return 7

    BEFORE
    raise SystemExit(Guardian(drive).run())
'''


class Line:
    """The far end of a fire line: what the simulated hardware is to the guardian."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lows: list[int] = []
        self.refuse = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        for line in link.makefile():
            request = json.loads(line)
            assert request == {'op': 'pin', 'name': 'laser', 'level': 0.0}
            if self.refuse:
                self.refuse -= 1
                link.sendall(b'{"ok": false, "error": "busy"}\n')
                continue
            self.lows.append(time.monotonic_ns())
            link.sendall(b'{"ok": true}\n')

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    far_end = Line(tmp_path / 's')
    yield far_end
    far_end.close()


class Guarded:
    """A guardian process with a driver whose body is given, and what it does before it is one."""

    def __init__(self, line: Line, body: str, before: str = '') -> None:
        indented = textwrap.indent(textwrap.dedent(body), '    ').strip()
        code = textwrap.dedent(DRIVER).replace('BEFORE', before).replace('BODY', indented)
        path = os.pathsep.join(part for part in sys.path if part)
        self.process = subprocess.Popen(
            [sys.executable, '-c', code, str(line.path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, 'PYTHONPATH': path}, start_new_session=True)
        assert self.process.stdout is not None
        self.driver = int(self.process.stdout.readline().split()[1])

    def end(self) -> tuple[int, str]:
        """Wait until the guardian ends; return its exit code and what it wrote to standard error."""
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors

    def driver_lives(self) -> bool:
        try:
            state = Path(f'/proc/{self.driver}/stat').read_text().rpartition(')')[2].split()[0]
        except OSError:
            return False
        return state != 'Z'


def test_the_drivers_exit_code_is_passed_on_and_the_line_is_low(line: Line) -> None:
    guarded = Guarded(line, 'pulse(False, 0.1)')
    code, errors = guarded.end()
    assert (code, errors) == (7, '')
    assert len(line.lows) >= 3, 'once to get ready, once at the end of the driver, once when it is gone'


def test_a_driver_may_take_its_time_to_start_and_end_without_a_line(line: Line) -> None:
    before = 'def drive(_): print("driver", os.getpid(), flush=True); time.sleep(1.3); return 7'
    assert Guarded(line, '', before).end() == (7, '')
    assert line.lows == []


def test_a_driver_that_hangs_up_may_end_by_itself(line: Line) -> None:
    code, errors = Guarded(line, 'pulse(False, 0.05); link._connection.close(); time.sleep(0.3)').end()
    assert (code, errors) == (7, '')


def test_a_driver_that_hangs_up_and_does_not_end_is_killed(line: Line) -> None:
    guarded = Guarded(line, 'pulse(False, 0.05); link._connection.close(); time.sleep(60)')
    assert guarded.end() == (1, '')
    assert not guarded.driver_lives()


def test_what_a_driver_wrote_last_is_not_lost(line: Line) -> None:
    guarded = Guarded(line, "sys.stdout.write('last '); sys.stderr.write('words')")
    assert guarded.process.stdout is not None
    assert guarded.process.stdout.read() == 'last '
    assert guarded.end() == (7, 'words')


def test_a_driver_that_crashes_leaves_the_line_low(line: Line) -> None:
    guarded = Guarded(line, 'pulse(True, 0.1); os.abort()')
    code, _ = guarded.end()
    assert code == 1
    assert len(line.lows) >= 2


def test_a_driver_that_raises_leaves_the_line_low_and_says_why(line: Line) -> None:
    guarded = Guarded(line, 'pulse(True, 0.1); raise RuntimeError("oh")')
    code, errors = guarded.end()
    assert code == 1
    assert 'RuntimeError: oh' in errors
    assert len(line.lows) >= 2


@pytest.mark.parametrize(('end', 'expected'), [('SystemExit(5)', 5), ('SystemExit("no")', 1), ('SystemExit()', 1)])
def test_a_driver_that_exits_leaves_the_line_low(line: Line, end: str, expected: int) -> None:
    code, _ = Guarded(line, f'pulse(True, 0.1); raise {end}').end()
    assert code == expected
    assert len(line.lows) >= 2


def test_an_armed_driver_that_falls_silent_is_killed_within_50_ms(line: Line) -> None:
    guarded = Guarded(line, '''
        pulse(True, 0.2)
        print(time.monotonic_ns(), flush=True)
        time.sleep(60)
        ''')
    assert guarded.process.stdout is not None
    silent_ns = int(guarded.process.stdout.readline())
    code, errors = guarded.end()
    assert code == 1
    assert 'silent' in errors
    assert not guarded.driver_lives()
    assert 30 * MS < line.lows[1] - silent_ns < 150 * MS


def test_a_disarmed_driver_may_be_busy_for_a_second(line: Line) -> None:
    guarded = Guarded(line, '''
        pulse(True, 0.001)
        pulse(False, 0.05)
        time.sleep(0.6)
        pulse(False, 0.05)
        print(time.monotonic_ns(), flush=True)
        time.sleep(60)
        ''')
    assert guarded.process.stdout is not None
    silent_ns = int(guarded.process.stdout.readline())
    code, _ = guarded.end()
    assert code == 1
    assert 900 * MS < line.lows[1] - silent_ns < 1500 * MS


def test_a_stopped_driver_is_killed(line: Line) -> None:
    guarded = Guarded(line, 'pulse(True, 0.1); print("armed", flush=True); pulse(True, 60)')
    assert guarded.process.stdout is not None
    guarded.process.stdout.readline()
    os.kill(guarded.driver, signal.SIGSTOP)
    code, _ = guarded.end()
    assert code == 1
    assert not guarded.driver_lives()
    assert len(line.lows) >= 2


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_reach_the_driver(line: Line, number: signal.Signals) -> None:
    guarded = Guarded(line, f'''
        signal.signal({number.value}, lambda *_: sys.exit(5))
        print('ready', flush=True)
        pulse(False, 60)
        ''')
    assert guarded.process.stdout is not None
    guarded.process.stdout.readline()
    guarded.process.send_signal(number)
    code, _ = guarded.end()
    assert code == 5


def test_a_driver_that_does_not_end_on_request_is_killed_however_often_it_is_asked(line: Line) -> None:
    guarded = Guarded(line, '''
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print('ready', flush=True)
        pulse(False, 60)
        ''')
    assert guarded.process.stdout is not None
    guarded.process.stdout.readline()
    start = time.monotonic()
    while guarded.process.poll() is None and time.monotonic() - start < 10.0:
        guarded.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            guarded.process.wait(0.3)
    code, errors = guarded.end()
    assert code == 1
    assert 'did not exit' in errors
    assert 1.5 < time.monotonic() - start < 4.0
    assert not guarded.driver_lives()


def test_a_driver_learns_that_its_guardian_is_gone(line: Line) -> None:
    guarded = Guarded(line, '''
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end = time.monotonic() + 15.0
        print('ready', flush=True)
        while (link.pulse(True, time.monotonic_ns()) or not link.closed) and time.monotonic() < end:
            time.sleep(0.005)
        ''')
    assert guarded.process.stdout is not None
    guarded.process.stdout.readline()
    guarded.process.kill()
    guarded.process.wait()
    wait_until(lambda: not guarded.driver_lives())


def test_a_stuck_driver_is_ended_by_the_kernel_when_its_guardian_is_gone(line: Line) -> None:
    guarded = Guarded(line, 'time.sleep(60)')
    guarded.process.kill()
    guarded.process.wait()
    wait_until(lambda: not guarded.driver_lives())


def test_a_guardian_runs_before_others_where_the_system_lets_it(line: Line) -> None:
    before = """
def raise_to(*priority):
    sys.stderr.write(f'{priority}')
os.setpriority, os.sched_setscheduler, os.sched_param = raise_to, raise_to, int
"""
    raised = f'(0, 0, -10)(0, {os.SCHED_FIFO}, 5)(0, {os.SCHED_FIFO}, 20)'
    assert Guarded(line, 'pulse(False, 0.05)', before).end() == (7, raised)
    refuse = 'os.setpriority = lambda *_: os.open("/nowhere", 0)'
    assert Guarded(line, 'pulse(False, 0.05)', refuse).end() == (7, '')


def test_each_pulse_is_answered() -> None:
    driver, ours = socket.socketpair()
    watch = Guardian(lambda _: 0)._watch  # noqa: SLF001  without forking a driver
    watching = threading.Thread(target=watch, args=(ours,), daemon=True)
    watching.start()
    driver.settimeout(5.0)
    driver.send(b'DDA')
    assert driver.recv(100) == b'A'
    driver.close()
    watching.join(5.0)
    assert not watching.is_alive()


def test_a_line_that_cannot_be_had_at_first_is_tried_again(line: Line) -> None:
    line.refuse = 20
    code, errors = Guarded(line, 'pulse(False, 0.1)').end()
    assert (code, errors) == (7, '')
    assert line.refuse == 0
    assert line.lows


def test_a_signal_after_the_end_of_the_driver_reaches_no_one(line: Line) -> None:
    line.refuse = 10**6
    guarded = Guarded(line, 'pulse(False, 0.05)')
    wait_until(lambda: not Path(f'/proc/{guarded.driver}').exists())
    tries = line.refuse
    wait_until(lambda: line.refuse < tries - 4)
    guarded.process.terminate()
    code, errors = guarded.end()
    assert code == 7
    assert errors == 'laser guardian: the fire line cannot be driven low: busy\n'


def test_a_line_that_cannot_be_driven_is_reported(line: Line) -> None:
    line.close()
    line.path.unlink()
    code, errors = Guarded(line, 'pulse(False, 0.1)').end()
    assert code == 7
    assert 'the fire line cannot be driven low' in errors


def test_a_time_out_that_comes_early_does_not_disarm(monkeypatch: pytest.MonkeyPatch) -> None:
    class Connection:
        heard: ClassVar = [b'{"driver": "sim", "socket": "/nowhere"}\nA', TimeoutError(), b'']
        waits: ClassVar[list[float]] = []

        def settimeout(self, seconds: float) -> None:
            self.waits.append(seconds)

        def recv(self, _: int) -> bytes:
            data = self.heard.pop(0)
            if isinstance(data, TimeoutError):
                raise data
            return data

        def send(self, data: bytes) -> None:
            pass

    monkeypatch.setattr('turret_control.laser.guardian.time.monotonic', lambda: 0.0)
    watch = Guardian(lambda _: 0)._watch  # noqa: SLF001  without forking a driver
    assert watch(Connection()) == ''  # type: ignore[arg-type]
    assert Connection.waits == [0.2, 0.05, 0.05]


# A line of the kernel's GPIO device


class Kernel:
    """Answers as the kernel does, and keeps what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened: list[str] = []
        self.requests: list[tuple[int, int, bytes]] = []
        self.busy = 0
        monkeypatch.setattr('turret_control.laser.guardian.os.open', self.open)
        monkeypatch.setattr('turret_control.laser.guardian.fcntl.ioctl', self.ioctl)

    def open(self, path: str, _: int) -> int:
        self.opened.append(path)
        return 33

    def ioctl(self, fd: int, number: int, request: bytearray) -> int:
        if self.busy:
            self.busy -= 1
            raise OSError(errno.EBUSY, 'the driver still has it')
        self.requests.append((fd, number, bytes(request)))
        request[588:592] = (44).to_bytes(4, 'little')
        return 0


def test_a_gpio_line_is_requested_as_an_output_that_is_low(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch)
    gpio = line_of({'driver': 'gpio', 'chip': '/dev/gpiochip4', 'line': 18})
    gpio.prepare()
    assert (kernel.opened, kernel.requests) == (['/dev/gpiochip4'], [])
    gpio.drive_low()
    gpio.drive_low()
    (fd, number, request), = kernel.requests
    assert (fd, number) == (33, (3 << 30) | (592 << 16) | (0xB4 << 8) | 7)
    assert kernel.opened == ['/dev/gpiochip4']
    expected = bytearray(592)
    expected[0:4] = (18).to_bytes(4, 'little')  # offsets[0]
    expected[256:270] = b'laser guardian'  # consumer
    expected[288:296] = (8).to_bytes(8, 'little')  # flags: an output; no attributes: low
    expected[560:564] = (1).to_bytes(4, 'little')  # one line
    expected[588:592] = 4 * b'\xff'  # fd: none yet
    assert request == expected
    assert gpio._fd == 44  # type: ignore[attr-defined]  # noqa: SLF001  as the kernel returned it


def test_a_gpio_line_that_the_driver_still_has_can_be_had_later(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch)
    kernel.busy = 1
    gpio = line_of({'driver': 'gpio', 'chip': '/dev/gpiochip0', 'line': 18})
    with pytest.raises(OSError, match='still has it'):
        gpio.drive_low()
    gpio.drive_low()
    assert kernel.opened == ['/dev/gpiochip0']
    assert [fd for fd, _, _ in kernel.requests] == [33]


# The driver's end


@pytest.fixture
def ends() -> Iterator[tuple[GuardianLink, socket.socket]]:
    ours, theirs = socket.socketpair()
    yield GuardianLink(ours), theirs
    ours.close()
    theirs.close()


@pytest.mark.parametrize(('kinds', 'answers'), [
    ([protocol.STATE, protocol.IDENTITY], True), ([protocol.STATE], False), ([], False)])
def test_the_line_of_a_pico_is_low_once_it_has_answered(kinds: list[int], answers: bool) -> None:
    master, slave = os.openpty()
    heard: list[tuple[int, int, bytes] | None] = []

    def answer() -> None:
        heard.append(protocol.take_frame(bytearray(os.read(master, 100))))
        for kind in kinds:
            os.write(master, protocol.encode(kind, 0, b'payload'))

    pico = threading.Thread(target=answer)
    pico.start()
    try:
        line, before = PicoLine(os.ttyname(slave)), len(list(Path('/proc/self/fd').iterdir()))
        line.prepare()
        if answers:
            line.drive_low()
        else:
            with pytest.raises(OSError, match='the Pico does not answer'):
                line.drive_low()
        assert len(list(Path('/proc/self/fd').iterdir())) == before
        pico.join(10.0)
        assert heard == [(protocol.HELLO, 0, b'')]
    finally:
        os.close(master)
        os.close(slave)


def test_a_driver_that_never_says_anything_is_killed_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]

    class Connection:
        def settimeout(self, seconds: float) -> None:
            now[0] += seconds

        def recv(self, _: int) -> bytes:
            raise TimeoutError

    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    assert Guardian(lambda link: 0)._watch(Connection()) == 'was silent'  # type: ignore[arg-type]  # noqa: SLF001
    assert 1060.0 <= now[0] < 1061.0


def test_a_guardian_is_not_there_until_it_answers_and_80_ms_after(ends: tuple[GuardianLink, socket.socket]) -> None:
    link, guardian = ends
    now = 10**12
    assert not link.pulse(False, now)
    guardian.send(b'D')
    assert link.pulse(False, now)
    assert link.pulse(False, now + 80 * MS - 1)
    assert not link.pulse(False, now + 80 * MS)
    guardian.send(b'D')
    assert link.pulse(False, now + 90 * MS)
    assert not link.closed


def test_a_pulse_is_sent_every_10_ms_and_at_once_when_the_arm_changes(
        ends: tuple[GuardianLink, socket.socket]) -> None:
    link, guardian = ends
    now = 10**12
    guardian.setblocking(False)
    for ms in (0, 5, 9, 10):
        link.pulse(False, now + ms * MS)
    assert guardian.recv(100) == b'DD'
    link.pulse(False, now + 12 * MS)
    link.pulse(True, now + 13 * MS)
    assert guardian.recv(100) == b'A'
    link.pulse(False, now + 14 * MS)
    assert guardian.recv(100) == b'D'


def test_a_closed_connection_is_noticed_at_the_next_pulse(ends: tuple[GuardianLink, socket.socket]) -> None:
    link, guardian = ends
    guardian.send(b'D')
    assert link.pulse(False, 10**12)
    guardian.close()
    assert not link.pulse(False, 10**12 + 1)
    assert link.closed


def test_a_connection_closed_in_order_is_noticed_by_receiving(ends: tuple[GuardianLink, socket.socket]) -> None:
    link, guardian = ends
    guardian.send(b'D')
    assert link.pulse(False, 10**12)
    guardian.recv(100)  # else the kernel reports a reset
    guardian.close()
    assert not link.pulse(False, 10**12 + 1)  # sends nothing
    assert link.closed


def test_a_closed_connection_is_noticed_by_sending(ends: tuple[GuardianLink, socket.socket]) -> None:
    link, guardian = ends
    guardian.send(b'D')
    guardian.close()
    assert not link.pulse(False, 10**12)  # there is still something to receive
    assert link.closed


def test_a_guardian_that_does_not_read_does_not_hold_the_driver_up(ends: tuple[GuardianLink, socket.socket]) -> None:
    link, _ = ends
    start = time.monotonic()
    for i in range(20_000):
        link.pulse(bool(i % 2), 10**12 + i * 10 * MS)
    assert time.monotonic() - start < 5.0
    assert not link.closed
