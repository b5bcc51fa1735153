"""Who the operator is, whether they are there, and whether they hold the trigger."""

from __future__ import annotations

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


class OperatorLease:
    """One operator at a time, proven by a secret and kept by heartbeats that echo the newest nonce.

    A heartbeat counts only when the nonce it echoes was given less than :data:`BEAT_LIFETIME_NS` ago, so that one that
    was held up on its way proves nothing. After a gap the trigger counts only once it has been seen released. Times are
    CLOCK_MONOTONIC in ns.

    Attributes:
        name: of the operator; empty = nobody.
        lease_id: what the operator's commands carry; empty = nobody.
    """

    def __init__(self, secret: str, token: Callable[[], str] = secrets.token_urlsafe) -> None:
        self._secret = secret
        self._token = token
        self._last_lease_id = ''
        self._clear()

    def _clear(self) -> None:
        self.name = ''
        self.lease_id = ''
        self._nonce = ''
        self._nonce_ns = 0
        self._beat_ns: int | None = None
        self._trigger = False
        self._needs_release = True

    def acquire(self, secret: str, name: str, take_over: bool, now_ns: int) -> tuple[str, str]:
        """Make ``name`` the operator; return the lease id and the first nonce.

        Raises:
            TurretError: WRONG_SECRET, INVALID_ARGUMENT for the name, or LEASE_TAKEN; nothing was changed.
        """
        if not hmac.compare_digest(secret.encode(), self._secret.encode()):
            raise TurretError(ReasonCode.WRONG_SECRET, 'this is not the operator secret of this turret')
        if not (1 <= len(name) <= _NAME_LENGTH_MAX and name.isprintable() and name.strip()):
            raise TurretError(
                ReasonCode.INVALID_ARGUMENT, f'a name has 1 to {_NAME_LENGTH_MAX} printable characters')
        self.expire(now_ns)
        if self.lease_id and not take_over:
            raise TurretError(ReasonCode.LEASE_TAKEN, f'{self.name} is the operator; ask to take over')
        self._last_lease_id = self.lease_id
        self._clear()
        self.name = name
        self.lease_id = self._token()
        return self.lease_id, self._new_nonce(now_ns)

    def release(self, lease_id: str) -> None:
        """Stop being the operator. Raises as :meth:`check`."""
        self.check(lease_id)
        self._last_lease_id = ''
        self._clear()

    def check(self, lease_id: str) -> None:
        """Refuse a caller who is not the operator.

        Raises:
            TurretError: NO_OPERATOR, OPERATOR_CHANGED to the one before the present operator, or WRONG_LEASE.
        """
        if not self.lease_id:
            raise TurretError(ReasonCode.NO_OPERATOR, 'nobody is the operator; acquire the lease first')
        if hmac.compare_digest(lease_id.encode(), self.lease_id.encode()):
            return
        if self._last_lease_id and hmac.compare_digest(lease_id.encode(), self._last_lease_id.encode()):
            raise TurretError(ReasonCode.OPERATOR_CHANGED, f'{self.name} took over and is the operator now')
        raise TurretError(ReasonCode.WRONG_LEASE, 'this lease id is not the operator\'s')

    def beat(self, lease_id: str, nonce: str, trigger: bool, now_ns: int) -> tuple[str, bool]:
        """Take a heartbeat; return the nonce for the next one and whether this one counted.

        A late heartbeat, or one with an empty nonce from an operator who lost the last reply, does not count: it proves
        nothing, but the operator can go on with the next one.

        Raises:
            TurretError: as :meth:`check`; HEARTBEAT_REPLAYED when the nonce is not the newest.
        """
        self.check(lease_id)
        if nonce and not hmac.compare_digest(nonce.encode(), self._nonce.encode()):
            raise TurretError(ReasonCode.HEARTBEAT_REPLAYED, 'the heartbeat does not echo the newest nonce')
        counts = bool(nonce) and now_ns - self._nonce_ns < BEAT_LIFETIME_NS
        if not counts or not self.present(now_ns):
            self._needs_release = True
        if counts:
            self._beat_ns = now_ns
        if counts and not trigger:
            self._needs_release = False
        self._trigger = trigger and counts and not self._needs_release
        return self._new_nonce(now_ns), counts

    def needs_new_press(self) -> bool:
        """Return whether the trigger counts only after it has been released."""
        return self._needs_release

    def age_ns(self, now_ns: int) -> int | None:
        """Return the age of the newest heartbeat that counted; None = none from this operator."""
        return None if self._beat_ns is None else now_ns - self._beat_ns

    def present(self, now_ns: int) -> bool:
        """Return whether the newest heartbeat is fresh."""
        return self._beat_ns is not None and now_ns - self._beat_ns < BEAT_LIFETIME_NS

    def trigger(self, now_ns: int) -> bool:
        """Return whether the operator is present and holds the trigger."""
        return self._trigger and self.present(now_ns)

    def reasons(self, now_ns: int) -> list[ReasonCode]:
        """Return why the laser may not fire as far as the operator is concerned.

        HEARTBEAT_LOST alone is a short gap. NO_OPERATOR means that nobody is there, or nobody any more.
        """
        if not self.lease_id:
            return [ReasonCode.NO_OPERATOR]
        if self.present(now_ns):
            return []
        if self._beat_ns is not None and now_ns - self._beat_ns < ABSENCE_NS:
            return [ReasonCode.HEARTBEAT_LOST]
        return [ReasonCode.HEARTBEAT_LOST, ReasonCode.NO_OPERATOR]

    def expire(self, now_ns: int) -> None:
        """Free the lease of an operator who has long been silent."""
        if self.lease_id and now_ns - self._nonce_ns >= LEASE_LIFETIME_NS:
            self._last_lease_id = ''
            self._clear()

    def _new_nonce(self, now_ns: int) -> str:
        self._nonce, self._nonce_ns = self._token(), now_ns
        return self._nonce
