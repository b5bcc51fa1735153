# SPDX-License-Identifier: Apache-2.0
"""Stamps and clocks: ``builtin_interfaces/Time`` in s and ns, ages, and instants of the monotonic clock as stamps."""

from __future__ import annotations

import time
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.node import Node

_NS_PER_S = 1_000_000_000


def seconds(stamp: Any) -> float:
    """Return a ``Time`` or ``Duration`` message in s."""
    return float(stamp.sec) + 1e-9 * float(stamp.nanosec)


def nanoseconds(stamp: Any) -> int:
    """Return a ``Time`` or ``Duration`` message in ns."""
    return int(stamp.sec) * _NS_PER_S + int(stamp.nanosec)


def stamp_from(seconds_: float) -> Time:
    """Return s as a ``Time`` message."""
    return stamp_from_ns(round(seconds_ * 1e9))


def stamp_from_ns(nanoseconds_: int) -> Time:
    """Return ns as a ``Time`` message."""
    sec, nanosec = divmod(nanoseconds_, _NS_PER_S)
    return Time(sec=sec, nanosec=nanosec)


def wall_stamp() -> Time:
    """Return the time of the host, also where the node's own clock is simulated."""
    return stamp_from_ns(time.time_ns())


def wall_ns(monotonic_ns: int) -> int:
    """Return an instant of CLOCK_MONOTONIC on the wall clock [ns since 1970], by the clocks' difference now."""
    return monotonic_ns + time.time_ns() - time.monotonic_ns()


def monotonic_ns(wall_ns_: int) -> int:
    """Return an instant of the wall clock on CLOCK_MONOTONIC [ns]; the inverse of :func:`wall_ns`."""
    return wall_ns_ + time.monotonic_ns() - time.time_ns()


def age_s(node: Node, stamp: Any) -> float:
    """Return how long ago a stamp was, in s on the node's clock. Negative for a stamp in the future."""
    return 1e-9 * (int(node.get_clock().now().nanoseconds) - nanoseconds(stamp))
