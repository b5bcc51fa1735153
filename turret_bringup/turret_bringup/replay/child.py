# SPDX-License-Identifier: Apache-2.0
"""A replay as a child process of the node ``bag``: ``./turret replay`` with the access to the turret's panel."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from turret_bringup.run import panel_address
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.access.tls import SELF_SIGNED

#: Ports for the panels of replays. Those of turrets begin at 8000.
PORTS = range(8100, 8200)
#: Added to the nice value: the turret itself comes first.
NICENESS = 10
#: Parameters of ``web`` that decide who may enter and how, and the groups of such parameters.
_ACCESS = frozenset({
    'host', 'allowed_origins', 'allowed_hosts', 'tls_certificate', 'tls_key', 'tokens_file', 'webrtc'})
_ACCESS_GROUPS = ('access.', 'limits.')
#: A replay has so long to end by itself before it is killed; its processes then end with it.
_END_S = 4.0
_LOOK_S = 0.25
_MAX_SENTENCE = 300
_OUTPUT_KEPT = 4096
#: What a replay gets of the environment: where programs and ROS are, and the domain that it must keep away from.
_KEPT = frozenset({
    'PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LANGUAGE', 'TZ', 'TMPDIR', 'VIRTUAL_ENV', 'PYTHONPATH',
    'LD_LIBRARY_PATH', 'AMENT_PREFIX_PATH', 'AMENT_CURRENT_PREFIX', 'CMAKE_PREFIX_PATH', 'COLCON_PREFIX_PATH',
    'ROS_DISTRO', 'ROS_VERSION', 'ROS_PYTHON_VERSION', 'ROS_DOMAIN_ID', 'RMW_IMPLEMENTATION', 'XDG_CACHE_HOME',
    'OPENCV_IO_MAX_IMAGE_PIXELS'})


@dataclasses.dataclass(frozen=True)
class ReplayStatus:
    """What is known of the replay.

    Attributes:
        name: bag that is replayed; empty = none.
        port: of its panel, once that answers; 0 = not yet.
        failure: why the last replay failed, as a sentence; empty = it has not.
    """

    name: str = ''
    port: int = 0
    failure: str = ''


class ReplayChild:
    """Runs one replay at a time, each followed by a thread from its start to its end.

    Attributes:
        status: the newest; replaced as a whole.
    """

    def __init__(self, on_change: Callable[[], object]) -> None:
        """Prepare; nothing runs. ``on_change`` is called in another thread when the status has changed."""
        self.status = ReplayStatus()
        self._on_change = on_change
        self._lock = threading.Lock()
        self._asked_to_end = threading.Event()
        self._ended: Future[None] = Future()
        self._ended.set_result(None)

    def start(self, bag: Path, rate: float, web: Mapping[str, Any]) -> None:
        """Start a replay; the status shows what becomes of it.

        Args:
            bag: folder of the bag.
            rate: recorded seconds per second.
            web: parameters of its web gateway.

        Raises:
            TurretError: BUSY, a bag is being replayed, or no port is free; IO_ERROR, no panel can listen there.
        """
        with self._lock:
            if not self._ended.done():
                raise TurretError(ReasonCode.BUSY, f'{self.status.name} is being replayed; end that replay first')
            port = panel_address.first_free(web['host'], PORTS)
            self.status = ReplayStatus(bag.name)
            self._asked_to_end.clear()
            self._ended = Future()
            threading.Thread(
                target=self._follow, name='replay', daemon=True,
                args=(command(bag, rate, port, web), web['host'], port)).start()
        self._on_change()

    def end(self) -> Future[None]:
        """End the replay, if one runs; the result comes when all its processes have ended."""
        with self._lock:
            self._asked_to_end.set()
            return self._ended

    def _follow(self, words: Sequence[str], host: str, port: int) -> None:
        try:
            # Started by this thread, with whose end the kernel ends the replay.
            with subprocess.Popen(
                    words, env=environment(os.environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT) as process:
                os.setpriority(os.PRIO_PROCESS, process.pid, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
                output = self._watch(process, host, port)
            failure = sentence(output, process.returncode)
        except OSError as error:
            failure = f'the replay cannot be started: {error.strerror}'
        with self._lock:
            self.status = ReplayStatus(failure='' if self._asked_to_end.is_set() else failure)
            self._ended.set_result(None)
        self._on_change()

    def _watch(self, process: subprocess.Popen[bytes], host: str, port: int) -> bytes:
        """Return the last output of the replay, once none of its processes holds it any more."""
        assert process.stdout is not None
        output, kill_s = b'', 0.0
        while True:
            if select.select([process.stdout], [], [], _LOOK_S)[0]:
                data = os.read(process.stdout.fileno(), 65536)
                if not data:
                    return output
                output = (output + data)[-_OUTPUT_KEPT:]
            if self._asked_to_end.is_set():
                if not kill_s:
                    process.terminate()
                    kill_s = time.monotonic() + _END_S
                elif time.monotonic() > kill_s:
                    process.kill()
            elif not self.status.port and panel_address.is_reachable(host, port):
                self.status = dataclasses.replace(self.status, port=port)
                self._on_change()


def access_of(web: Mapping[str, Any], tokens_file: Path, certificate: Path) -> dict[str, Any]:
    """Return the parameters that give access to the panel of a replay as to that of the turret.

    Args:
        web: parameters of the turret's web gateway.
        tokens_file: its tokens, unless the parameters name a file.
        certificate: its own certificate, for the case that it has one.
    """
    kept = {
        name: value for name, value in web.items() if name in _ACCESS or name.startswith(_ACCESS_GROUPS)}
    if kept['tls_certificate'] == SELF_SIGNED:
        kept |= {'tls_certificate': str(certificate), 'tls_key': ''}
    return kept | {'tokens_file': kept['tokens_file'] or str(tokens_file)}


def command(bag: Path, rate: float, port: int, web: Mapping[str, Any]) -> list[str]:
    """Return the command line of a replay that ends with this process, with parameters of its web gateway.

    It begins paused, so that nothing is over before its panel is open.
    """
    return [
        sys.executable, '-m', 'turret_bringup.cli', 'replay', str(bag.resolve()), '--paused', '--hold',
        '--rate', repr(rate), '--port', str(port), '--parent', str(os.getpid()),
        *(word for name, value in sorted(web.items()) for word in ('--set', f'web.{name}={json.dumps(value)}'))]


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """Return what a replay gets of the environment of a node: nothing that leads to the turret."""
    return {name: value for name, value in base.items() if name in _KEPT or name.startswith('LC_')}


def sentence(output: bytes, code: int) -> str:
    """Return why a replay ended, from the end of its output and its exit code; empty where all was well."""
    if code == 0:
        return ''
    if code < 0:
        return f'the replay was killed by {signal.Signals(-code).name}'
    text = ''.join(char if char.isprintable() or char == '\n' else ' ' for char in output.decode(errors='replace'))
    lines = [line.strip() for line in text.split('\n') if line.strip()]
    if not lines:
        return f'the replay exited with code {code}'
    return lines[-1].removeprefix('turret: ').strip()[:_MAX_SENTENCE]
