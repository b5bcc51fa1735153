# SPDX-License-Identifier: Apache-2.0
"""Start the processes of the graph, restart those that die, and stop them all without leaving anything behind.

Processes are forked from the supervisor, which has imported what all of them need: ten nodes then start in half the
time, and share the memory of these imports, some 15 MB each.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from turret_bringup.run import process_groups
from turret_bringup.run.process_groups import Group, Janitor

#: First pause before a process that died is started again, its growth, and its limit.
RESPAWN_S = 0.5
RESPAWN_GROWTH = 2.0
RESPAWN_LIMIT_S = 8.0
#: A process that lived this long starts again after the first pause.
STEADY_S = 30.0
#: Exit code with which a node refuses to start; the sentence why is the last line that it writes.
REFUSED = 2

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_COLORS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)


@dataclass(frozen=True)
class Command:
    """A process to run.

    Attributes:
        name: shown before each line of its output.
        main: what it does, called in the new process; returns the exit code.
        ends_last: True for what others need until they have ended.
        ends_all: True where all is over when this has ended by itself.
    """

    name: str
    main: Callable[[], int]
    ends_last: bool = False
    ends_all: bool = False


@dataclass
class _Child:
    command: Command
    prefix: str
    pid: int | None = None
    group: Group | None = None
    started_s: float = 0.0
    starts: int = 0
    pause_s: float = RESPAWN_S
    due_s: float | None = None
    pending: bytes = b''
    last_line: str = ''


class Supervisor:
    """Runs commands until it is stopped or one of them refuses its first start.

    A Ctrl-C reaches only the supervisor, because each process leads a session of its own. If the supervisor is killed,
    its janitor ends the processes. It must be used from a process with a single thread.
    """

    def __init__(
            self, commands: Sequence[Command], output: IO[str] = sys.stdout, preload: Sequence[str] = (),
            clean_up: Callable[[], object] = lambda: None) -> None:
        """Prepare without starting anything.

        Args:
            commands: what to run; names are unique.
            output: where the processes' output goes, with their names before each line.
            preload: modules that are imported once, for all processes.
            clean_up: called first, and after processes have exited, to remove what such processes may have left.
        """
        width = max((len(command.name) for command in commands), default=0)
        colored = output.isatty()
        self._children = [
            _Child(command, _prefix(command.name.ljust(width), _COLORS[i % len(_COLORS)] if colored else None))
            for i, command in enumerate(commands)]
        self._own_prefix = _prefix('turret'.ljust(width), 1 if colored else None)
        self._output = output
        self._preload = preload
        self._clean_up = clean_up
        self._selector = selectors.DefaultSelector()
        self._ending = False
        self.refusal: str | None = None

    def pids(self) -> dict[str, int]:
        """Return the process ids of what runs now, by name."""
        return {child.command.name: child.pid for child in self._children if child.pid is not None}

    def write(self, text: str) -> None:
        """Write a line of the supervisor itself."""
        self._write(self._own_prefix, text)

    def run(self, poll: Callable[[], float | None] = lambda: None) -> int:
        """Run until SIGINT, SIGTERM or SIGHUP, or until a first start is refused; return the exit code 0 or 2.

        Args:
            poll: called once when every process has been started, and again after the seconds that it returned, until
                it returns None. Must be short.
        """
        for module in self._preload:
            importlib.import_module(module)
        gc.collect()
        gc.freeze()  # the collector would otherwise touch, and so copy, shared memory
        self._clean_up()
        self._janitor = Janitor(self._clean_up)
        poll_s: float | None = 0.0
        with self._handled_signals():
            try:
                for child in self._children:
                    self._start(child)
                while not self._ending:
                    now = time.monotonic()
                    if poll_s is not None and now >= poll_s:
                        pause_s = poll()
                        poll_s = None if pause_s is None else now + pause_s
                    due = [child.due_s for child in self._children if child.due_s is not None]
                    due += [] if poll_s is None else [poll_s]
                    self._step(max(0.0, min(due) - now) if due else None)
            finally:
                self._end()
                self._selector.close()
                self._janitor.close()
        return REFUSED if self.refusal is not None else 0

    @contextlib.contextmanager
    def _handled_signals(self) -> Iterator[None]:
        receiver, sender = socket.socketpair()
        receiver.setblocking(False)
        sender.setblocking(False)

        def end(_: int, __: object) -> None:
            self._ending = True

        previous = {number: signal.signal(number, end) for number in _SIGNALS}
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

    def _step(self, timeout_s: float | None) -> None:
        for key, _ in self._selector.select(timeout_s):
            if key.fd in self._selector.get_map():  # what came before in this round may have closed it
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
        receiver, sender = os.pipe()
        self._output.flush()
        pid = os.fork()
        if pid == 0:
            _become(child.command, sender)
        os.close(sender)
        os.set_blocking(receiver, False)
        child.pid, child.group = pid, Group(pid, child.command.ends_last)
        self._janitor.started(child.group)
        exited = os.pidfd_open(pid)
        self._selector.register(receiver, selectors.EVENT_READ, lambda: self._read(child, receiver))
        self._selector.register(exited, selectors.EVENT_READ, lambda: self._exited(child, pid, exited, receiver))

    def _read(self, child: _Child, receiver: int) -> None:
        """Pass on what a process wrote, all of it that is there now."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(receiver, 65536):
                child.pending += data
            self._selector.unregister(receiver)
            os.close(receiver)
            if child.pending and not child.pending.endswith(b'\n'):
                child.pending += b'\n'
        *lines, child.pending = child.pending.split(b'\n')
        for line in lines:
            child.last_line = line.decode(errors='replace').rstrip()
            self._write(child.prefix, child.last_line)

    def _exited(self, child: _Child, pid: int, exited: int, receiver: int) -> None:
        if receiver in self._selector.get_map():
            self._read(child, receiver)
        self._selector.unregister(exited)
        os.close(exited)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        child.pid = None
        # What it started itself ends too, and has until the next start to do so.
        process_groups.send(pid, signal.SIGTERM)
        if self._ending:
            return
        if child.command.ends_all or (code == REFUSED and child.starts == 1):
            self.refusal = (child.last_line or f'{child.command.name} {_how(code)}') if code else None
            self._ending = True
            return
        steady = time.monotonic() - child.started_s > STEADY_S
        child.pause_s = RESPAWN_S if steady or child.starts == 1 else min(
            child.pause_s * RESPAWN_GROWTH, RESPAWN_LIMIT_S)
        child.due_s = time.monotonic() + child.pause_s
        self.write(f'{child.command.name} {_how(code)}; starts again in {child.pause_s:g} s')

    def _end(self) -> None:
        self._ending = True
        groups = {child.group: child for child in self._children if child.group}
        killed = process_groups.end(groups, self._step)
        for group, child in groups.items():
            if group.leader in killed:
                self.write(f'{child.command.name} did not end and was killed')
        while any(child.pid is not None for child in self._children):
            self._step(None)

    def _write(self, prefix: str, text: str) -> None:
        self._output.write(f'{prefix}{text}\n')
        self._output.flush()


def _become(command: Command, output: int) -> NoReturn:
    """Turn a process that was just forked into the one that the command describes."""
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        for descriptor in [int(path.name) for path in Path('/proc/self/fd').iterdir()]:
            if descriptor > 2:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        sys.stdout = open(1, 'w', buffering=1, closefd=False)  # noqa: SIM115
        sys.stderr = open(2, 'w', buffering=1, closefd=False)  # noqa: SIM115
        code = command.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        code = 130
    except BaseException:  # noqa: BLE001  the process ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _prefix(name: str, color: int | None) -> str:
    return f'{name} | ' if color is None else f'\x1b[{color}m{name} |\x1b[0m '


def _how(code: int) -> str:
    return f'was killed by {signal.Signals(-code).name}' if code < 0 else f'exited with code {code}'
