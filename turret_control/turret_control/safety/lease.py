# SPDX-License-Identifier: Apache-2.0
"""Who the operator is, whether they are there, and whether they hold the trigger."""

from __future__ import annotations

import dataclasses
import hmac
import secrets
from collections.abc import Callable

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: A heartbeat proves the operator's presence for this long, in ns.
BEAT_LIFETIME_NS = 300_000_000
#: Without a heartbeat for this long, in ns, the operator is gone: coming back takes a new arm.
ABSENCE_NS = 1_000_000_000
#: Without a heartbeat for this long, in ns, the lease is free again.
LEASE_LIFETIME_NS = 10_000_000_000

_NAME_LENGTH_MAX = 40


@dataclasses.dataclass
class _Holder:
    """Who holds the lease, and what is known of them."""

    name: str
    lease_id: str
    nonce: str
    nonce_ns: int
    beat_ns: int | None = None
    trigger: bool = False
    needs_release: bool = True


class OperatorLease:
    """One operator at a time, proven by a secret and kept by heartbeats that echo the newest nonce.

    A heartbeat counts only when the nonce it echoes was given less than :data:`BEAT_LIFETIME_NS` ago, so that one that
    was held up on its way proves nothing. After a gap the trigger counts only once it has been seen released. Times are
    CLOCK_MONOTONIC in ns.
    """

    def __init__(self, secret: str, token: Callable[[], str] = secrets.token_urlsafe) -> None:
        self._secret = secret
        self._token = token
        self._holder: _Holder | None = None
        self._last_lease_id = ''

    @property
    def name(self) -> str:
        """The operator's name; empty = none."""
        return self._holder.name if self._holder else ''

    @property
    def lease_id(self) -> str:
        """What the operator's commands carry; empty = no operator."""
        return self._holder.lease_id if self._holder else ''

    def acquire(self, secret: str, name: str, take_over: bool, now_ns: int) -> tuple[str, str]:
        """Make ``name`` the operator; return the lease id and the first nonce.

        Raises:
            TurretError: WRONG_SECRET, INVALID_ARGUMENT for the name, or LEASE_TAKEN; nothing was changed.
        """
        if not _equal(secret, self._secret):
            raise TurretError(ReasonCode.WRONG_SECRET, 'this is not the operator secret of this turret')
        if not (len(name) <= _NAME_LENGTH_MAX and name.isprintable() and name.strip()):
            raise TurretError(
                ReasonCode.INVALID_ARGUMENT, f'a name has 1 to {_NAME_LENGTH_MAX} printable characters')
        self.expire(now_ns)
        if self._holder and not take_over:
            raise TurretError(ReasonCode.LEASE_TAKEN, f'{self.name} is the operator; ask to take over')
        self._last_lease_id = self.lease_id
        self._holder = _Holder(name, self._token(), self._token(), now_ns)
        return self._holder.lease_id, self._holder.nonce

    def release(self, lease_id: str) -> None:
        """Stop being the operator. Raises as :meth:`check`."""
        self.check(lease_id)
        self._holder = None

    def check(self, lease_id: str) -> None:
        """Refuse a caller who is not the operator.

        Raises:
            TurretError: NO_OPERATOR, OPERATOR_CHANGED to the one before the present operator, or WRONG_LEASE.
        """
        self._holder_of(lease_id)

    def beat(self, lease_id: str, nonce: str, trigger: bool, now_ns: int) -> tuple[str, bool]:
        """Take a heartbeat; return the nonce for the next one and whether this one counted.

        A late heartbeat, or one with an empty nonce from an operator who lost the last reply, does not count: it proves
        nothing, but the operator can continue with the next one.

        Raises:
            TurretError: as :meth:`check`; HEARTBEAT_REPLAYED when the nonce is not the newest.
        """
        holder = self._holder_of(lease_id)
        if nonce and not _equal(nonce, holder.nonce):
            raise TurretError(ReasonCode.HEARTBEAT_REPLAYED, 'the heartbeat does not echo the newest nonce')
        counts = bool(nonce) and now_ns - holder.nonce_ns < BEAT_LIFETIME_NS
        if counts:
            holder.beat_ns = now_ns
            holder.needs_release = holder.needs_release and trigger
        else:
            holder.needs_release = True
        holder.trigger = trigger and not holder.needs_release
        holder.nonce, holder.nonce_ns = self._token(), now_ns
        return holder.nonce, counts

    def needs_new_press(self) -> bool:
        """Return whether the trigger counts only after it has been released."""
        return self._holder is None or self._holder.needs_release

    def age_ns(self, now_ns: int) -> int | None:
        """Return the age of the newest heartbeat that counted; None = none from this operator."""
        return None if self._holder is None or self._holder.beat_ns is None else now_ns - self._holder.beat_ns

    def present(self, now_ns: int) -> bool:
        """Return whether the newest heartbeat is fresh."""
        age_ns = self.age_ns(now_ns)
        return age_ns is not None and age_ns < BEAT_LIFETIME_NS

    def trigger(self, now_ns: int) -> bool:
        """Return whether the operator is present and holds the trigger."""
        return self._holder is not None and self._holder.trigger and self.present(now_ns)

    def reasons(self, now_ns: int) -> list[ReasonCode]:
        """Return why the laser may not fire as far as the operator is concerned.

        HEARTBEAT_LOST alone is a short gap. NO_OPERATOR means that there is no operator, or no longer.
        """
        if self._holder is None:
            return [ReasonCode.NO_OPERATOR]
        age_ns = self.age_ns(now_ns)
        if age_ns is None or age_ns >= ABSENCE_NS:
            return [ReasonCode.HEARTBEAT_LOST, ReasonCode.NO_OPERATOR]
        return [] if age_ns < BEAT_LIFETIME_NS else [ReasonCode.HEARTBEAT_LOST]

    def expire(self, now_ns: int) -> None:
        """Free the lease of an operator who has long been silent."""
        if self._holder and now_ns - self._holder.nonce_ns >= LEASE_LIFETIME_NS:
            self._holder = None

    def _holder_of(self, lease_id: str) -> _Holder:
        if self._holder is None:
            raise TurretError(ReasonCode.NO_OPERATOR, 'there is no operator; acquire the lease first')
        if _equal(lease_id, self._holder.lease_id):
            return self._holder
        if self._last_lease_id and _equal(lease_id, self._last_lease_id):
            raise TurretError(ReasonCode.OPERATOR_CHANGED, f'{self.name} took over and is the operator now')
        raise TurretError(ReasonCode.WRONG_LEASE, 'this lease id is not the operator\'s')


def _equal(given: str, secret: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode(), secret.encode())
