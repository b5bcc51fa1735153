# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ctypes
import os
from pathlib import Path

from turret_common.host.memory import return_free_memory

_BLOCK = 5_000
_BLOCKS = 10_000


def resident_bytes() -> int:
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def test_the_room_before_a_block_in_use_is_given_back() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    blocks = [ctypes.c_void_p(libc.malloc(_BLOCK)) for _ in range(_BLOCKS)]
    for block in blocks:
        ctypes.memset(block, 1, _BLOCK)
    for block in blocks[:-1]:
        libc.free(block)
    kept = resident_bytes()
    return_free_memory()
    assert resident_bytes() < kept - _BLOCK * _BLOCKS // 2
    libc.free(blocks[-1])
