# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.safety.lease import ABSENCE_NS, BEAT_LIFETIME_NS, LEASE_LIFETIME_NS, OperatorLease

MS = 1_000_000


class Operator:
    """An operator and the lease that they try to hold."""

    def __init__(self) -> None:
        tokens = count()
        self.lease = OperatorLease('secret', lambda: f'token-{next(tokens)}')
        self.now = 1000 * MS
        self.lease_id, self.nonce = self.lease.acquire('secret', 'Ada', False, self.now)

    def beat(self, trigger: bool = False, after_ms: float = 100.0, **changes: Any) -> bool:
        """Send a heartbeat some time after the last; return whether it counted."""
        self.now += round(after_ms * MS)
        beat = {'lease_id': self.lease_id, 'nonce': self.nonce, 'trigger': trigger, **changes}
        self.nonce, counted = self.lease.beat(**beat, now_ns=self.now)
        return counted

    def reasons(self, after_ms: float = 0.0) -> list[ReasonCode]:
        return self.lease.reasons(self.now + round(after_ms * MS))

    def trigger(self, after_ms: float = 0.0) -> bool:
        return self.lease.trigger(self.now + round(after_ms * MS))


def refusal(request: Any, *arguments: Any, **named: Any) -> ReasonCode:
    with pytest.raises(TurretError) as refused:
        request(*arguments, **named)
    return refused.value.code


def test_the_limits_are_those_of_the_design() -> None:
    assert (BEAT_LIFETIME_NS, ABSENCE_NS, LEASE_LIFETIME_NS) == (300 * MS, 1000 * MS, 10_000 * MS)


def test_the_secret_makes_an_operator() -> None:
    lease = OperatorLease('secret')
    assert lease.reasons(0) == [ReasonCode.NO_OPERATOR]
    assert refusal(lease.acquire, 'guess', 'Ada', False, 0) is ReasonCode.WRONG_SECRET
    assert refusal(lease.acquire, '', 'Ada', False, 0) is ReasonCode.WRONG_SECRET
    lease_id, nonce = lease.acquire('secret', 'Ada', False, 0)
    assert len(lease_id) >= 20
    assert len(nonce) >= 20
    assert lease.name == 'Ada'


@pytest.mark.parametrize('name', ['', '   ', 41 * 'a', 'a\nb', '\x1b[2J'])
def test_a_name_must_be_fit_to_show(name: str) -> None:
    lease = OperatorLease('secret')
    assert refusal(lease.acquire, 'secret', name, False, 0) is ReasonCode.INVALID_ARGUMENT
    assert lease.lease_id == ''


def test_a_name_of_40_characters_is_short_enough() -> None:
    OperatorLease('secret').acquire('secret', 40 * 'a', False, 0)


def test_a_lease_is_taken_over_only_when_asked_and_both_are_notified() -> None:
    ada = Operator()
    assert refusal(ada.lease.acquire, 'secret', 'Bob', False, ada.now) is ReasonCode.LEASE_TAKEN
    assert ada.lease.name == 'Ada'
    assert ada.beat()
    lease_id, _ = ada.lease.acquire('secret', 'Bob', True, ada.now)
    assert refusal(ada.beat) is ReasonCode.OPERATOR_CHANGED
    assert refusal(ada.beat, lease_id='else') is ReasonCode.WRONG_LEASE
    ada.lease.check(lease_id)
    assert ada.lease.name == 'Bob'


def test_a_new_operator_inherits_neither_presence_nor_trigger() -> None:
    ada = Operator()
    ada.beat()
    ada.beat(trigger=True)
    lease_id, nonce = ada.lease.acquire('secret', 'Bob', True, ada.now)
    assert not ada.lease.present(ada.now)
    assert not ada.trigger()
    assert ada.reasons() == [ReasonCode.HEARTBEAT_LOST, ReasonCode.NO_OPERATOR]
    ada.lease.beat(lease_id, nonce, True, ada.now + MS)
    assert not ada.lease.trigger(ada.now + MS), 'held since before the take-over'


def test_a_released_lease_is_nobodys() -> None:
    ada = Operator()
    ada.beat()
    assert refusal(ada.lease.release, 'else') is ReasonCode.WRONG_LEASE
    assert ada.reasons() == []
    ada.lease.release(ada.lease_id)
    assert ada.reasons() == [ReasonCode.NO_OPERATOR]
    assert refusal(ada.lease.check, ada.lease_id) is ReasonCode.NO_OPERATOR
    assert refusal(ada.lease.check, '') is ReasonCode.NO_OPERATOR
    ada.lease.acquire('secret', 'Bob', False, ada.now)
    assert refusal(ada.lease.check, ada.lease_id) is ReasonCode.WRONG_LEASE
    assert refusal(ada.lease.check, '') is ReasonCode.WRONG_LEASE


def test_no_one_is_there_before_the_first_heartbeat() -> None:
    assert Operator().reasons() == [ReasonCode.HEARTBEAT_LOST, ReasonCode.NO_OPERATOR]


