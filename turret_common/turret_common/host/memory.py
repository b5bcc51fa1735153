# SPDX-License-Identifier: Apache-2.0
"""Memory that the C library keeps for later."""

from __future__ import annotations

import contextlib
import ctypes


def return_free_memory() -> None:
    """Give the system back what is free; takes up to some milliseconds, in which other Python threads run.

    Otherwise glibc keeps what is free between blocks in use, in each of its heaps.
    """
    with contextlib.suppress(AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
