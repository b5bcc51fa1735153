# SPDX-License-Identifier: Apache-2.0
"""Permits as messages: only those of the run count, in order and while they are fresh."""

from __future__ import annotations

import copy
import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest

from turret_common.messages.run_key import run_key
from turret_common.permit import Permit, PermitMonitor
from turret_common.reason_codes import ReasonCode
from turret_common.ros.permit_feed import PermitFeed, observe_permit, permit_of, sign_permit
from turret_common.ros.qos import PERMIT
from turret_common.ros.subscriptions import AwaitedSubscription
from turret_common.testing.ros_testing import RosHarness, signed
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import SafetyPermit


def permit(seq: int, **fields: Any) -> SafetyPermit:
    return SafetyPermit(**{
        'epoch': 5, 'seq': seq, 'monotonic_ns': time.monotonic_ns(), 'laser_ok': False, 'motion_ok': True,
        'lease_digest': 'a digest', 'reasons': [100, 101], 'stop_count': 3, 'estop_count': 2, **fields})


def test_the_content_is_that_of_the_message() -> None:
    assert permit_of(permit(7, monotonic_ns=9)) == Permit(5, 7, 9, False, True, 'a digest', (100, 101), 3, 2)


@pytest.mark.parametrize('change', [
    {'epoch': 6}, {'seq': 8}, {'monotonic_ns': 8}, {'laser_ok': True}, {'motion_ok': False}, {'lease_digest': ''},
    {'reasons': []}, {'reasons': [100]}, {'stop_count': 4}, {'estop_count': 3}])
def test_every_field_changes_the_code(change: dict[str, Any]) -> None:
    key = b'k' * 32
    message = sign_permit(permit(7, monotonic_ns=9), key)
    forged = copy.deepcopy(message)
    for field, value in change.items():
        setattr(forged, field, value)
    assert message.mac
    assert sign_permit(forged, key).mac != message.mac


class Feed:
    """A feed, and a publisher that it hears."""

    def __init__(self, ros: RosHarness) -> None:
        self.feed = PermitFeed(ros.probe)
        self.out = ros.probe.create_publisher(SafetyPermit, 'safety/permit', PERMIT)
        wait_until(self.out.get_subscription_count)

    def hear(self, message: SafetyPermit, condition: Callable[[PermitMonitor], Any]) -> PermitMonitor:
        """Publish a permit, and take what arrives until a condition holds."""
        self.out.publish(message)
        wait_until(lambda: condition(self.feed.update()))
        return self.feed.monitor


@pytest.fixture(autouse=True)
def long_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let permits live longer, so that a busy machine fails no test; their age has its own tests."""
    monkeypatch.setattr('turret_common.permit.PERMIT_LIFETIME_NS', 5_000_000_000)


@pytest.fixture
def feed(ros: RosHarness) -> Feed:
    return Feed(ros)


def test_a_permit_of_the_run_counts(feed: Feed) -> None:
    message = permit(1)
    monitor = feed.hear(signed(message), lambda monitor: monitor.newest)
    assert monitor is feed.feed.monitor
    assert monitor.newest == permit_of(message)
    assert monitor.motion_code(message.monotonic_ns) is ReasonCode.OK
    assert feed.feed.rejected == 0


def test_a_given_subscription_is_used_for_a_thread_that_waits(ros: RosHarness) -> None:
    given = AwaitedSubscription(ros.probe, SafetyPermit, 'safety/permit', PERMIT)
    assert PermitFeed(ros.probe, given).subscription is given
    given.close()


@pytest.mark.parametrize('kind', ['unsigned', 'of another run', 'tampered'])
def test_others_are_rejected_and_displace_none(feed: Feed, kind: str) -> None:
    first = permit(1)
    feed.hear(signed(first), lambda monitor: monitor.newest)
    message = permit(2, laser_ok=True)
    if kind == 'of another run':
        sign_permit(message, secrets.token_bytes(32))
    elif kind == 'tampered':
        message = signed(permit(2))
        message.laser_ok = True
    feed.hear(message, lambda _: feed.feed.rejected)
    assert feed.feed.rejected == 1
    assert feed.feed.monitor.newest == permit_of(first)


@pytest.mark.parametrize('late_ns', [-10**12, 10**12])
def test_permits_that_are_late_or_from_the_future_displace_none(
        feed: Feed, late_ns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Permit] = []
    update = PermitMonitor.update

    def note(monitor: PermitMonitor, permit: Permit, now_ns: int) -> None:
        heard.append(permit)
        update(monitor, permit, now_ns)
    monkeypatch.setattr(PermitMonitor, 'update', note)
    feed.hear(signed(permit(9, monotonic_ns=time.monotonic_ns() - late_ns)), lambda _: heard)
    assert feed.feed.monitor.newest is None
    last = permit(1)
    monitor = feed.hear(signed(last), lambda monitor: monitor.newest)
    assert monitor.newest == permit_of(last)
    assert feed.feed.rejected == 0


def test_a_recorded_permit_counts_at_the_time_of_its_issue() -> None:
    monitor = PermitMonitor()
    message = permit(1, monotonic_ns=12_345)
    observe_permit(monitor, message)
    assert monitor.newest == permit_of(message)
    assert monitor.motion_ok(12_345)


def test_the_key_of_the_run_is_that_of_the_namespace(feed: Feed) -> None:
    message = sign_permit(permit(1), run_key('another_turret'))
    feed.hear(message, lambda _: feed.feed.rejected)
    assert feed.feed.monitor.newest is None
