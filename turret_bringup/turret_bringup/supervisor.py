"""Start the processes of the graph, restart those that die, and end them all without leaving anything behind."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from turret_bringup import process_groups
from turret_bringup.process_groups import Group, Janitor

#: First pause before a process that died is started again, its growth, and its limit.
RESPAWN_S = 0.5
RESPAWN_GROWTH = 2.0
RESPAWN_LIMIT_S = 8.0
#: A process that lived this long starts again after the first pause.
STEADY_S = 30.0
#: Exit code with which a node refuses to start; the sentence why is the last line on its standard error.
REFUSED = 2

_COLORS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)


@dataclass(frozen=True)
class Command:
    """A process to run.

    Attributes:
        name: shown before each line of its output.
        argv: program and arguments.
        env: its whole environment.
        ends_last: True for what others need until they have ended.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    ends_last: bool = False


@dataclass
class _Child:
    command: Command
    prefix: str
    popen: subprocess.Popen[bytes] | None = None
    group: Group | None = None
    started_s: float = 0.0
    starts: int = 0
    pause_s: float = RESPAWN_S
    due_s: float | None = None
    pending: bytearray = field(default_factory=bytearray)
    last_line: str = ''


class Supervisor:
    """Runs commands until it is told to end, or one of them refuses its first start.

    A Ctrl-C reaches only the supervisor, because each process leads a session of its own. If the supervisor is killed,
    its janitor ends the processes.
    """

    def __init__(
            self, commands: Sequence[Command], output: IO[str] = sys.stdout,
            clean_up: Callable[[], object] = lambda: None) -> None:
        """Prepare without starting anything.

        Args:
            commands: what to run; names are unique.
            output: where the processes' output goes, with their names before each line.
            clean_up: called when processes have ended that may have left something behind.
        """
        width = max((len(command.name) for command in commands), default=0)
        colored = output.isatty()
        self._children = [
            _Child(command, _prefix(command.name.ljust(width), _COLORS[i % len(_COLORS)] if colored else None))
            for i, command in enumerate(commands)]
        self._own_prefix = _prefix('turret'.ljust(width), 1 if colored else None)
        self._output = output
        self._clean_up = clean_up
        self._selector = selectors.DefaultSelector()
        self._ending = False
        self.refusal: str | None = None

    def pids(self) -> dict[str, int]:
        """Return the process ids of what runs now, by name."""
        return {child.command.name: child.popen.pid for child in self._children if child.popen}

    def say(self, text: str) -> None:
        """Write a line of the supervisor's own."""
        self._write(self._own_prefix, text)

    def run(self, on_started: Callable[[], object] = lambda: None) -> int:
        """Run until SIGINT, SIGTERM or SIGHUP, or until a first start is refused; return the exit code 0 or 2.

        Args:
            on_started: called once, when every process has been started.
        """
        self._janitor = Janitor(self._clean_up)
        with self._signals():
            try:
                for child in self._children:
                    self._start(child)
                on_started()
                while not self._ending:
                    self._step(self._next_due())
            finally:
                self._end()
                self._selector.close()
                self._janitor.close()
        return REFUSED if self.refusal else 0

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        receiver, sender = socket.socketpair()
        receiver.setblocking(False)
        sender.setblocking(False)

        def end(signum: int, _: object) -> None:
            self._ending = True

        previous = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        wakeup = signal.set_wakeup_fd(sender.fileno())
        self._selector.register(receiver, selectors.EVENT_READ, lambda: receiver.recv(64))
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in previous.items():
                signal.signal(number, handler)
            receiver.close()
            sender.close()

    def _next_due(self) -> float | None:
        due = [child.due_s for child in self._children if child.due_s is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _step(self, timeout_s: float | None) -> None:
        for key, _ in self._selector.select(timeout_s):
            key.data()
        now = time.monotonic()
        for child in self._children:
            if child.due_s is not None and now >= child.due_s and not self._ending:
                self._start(child)

    def _start(self, child: _Child) -> None:
        if child.group:
            process_groups.send(child.group.leader, signal.SIGKILL)
            self._janitor.ended(child.group)
            self._clean_up()
        child.due_s = None
        child.starts += 1
        child.started_s = time.monotonic()
        child.popen = popen = subprocess.Popen(
            child.command.argv, env=child.command.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
        child.group = Group(popen.pid, child.command.ends_last)
        self._janitor.started(child.group)
        assert popen.stdout is not None
        os.set_blocking(popen.stdout.fileno(), False)
        stdout, exited = popen.stdout, os.pidfd_open(popen.pid)
        self._selector.register(stdout, selectors.EVENT_READ, lambda: self._read(child, stdout))
        self._selector.register(exited, selectors.EVENT_READ, lambda: self._exited(child, popen, exited))

    def _read(self, child: _Child, stdout: IO[bytes]) -> None:
        if stdout.closed:
            return
        try:
            data = os.read(stdout.fileno(), 65536)
        except BlockingIOError:
            return
        child.pending += data
        *lines, rest = bytes(child.pending).split(b'\n')
        child.pending = bytearray(rest)
        if not data:
            self._selector.unregister(stdout)
            stdout.close()
            lines = [rest] if rest else []
            child.pending.clear()
        for line in lines:
            child.last_line = line.decode(errors='replace').rstrip()
            self._write(child.prefix, child.last_line)

    def _exited(self, child: _Child, popen: subprocess.Popen[bytes], exited: int) -> None:
        self._selector.unregister(exited)
        os.close(exited)
        if popen.stdout and not popen.stdout.closed:
            self._read(child, popen.stdout)
        code = popen.wait()
        child.popen = None
        # What it started itself ends too, and has until the next start to do so.
        process_groups.send(popen.pid, signal.SIGTERM)
        if self._ending:
            return
        if code == REFUSED and child.starts == 1:
            self.refusal = child.last_line
            self._ending = True
            return
        steady = time.monotonic() - child.started_s > STEADY_S
        child.pause_s = RESPAWN_S if steady or child.starts == 1 else min(
            child.pause_s * RESPAWN_GROWTH, RESPAWN_LIMIT_S)
        child.due_s = time.monotonic() + child.pause_s
        self.say(f'{child.command.name} {_how(code)}; starts again in {child.pause_s:g} s')

    def _end(self) -> None:
        self._ending = True
        groups = {child.group: child for child in self._children if child.group}
        killed = process_groups.end(groups, self._step)
        for group, child in groups.items():
            if group.leader in killed:
                self.say(f'{child.command.name} did not end and was killed')
        while any(child.popen for child in self._children):
            self._step(None)

    def _write(self, prefix: str, text: str) -> None:
        self._output.write(f'{prefix}{text}\n')
        self._output.flush()


def _prefix(name: str, color: int | None) -> str:
    return f'{name} | ' if color is None else f'\x1b[{color}m{name} |\x1b[0m '


def _how(code: int) -> str:
    return f'was ended by {signal.Signals(-code).name}' if code < 0 else f'ended with code {code}'
