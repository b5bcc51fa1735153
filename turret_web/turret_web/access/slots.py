# SPDX-License-Identifier: Apache-2.0
"""Limited slots, shared fairly: a part is reserved for operators, and one address gets at most half of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Role


class FairSlots:
    """Slots for connections of one kind.

    Attributes:
        used: number of slots in use.
    """

    def __init__(self, limit: int, what: str) -> None:
        """Create the slots.

        Args:
            limit: total number.
            what: name of the connections in the plural, for error messages.
        """
        self._limit = limit
        self._for_viewers = limit - limit // 10
        self._per_address = max(1, self._for_viewers // 2)
        self._what = what
        self._viewers: Counter[str] = Counter()
        self.used = 0

    def check(self, role: Role, address: str) -> None:
        """Check that there is a free slot (RATE_LIMITED)."""
        if self.used >= self._limit:
            raise TurretError(ReasonCode.RATE_LIMITED, f'{self.used} {self._what} are connected already')
        if role is not Role.OPERATOR:
            if self._viewers.total() >= self._for_viewers:
                raise TurretError(
                    ReasonCode.RATE_LIMITED, f'{self._for_viewers} {self._what} are connected already; the other '
                    'slots are reserved for operators')
            if self._viewers[address] >= self._per_address:
                raise TurretError(
                    ReasonCode.RATE_LIMITED, f'{self._per_address} {self._what} from {address} are connected already')

    @contextmanager
    def hold(self, role: Role, address: str) -> Iterator[None]:
        """Occupy a slot (RATE_LIMITED)."""
        self.take(role, address)
        try:
            yield
        finally:
            self.release(role, address)

    def take(self, role: Role, address: str) -> None:
        """Occupy a slot (RATE_LIMITED). :meth:`release` must follow."""
        self.check(role, address)
        self.used += 1
        if role is not Role.OPERATOR:
            self._viewers[address] += 1

    def release(self, role: Role, address: str) -> None:
        """Free a slot."""
        self.used -= 1
        if role is not Role.OPERATOR:
            self._viewers[address] -= 1
            self._viewers += Counter()  # drops addresses without slots
