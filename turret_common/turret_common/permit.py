# SPDX-License-Identifier: Apache-2.0
"""The safety node's permit in its receivers: only the newest counts, and for 100 ms of CLOCK_MONOTONIC."""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.messages.run_key import mac
from turret_common.reason_codes import ReasonCode

#: A permit expires at this age, in ns.
PERMIT_LIFETIME_NS = 100_000_000
_ESTOPS = frozenset({ReasonCode.ESTOP_PRESSED, ReasonCode.ESTOP_UNREADABLE})
_STOPS = _ESTOPS | {ReasonCode.SOFTWARE_STOP}


class Permit(NamedTuple):
    """One message of ``safety/permit``; the fields are those of ``SafetyPermit.msg``."""

    epoch: int
    seq: int
    monotonic_ns: int
    laser_ok: bool
    motion_ok: bool
    lease_digest: str
    reasons: tuple[int, ...]
    stop_count: int = 0
    estop_count: int = 0

    def values(self) -> tuple[bool | int | str, ...]:
        """Return all fields in one sequence, as :func:`turret_common.messages.run_key.mac` takes them."""
        return (*self[:6], *self.reasons, self.stop_count, self.estop_count)


def lease_digest(lease_id: str) -> str:
    """Return the digest of a lease id in a permit: its SHA-256 in hex; empty for no lease."""
    return hashlib.sha256(lease_id.encode()).hexdigest() if lease_id else ''


def permit_mac(permit: Permit, key: bytes) -> str:
    """Return the authentication code of a permit under the key of the run."""
    return mac(key, 'SafetyPermit', permit.values())


def age_code(permit: Permit | None, now_ns: int) -> ReasonCode:
    """Return PERMIT_MISSING, PERMIT_STALE, or OK for a permit that is fresh."""
    if permit is None:
        return ReasonCode.PERMIT_MISSING
    return ReasonCode.OK if 0 <= now_ns - permit.monotonic_ns < PERMIT_LIFETIME_NS else ReasonCode.PERMIT_STALE


def motion_code(permit: Permit | None, now_ns: int) -> ReasonCode:
    """Return why a permit does not permit motion: as :func:`age_code`, or MOTION_NOT_PERMITTED; OK when it does."""
    code = age_code(permit, now_ns)
    if code is ReasonCode.OK and not (permit and permit.motion_ok):
        return ReasonCode.MOTION_NOT_PERMITTED
    return code


def laser_code(permit: Permit | None, now_ns: int) -> ReasonCode:
    """Return why a permit does not permit emission: as :func:`motion_code`, or FIRE_NOT_PERMITTED; OK when it does."""
    code = motion_code(permit, now_ns)
    if code is ReasonCode.OK and not (permit and permit.laser_ok):
        return ReasonCode.FIRE_NOT_PERMITTED
    return code


class PermitMonitor:
    """Keeps the newest permit and answers what it allows now.

    One thread may update while others ask. Times are CLOCK_MONOTONIC of this host in ns.

    Attributes:
        newest: the permit in force, None before the first.
    """

    def __init__(self) -> None:
        self.newest: Permit | None = None
        self._stop_count = self._estop_count = 0

    def update(self, permit: Permit, now_ns: int) -> None:
        """Take a permit that has arrived, unless it is not newer than the one in force.

        A permit that is stale on arrival, or claims to come from the future, is not taken: it must not displace those
        that are issued now.

        Args:
            permit: the permit; its authenticity has been checked.
            now_ns: a time read after the permit was received.
        """
        newest = self.newest
        if age_code(permit, now_ns) is ReasonCode.OK and (
                newest is None or (permit.epoch, permit.seq) > (newest.epoch, newest.seq)):
            self.newest = permit

    @property
    def until_ns(self) -> int:
        """When the permit in force expires; 0 without one."""
        return self.newest.monotonic_ns + PERMIT_LIFETIME_NS if self.newest else 0

    def take_stop(self) -> bool:
        """Return whether a stop is in force, or there was one since the last call: nothing may continue by itself.

        A process that starts after a stop in the same run gets True once, since its predecessor may have missed it.
        """
        newest = self.newest
        if newest is None:
            return False
        missed, self._stop_count = newest.stop_count != self._stop_count, newest.stop_count
        return missed or not _STOPS.isdisjoint(newest.reasons)

    def take_estop(self) -> bool:
        """Return whether the emergency stop is open, or was since the last call: the motors lost their supply."""
        newest = self.newest
        if newest is None:
            return False
        missed, self._estop_count = newest.estop_count != self._estop_count, newest.estop_count
        return missed or not _ESTOPS.isdisjoint(newest.reasons)

    def motion_code(self, now_ns: int) -> ReasonCode:
        """Return why motion is not permitted, see :func:`motion_code`; OK when it is."""
        return motion_code(self.newest, now_ns)

    def laser_code(self, now_ns: int) -> ReasonCode:
        """Return why emission is not permitted, see :func:`laser_code`; OK when it is."""
        return laser_code(self.newest, now_ns)

    def motion_ok(self, now_ns: int) -> bool:
        """Return whether motion is permitted."""
        return self.motion_code(now_ns) is ReasonCode.OK

    def laser_ok(self, now_ns: int) -> bool:
        """Return whether emission is permitted, for which motion must be permitted too."""
        return self.laser_code(now_ns) is ReasonCode.OK

    def check_lease(self, lease_id: str, now_ns: int) -> None:
        """Refuse a caller who is not the operator, whatever is permitted.

        A permit that another thread took after ``now_ns`` was read is not from the future.

        Raises:
            TurretError: PERMIT_MISSING or PERMIT_STALE without a valid permit, NO_OPERATOR when there is no operator,
                WRONG_LEASE.
        """
        permit = self.newest
        code = age_code(permit, max(now_ns, permit.monotonic_ns) if permit else now_ns)
        if permit is None or code is not ReasonCode.OK:
            raise TurretError(code, 'the safety node is silent, so the operator cannot be checked')
        if not permit.lease_digest:
            raise TurretError(ReasonCode.NO_OPERATOR, 'there is no operator; acquire the lease first')
        if not hmac.compare_digest(lease_digest(lease_id).encode(), permit.lease_digest.encode()):
            raise TurretError(ReasonCode.WRONG_LEASE, 'this lease id is not the operator\'s')