def test_a_heartbeat_lasts_300_ms_and_after_1_s_no_one_is_there() -> None:
    ada = Operator()
    assert ada.beat()
    assert ada.reasons(299.9) == []
    assert ada.reasons(300) == [ReasonCode.HEARTBEAT_LOST]
    assert ada.reasons(999.9) == [ReasonCode.HEARTBEAT_LOST]
    assert ada.reasons(1000) == [ReasonCode.HEARTBEAT_LOST, ReasonCode.NO_OPERATOR]


def test_the_newest_nonce_must_be_echoed() -> None:
    ada = Operator()
    old = ada.nonce
    assert ada.beat()
    assert refusal(ada.beat, nonce=old) is ReasonCode.HEARTBEAT_REPLAYED
    assert refusal(ada.beat, nonce='guess') is ReasonCode.HEARTBEAT_REPLAYED
    assert ada.beat(after_ms=0)


def test_a_replayed_heartbeat_proves_nothing() -> None:
    ada = Operator()
    ada.beat()
    old = ada.nonce
    ada.beat()
    for _ in range(4):
        refusal(ada.beat, nonce=old)
    assert ReasonCode.HEARTBEAT_LOST in ada.reasons()


def test_heartbeats_that_were_held_up_and_released_together_prove_nothing() -> None:
    ada = Operator()
    ada.beat()
    held = ada.nonce
    assert not ada.beat(after_ms=300, nonce=held, trigger=True)
    assert refusal(ada.beat, nonce=held, after_ms=0) is ReasonCode.HEARTBEAT_REPLAYED
    assert ada.reasons() == [ReasonCode.HEARTBEAT_LOST]
    assert ada.beat(after_ms=10)
    assert ada.reasons() == []


def test_a_heartbeat_counts_up_to_300_ms_after_its_nonce() -> None:
    ada = Operator()
    assert ada.beat(after_ms=299.9)
    assert not ada.beat(after_ms=300)


def test_an_operator_who_lost_a_reply_continues_without_a_nonce() -> None:
    ada = Operator()
    ada.beat()
    ada.beat(trigger=True)
    assert not ada.beat(nonce='', trigger=True)
    assert not ada.trigger()
    assert ada.lease.needs_new_press()
    assert ada.beat(trigger=True)
    assert not ada.trigger()


def test_the_trigger_follows_its_level() -> None:
    ada = Operator()
    ada.beat(trigger=False)
    ada.beat(trigger=True)
    assert ada.trigger()
    assert not ada.lease.needs_new_press()
    ada.beat(trigger=False)
    assert not ada.trigger()
    ada.beat(trigger=True)
    assert ada.trigger()


def test_a_trigger_that_was_never_seen_released_does_not_count() -> None:
    ada = Operator()
    for _ in range(5):
        ada.beat(trigger=True)
        assert not ada.trigger()
        assert ada.lease.needs_new_press()


def test_the_trigger_is_released_by_a_gap_and_needs_a_new_press_after_it() -> None:
    ada = Operator()
    ada.beat()
    ada.beat(trigger=True)
    assert ada.trigger(299.9)
    assert not ada.trigger(300)
    ada.beat(trigger=True, after_ms=301)  # late: does not count
    ada.beat(trigger=True)
    assert not ada.trigger()
    ada.beat(trigger=False)
    ada.beat(trigger=True)
    assert ada.trigger()


def test_a_gap_between_heartbeats_counts_even_when_the_nonce_is_young() -> None:
    ada = Operator()
    ada.beat()
    ada.beat(trigger=True)
    ada.beat(nonce='', after_ms=250)
    assert ada.beat(trigger=True, after_ms=250)
    assert not ada.trigger()


def test_a_late_heartbeat_does_not_show_that_the_trigger_was_released() -> None:
    ada = Operator()
    ada.beat()
    ada.beat(trigger=True)
    assert not ada.beat(trigger=False, after_ms=301)
    ada.beat(trigger=True)
    assert not ada.trigger()


def test_no_one_has_no_age_and_no_trigger() -> None:
    lease = OperatorLease('secret')
    assert lease.age_ns(0) is None
    assert not lease.trigger(0)
    assert lease.needs_new_press()
    assert lease.lease_id == ''


def test_the_age_is_that_of_the_newest_heartbeat_that_counted() -> None:
    ada = Operator()
    assert ada.lease.age_ns(ada.now) is None
    ada.beat()
    assert ada.lease.age_ns(ada.now + 40 * MS) == 40 * MS
    ada.beat(nonce='', after_ms=100)
    assert ada.lease.age_ns(ada.now) == 100 * MS


def test_a_silent_operators_lease_lapses_after_10_s() -> None:
    ada = Operator()
    ada.beat()
    ada.lease.expire(ada.now + LEASE_LIFETIME_NS - 1)
    assert ada.lease.name == 'Ada'
    ada.lease.expire(ada.now + LEASE_LIFETIME_NS)
    assert ada.lease.name == ''
    assert refusal(ada.beat) is ReasonCode.NO_OPERATOR


def test_a_lapsed_lease_can_be_acquired_without_taking_over() -> None:
    ada = Operator()
    ada.beat()
    ada.lease.acquire('secret', 'Bob', False, ada.now + LEASE_LIFETIME_NS)
    assert ada.lease.name == 'Bob'
    assert refusal(ada.beat) is ReasonCode.WRONG_LEASE
