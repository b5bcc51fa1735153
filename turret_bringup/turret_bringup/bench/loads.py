# SPDX-License-Identifier: Apache-2.0
"""Loads for a machine under test: each runs in processes of its own until its context ends."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil

#: Part of the available memory that the load "memory" uses.
MEMORY_SHARE = 0.9
_BUSY = 'while True: pass'
_FSYNC = '''
import os, sys
with open(sys.argv[1], 'wb') as file:
    while True:
        file.seek(0)
        file.write(os.urandom(1 << 20))
        file.flush()
        os.fsync(file.fileno())
'''
#: Packs a large package once, then unpacks and compiles it again and again, as an installation does.
_UNPACK = '''
import compileall, importlib.util, os, pathlib, shutil, sys
folder = pathlib.Path(sys.argv[1])
package = os.path.dirname(importlib.util.find_spec('numpy').origin)
archive = shutil.make_archive(str(folder / 'package'), 'gztar', package)
while True:
    shutil.unpack_archive(archive, folder / 'unpacked')
    compileall.compile_dir(folder / 'unpacked', quiet=2, force=True)
    shutil.rmtree(folder / 'unpacked')
'''
_CHURN = '''
import subprocess, time
due = time.monotonic()
while True:
    subprocess.run(['/bin/true'])
    due = max(due + 0.01, time.monotonic() - 0.1)
    time.sleep(max(0.0, due - time.monotonic()))
'''
_MEMORY = '''
import sys
data = bytearray(int(sys.argv[1]))
while True:
    for at in range(0, len(data), 4096):
        data[at] = (data[at] + 1) % 256
'''


@contextlib.contextmanager
def _programs(code: str, *arguments: list[str]) -> Iterator[None]:
    """Run one process of a program for each list of arguments."""
    processes = [subprocess.Popen([sys.executable, '-c', code, *each]) for each in arguments]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


@contextlib.contextmanager
def _busy(count: int) -> Iterator[None]:
    with _programs(_BUSY, *([] for _ in range(count))):
        yield


@contextlib.contextmanager
def _writers(count: int) -> Iterator[None]:
    with (tempfile.TemporaryDirectory() as folder,
          _programs(_FSYNC, *([str(Path(folder) / f'{i}')] for i in range(count)))):
        yield


@contextlib.contextmanager
def _unpacking() -> Iterator[None]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, _programs(_UNPACK, [folder]):
        yield


@contextlib.contextmanager
def _churn() -> Iterator[None]:
    with _programs(_CHURN, []):
        yield


@contextlib.contextmanager
def _memory() -> Iterator[None]:
    """Use most of the memory that is available, and keep touching it."""
    with _programs(_MEMORY, [str(round(MEMORY_SHARE * psutil.virtual_memory().available))]):
        yield


#: Each load by name.
LOADS: dict[str, Callable[[], contextlib.AbstractContextManager[None]]] = {
    'none': contextlib.nullcontext, 'busy-4': partial(_busy, 4), 'busy-8': partial(_busy, 8),
    'fsync': partial(_writers, 4), 'unpack': _unpacking, 'churn': _churn, 'memory': _memory}
