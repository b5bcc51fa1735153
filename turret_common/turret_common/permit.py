"""The safety node's permit as its receivers see it: newest only, aged by the monotonic clock, gone at 100 ms."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: A permit is worth nothing from this age on, in ns.
PERMIT_LIFETIME_NS = 100_000_000
_STOPS = frozenset({ReasonCode.SOFTWARE_STOP, ReasonCode.ESTOP_PRESSED})


class Permit(NamedTuple):
    """One message of ``safety/permit``; the fields are those of ``SafetyPermit.msg``."""

    epoch: int
    seq: int
    monotonic_ns: int
    laser_ok: bool
    motion_ok: bool
    lease_digest: str
    reasons: tuple[int, ...]


def lease_digest(lease_id: str) -> str:
    """Return the digest by which a permit names a lease id: its SHA-256 in hex; empty for no lease."""
    return hashlib.sha256(lease_id.encode()).hexdigest() if lease_id else ''


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

    One thread may update while others ask. Times are CLOCK_MONOTONIC of this host in ns; a permit that claims to come
    from the future was issued on another host and allows nothing.

    Attributes:
        newest: the permit in force, None before the first.
    """

    def __init__(self) -> None:
        self.newest: Permit | None = None

    def update(
            self, epoch: int, seq: int, monotonic_ns: int, laser_ok: bool, motion_ok: bool, lease_digest: str,
            reasons: Sequence[int]) -> None:
        """Take a permit that arrived; one that is not newer than the one in force is ignored."""
        newest = self.newest
        if newest is None or (epoch, seq) > (newest.epoch, newest.seq):
            self.newest = Permit(epoch, seq, monotonic_ns, laser_ok, motion_ok, lease_digest, tuple(reasons))

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

    @property
    def stopped(self) -> bool:
        """Whether a stop is in force; after its reset nothing may resume by itself."""
        return self.newest is not None and not _STOPS.isdisjoint(self.newest.reasons)

    def check_lease(self, lease_id: str, now_ns: int) -> None:
        """Refuse a caller who is not the operator, whatever is permitted.

        Raises:
            TurretError: PERMIT_MISSING or PERMIT_STALE when it cannot be checked, NO_OPERATOR when there is none,
                WRONG_LEASE.
        """
        permit = self.newest
        code = age_code(permit, now_ns)
        if permit is None or code is not ReasonCode.OK:
            raise TurretError(code, 'the safety node is silent, so the operator cannot be checked')
        if not permit.lease_digest:
            raise TurretError(ReasonCode.NO_OPERATOR, 'there is no operator; acquire the lease first')
        if not hmac.compare_digest(lease_digest(lease_id).encode(), permit.lease_digest.encode()):
            raise TurretError(ReasonCode.WRONG_LEASE, 'this lease id is not the operator\'s')
