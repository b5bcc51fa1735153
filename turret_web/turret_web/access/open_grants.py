# SPDX-License-Identifier: Apache-2.0
"""Connections that stay open: they are closed as soon as the permission that they were opened with ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from turret_web.access.access import Access, Grant


class OpenGrants:
    """The open connections and their permissions."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._open: dict[object, tuple[Grant, Callable[[], None]]] = {}

    @contextmanager
    def hold(self, grant: Grant, close: Callable[[], None]) -> Iterator[None]:
        """Register a connection; ``close`` is called once if its permission ends."""
        key = self.add(grant, close)
        try:
            yield
        finally:
            self.remove(key)

    def add(self, grant: Grant, close: Callable[[], None]) -> object:
        """Register a connection and return its key for :meth:`remove`."""
        key = object()
        self._open[key] = (grant, close)
        return key

    def remove(self, key: object) -> None:
        """Remove a connection that has ended."""
        self._open.pop(key, None)

    def check(self) -> None:
        """Close the connections whose permission has ended."""
        now_s = time.time()
        for key, (grant, close) in list(self._open.items()):
            if not self._access.is_valid(grant, now_s):
                del self._open[key]
                close()
