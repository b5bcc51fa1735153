# SPDX-License-Identifier: Apache-2.0
"""Two network namespaces joined by a link that can be cut, delayed and made lossy: two hosts on one machine.

The link is a program, this module, that forwards Ethernet frames between a tap device of each namespace. Unlike ``tc
netem`` it needs no kernel module, and it counts in the same process for both directions.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import json
import os
import random
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_INTERFACE = 'link0'
_MARK = 'turret'
_READY = 'ready'
_NAMESPACES = Path('/run/netns')
_FRAME_BYTES = 2048
# Of linux/if_tun.h and linux/sched.h: request of a tap device without packet information; network namespaces.
_TUNSETIFF, _TAP, _NO_INFORMATION, _CLONE_NEWNET = 0x400454CA, 0x0002, 0x1000, 0x40000000


class Impairment(NamedTuple):
    """Delay, its maximum deviation [ms] and loss [%] of each direction of a link. Delayed frames may be reordered."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss_percent: float = 0.0


_CUT = Impairment(loss_percent=100.0)


class Host(NamedTuple):
    """One of the two namespaces."""

    namespace: str
    address: str
    own_memory: bool = False

    @property
    def interface(self) -> str:
        """Its interface to the link."""
        return _INTERFACE

    def within(self) -> tuple[str, ...]:
        """Return the words before a command that make it run on this host.

        One of two hosts needs shared memory of its own: Fast DDS would find the other's segments by their names.
        """
        enter = ('ip', 'netns', 'exec', self.namespace)
        mount = 'mount -t tmpfs tmpfs /dev/shm && exec "$@"'
        return (*enter, 'sh', '-c', mount, 'sh') if self.own_memory else enter


class Link(NamedTuple):
    """The link between two hosts, and the socket that its program listens on."""

    first: Host
    second: Host
    control: str

    def cut(self) -> None:
        """Drop everything that is sent in either direction."""
        self.impair(_CUT)

    def impair(self, impairment: Impairment) -> None:
        """Replace the properties of the link."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(json.dumps(impairment).encode(), self.control)


@contextmanager
def linked_hosts() -> Iterator[Link]:
    """Give two hosts and their link, and remove them at the end.

    Raises:
        TurretError: NOT_SUPPORTED, this machine or user cannot create network namespaces or tap devices.
    """
    if not shutil.which('ip'):
        raise TurretError(ReasonCode.NOT_SUPPORTED, 'network namespaces need the package iproute2')
    _remove_abandoned()
    mark = f'{_MARK}{os.getpid()}'
    with tempfile.TemporaryDirectory() as folder:
        link = Link(Host(f'{mark}a', '10.213.7.1'), Host(f'{mark}b', '10.213.7.2', True), f'{folder}/control')
        try:
            for host in (link.first, link.second):
                _ip('netns', 'add', host.namespace)
                _ip('-n', host.namespace, 'link', 'set', 'lo', 'up')
            with _program(link):
                for host in (link.first, link.second):
                    _ip('-n', host.namespace, 'address', 'add', f'{host.address}/24', 'dev', _INTERFACE)
                    _ip('-n', host.namespace, 'link', 'set', _INTERFACE, 'up')
                yield link
        finally:
            for host in (link.first, link.second):
                with suppress(TurretError):
                    _ip('netns', 'delete', host.namespace)


@contextmanager
def _program(link: Link) -> Iterator[None]:
    command = [sys.executable, '-m', __name__, link.first.namespace, link.second.namespace, link.control]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline().strip() != _READY:
                assert process.stderr is not None
                problem = process.stderr.read().strip().rpartition('\n')[2]
                raise TurretError(ReasonCode.NOT_SUPPORTED, f'tap devices are not possible here: {problem}')
            yield
        finally:
            process.terminate()


def _remove_abandoned() -> None:
    """Remove the namespaces of programs that were killed, with the processes that still run in them."""
    for path in _NAMESPACES.glob(f'{_MARK}*') if _NAMESPACES.is_dir() else ():
        number = path.name.removeprefix(_MARK)[:-1]
        if not number.isdecimal() or Path('/proc', number).exists():
            continue
        with suppress(TurretError):
            for pid in map(int, _ip('netns', 'pids', path.name).split()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            _ip('netns', 'delete', path.name)


def _ip(*words: str) -> str:
    done = subprocess.run(['ip', *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise TurretError(
            ReasonCode.NOT_SUPPORTED, f'network namespaces are not possible here: {done.stderr.strip()}')
    return done.stdout


def _tap(namespace: str) -> int:
    """Return a new tap device in a network namespace, which this process then is in."""
    with (_NAMESPACES / namespace).open() as file:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(file.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f'cannot enter {namespace}')
    tap = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack('16sH', _INTERFACE.encode(), _TAP | _NO_INFORMATION))
    return tap


def _forward(taps: tuple[int, int], control: socket.socket) -> None:
    """Forward frames until the process is terminated."""
    impairment, chance = Impairment(), random.Random(1)
    waiting: list[tuple[float, int, int, bytes]] = []
    numbers = 0
    selector = selectors.DefaultSelector()
    for source, target in zip(taps, reversed(taps), strict=True):
        selector.register(source, selectors.EVENT_READ, target)
    selector.register(control, selectors.EVENT_READ)
    while True:
        timeout_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for key, _ in selector.select(timeout_s):
            if key.fd == control.fileno():
                impairment = Impairment(*json.loads(control.recv(_FRAME_BYTES)))
                continue
            with suppress(BlockingIOError):
                while frame := os.read(key.fd, _FRAME_BYTES):
                    if chance.random() * 100.0 < impairment.loss_percent:
                        continue
                    delay_ms = impairment.delay_ms + chance.uniform(-1.0, 1.0) * impairment.jitter_ms
                    numbers += 1
                    heapq.heappush(waiting, (time.monotonic() + 1e-3 * delay_ms, numbers, key.data, frame))
        if impairment == _CUT:
            waiting.clear()
        while waiting and waiting[0][0] <= time.monotonic():
            with suppress(OSError):  # the interface is down
                os.write(waiting[0][2], waiting[0][3])
            heapq.heappop(waiting)


def main(words: list[str]) -> int:
    """Run the link between two namespaces, controlled by datagrams to a socket."""
    first, second, path = words
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as control:
        control.bind(path)
        taps = _tap(first), _tap(second)
        sys.stdout.write(f'{_READY}\n')
        sys.stdout.flush()
        _forward(taps, control)
    return 0


if __name__ == '__main__':
    raise SystemExit(main(sys.argv[1:]))
